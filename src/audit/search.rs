//! Searches lines, newest first.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::line::{Header, MAX_START, timestamp};
use super::lines::Backwards;
use crate::file::{self, Unreadable};

/// The largest number of results by default.
pub const DEFAULT_LIMIT: usize = 1000;

/// After so many lines in succession that are older than the earliest time, all others count as older too: the clock may
/// have been set back, and the end of a log may have a line with another time.
const OLDER: u32 = 10_000;

/// The conditions of a search. A line must meet all that are given.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The object of the operation.
    pub object: Option<String>,
    /// The caller.
    pub caller: Option<String>,
    /// The operation, in any case.
    pub operation: Option<String>,
    /// `success`, `refused` or `failed`.
    pub outcome: Option<String>,
    /// The earliest time, in the form that [`time_of`] returns.
    pub from: Option<String>,
    /// The latest time, in the form that [`time_of`] returns.
    pub to: Option<String>,
    /// The number of the last line that is not searched.
    pub after: Option<u64>,
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, caller, operation, outcome, from, to, after: _ } = self;
        let all = [
            ("object", object),
            ("caller", caller),
            ("operation", operation),
            ("outcome", outcome),
            ("from", from),
            ("to", to),
        ];
        f.write_str("lines")?;
        for (name, value) in all {
            if let Some(value) = value {
                write!(f, ", {name} {value:?}")?;
            }
        }
        Ok(())
    }
}

/// Converts a time in RFC 3339 to the form that lines contain; `None` if the text is not such a time.
#[must_use]
pub fn time_of(text: &str) -> Option<String> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some(timestamp(i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()?))
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    object: Option<Cow<'a, str>>,
    #[serde(borrow)]
    user: Option<Cow<'a, str>>,
    #[serde(borrow)]
    operation: Option<Cow<'a, str>>,
    #[serde(borrow)]
    outcome: Option<Cow<'a, str>>,
}

impl Filter {
    /// Whether the line is older than the earliest time.
    fn is_before(&self, header: Option<&Header<'_>>) -> bool {
        self.from.as_ref().zip(header).is_some_and(|(from, header)| header.time < from.as_bytes())
    }

    /// Whether the line is one of those that are not searched, and so are all before it.
    fn is_passed(&self, header: Option<&Header<'_>>) -> bool {
        self.after.zip(header).is_some_and(|(after, header)| header.seq <= after)
    }

    fn admits(&self, line: &[u8], header: Option<&Header<'_>>) -> bool {
        let time = header.map(|header| header.time);
        let bounds = [self.from.as_ref().map(|from| (from, true)), self.to.as_ref().map(|to| (to, false))];
        let in_time = bounds.into_iter().flatten().all(|(bound, is_first)| {
            time.is_some_and(|time| if is_first { time >= bound.as_bytes() } else { time <= bound.as_bytes() })
        });
        if !in_time {
            return false;
        }
        if [&self.object, &self.caller, &self.operation, &self.outcome].into_iter().all(Option::is_none) {
            return true;
        }
        let Ok(members) = serde_json::from_slice::<Members<'_>>(line) else { return false };
        let is = |wanted: &Option<String>, found: Option<Cow<'_, str>>| {
            wanted.as_ref().is_none_or(|wanted| found.is_some_and(|found| found == *wanted))
        };
        let operation = self
            .operation
            .as_ref()
            .is_none_or(|wanted| members.operation.as_ref().is_some_and(|found| found.eq_ignore_ascii_case(wanted)));
        operation
            && is(&self.object, members.object)
            && is(&self.caller, members.user)
            && is(&self.outcome, members.outcome)
    }
}

/// The result of a search.
#[derive(Debug)]
pub struct Found {
    /// The lines, in the order of the log.
    pub lines: Vec<String>,
    /// Whether the search covered all files that can contain results.
    pub complete: bool,
}

