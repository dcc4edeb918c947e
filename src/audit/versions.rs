//! Reads the versions of rows from the log. Each change of lifecycle or permissions has a line with the new version of
//! its row.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::Deserialize;

use super::line::MAX_LINE;
use super::record::records_changes;
use crate::file::{Unreadable, unreadable};

/// The last version of each row, by the object's name in the log.
pub type Versions = HashMap<String, i64>;

#[derive(Deserialize)]
struct Members<'a> {
    seq: u64,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    object: Option<Cow<'a, str>>,
    #[serde(borrow)]
    outcome: Option<Cow<'a, str>>,
    version: Option<i64>,
    first: Option<u64>,
    last: Option<u64>,
    #[serde(default)]
    not_in_database: Vec<u64>,
}

/// The lines whose changes were not committed.
#[derive(Default)]
struct Retracted {
    ranges: Vec<RangeInclusive<u64>>,
    single: BTreeSet<u64>,
}

/// Reads the versions from the files, in any order. The lines are not verified.
///
/// # Errors
/// A file cannot be read.
pub fn read(files: &[PathBuf]) -> Result<Versions, Unreadable> {
    let mut retracted = Retracted::default();
    each(files, &["not-committed", "not_in_database"], |members| {
        if let (Some(first), Some(last)) = (members.first, members.last) {
            retracted.ranges.push(first..=last);
        }
        retracted.single.extend(members.not_in_database);
    })?;
    let mut versions: HashMap<String, (u64, i64)> = HashMap::new();
    each(files, &["\"version\":"], |members| {
        let happened = records_changes(members.event.as_bytes()) && members.outcome.as_deref() == Some("success");
        let (Some(object), Some(version), true) = (members.object, members.version, happened) else { return };
        let is_retracted = retracted.ranges.iter().any(|range| range.contains(&members.seq));
        if is_retracted || retracted.single.contains(&members.seq) {
            return;
        }
        let known = versions.entry(object.into_owned()).or_insert((members.seq, version));
        if known.0 < members.seq {
            *known = (members.seq, version);
        }
    })?;
    Ok(versions.into_iter().map(|(object, (_, version))| (object, version)).collect())
}

/// Calls `take` with each line that contains one of `words`.
fn each(files: &[PathBuf], words: &[&str], mut take: impl FnMut(Members<'_>)) -> Result<(), Unreadable> {
    for path in files {
        let unreadable = unreadable("", path);
        let mut reader = BufReader::with_capacity(1 << 18, File::open(path).map_err(unreadable)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
            if reader.by_ref().take(limit).read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            if words.iter().any(|word| text.contains(word))
                && let Ok(members) = serde_json::from_str(&text)
            {
                take(members);
            }
        }
    }
    Ok(())
}