/// The lines of one log that meet a filter, from the newest on.
pub(super) struct Newest<'a> {
    /// The files that were not opened yet, oldest first.
    files: Vec<&'a Path>,
    open: Option<(&'a Path, Backwards)>,
    filter: &'a Filter,
    /// After so many bytes, no further file is opened.
    budget: u64,
    read: u64,
    /// The number of lines in succession that are older than the earliest time.
    older: u32,
    complete: bool,
}

impl<'a> Newest<'a> {
    /// `files`: oldest first.
    pub(super) fn new(files: Vec<&'a Path>, filter: &'a Filter) -> Self {
        Self { files, open: None, filter, budget: u64::MAX, read: 0, older: 0, complete: true }
    }

    /// Returns the next older line that meets the filter, and its file.
    pub(super) fn next_line(&mut self) -> Result<Option<(&'a Path, Vec<u8>)>, Unreadable> {
        self.next_until(&|| false)
    }

    /// Like [`Self::next_line`]. When `is_over` returns true it stops at the next line.
    fn next_until(&mut self, is_over: &dyn Fn() -> bool) -> Result<Option<(&'a Path, Vec<u8>)>, Unreadable> {
        while let Some((path, line)) = self.read_line()? {
            if is_over() {
                self.complete = false;
                break;
            }
            let header = Header::read(&line);
            if self.filter.is_passed(header.as_ref()) {
                break;
            }
            self.older = if self.filter.is_before(header.as_ref()) { self.older + 1 } else { 0 };
            if self.older > OLDER {
                break;
            }
            if self.filter.admits(&line, header.as_ref()) {
                return Ok(Some((path, line)));
            }
        }
        self.files.clear();
        self.open = None;
        Ok(None)
    }

    /// Returns the next older line, and its file.
    fn read_line(&mut self) -> Result<Option<(&'a Path, Vec<u8>)>, Unreadable> {
        loop {
            if let Some((path, lines)) = &mut self.open {
                if let Some(line) = lines.next() {
                    return Ok(Some((path, line.map_err(file::unreadable("", path))?)));
                }
                self.open = None;
            }
            let Some(path) = self.files.pop() else { return Ok(None) };
            if self.read >= self.budget {
                self.complete = false;
                return Ok(None);
            }
            let unreadable = file::unreadable("", path);
            self.read += path.metadata().map_err(unreadable)?.len();
            self.open = Some((path, File::open(path).and_then(Backwards::whole).map_err(unreadable)?));
        }
    }
}

/// Returns the newest lines that meet the filter, at most `limit`, in the order of the log. The files may be given in
/// any order. An incomplete line at the end is ignored. After `budget` bytes the search opens no further file; when
/// `is_over` returns true it stops at the next line.
///
/// # Errors
/// A file cannot be read.
pub fn search(
    files: &[PathBuf],
    filter: &Filter,
    limit: usize,
    budget: u64,
    is_over: &dyn Fn() -> bool,
) -> Result<Found, Unreadable> {
    let mut files: Vec<(u64, &Path)> =
        files.iter().map(|path| Ok((first_in(path)?, path.as_path()))).collect::<Result<_, Unreadable>>()?;
    files.sort();
    let files = files.into_iter().map(|(_, path)| path).collect();
    let mut newest = Newest { budget, ..Newest::new(files, filter) };
    let mut found = Vec::new();
    while found.len() < limit {
        let Some((_, line)) = newest.next_until(is_over)? else { break };
        found.push(String::from_utf8_lossy(&line).into_owned());
    }
    found.reverse();
    Ok(Found { lines: found, complete: newest.complete })
}

/// Returns the sequence number of a file's first line. A file without lines counts as the newest.
fn first_in(path: &Path) -> Result<u64, Unreadable> {
    File::open(path).and_then(|file| first_of(&file)).map_err(file::unreadable("", path))
}

/// Returns the sequence number of the first line of an open file. This moves the position of the file.
pub(super) fn first_of(file: &File) -> io::Result<u64> {
    Ok(Header::read(&file::start(file, MAX_START)?).map_or(u64::MAX, |header| header.seq))
}
