//! Searches several logs at once, and puts what is found in the order of time.

use std::path::{Path, PathBuf};

use super::line::Header;
use super::logs::Files;
use super::search::{Filter, Newest};
use crate::file::Unreadable;

/// A line that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The place of its log among those that were searched.
    pub log: usize,
    /// The file that has it.
    pub file: PathBuf,
    /// The line, without its newline.
    pub text: String,
}

/// What several logs have.
#[derive(Debug, Default)]
pub struct Merged {
    /// The lines in the order of their times. Lines of one log keep its order, also if its clock was set back; lines of
    /// the same time are in the order in which their logs were given.
    pub lines: Vec<Line>,
    /// The newest line of each log that has one, whether or not it is among `lines`.
    pub newest: Vec<Line>,
}

/// The newest line of a log that was not taken yet.
struct Waiting {
    line: Line,
    time: Vec<u8>,
}

/// The matching lines of one log, from the newest on.
struct Log<'a> {
    place: usize,
    lines: Newest<'a>,
    next: Option<Waiting>,
}

impl Log<'_> {
    /// Goes on to the next older line. A line without a time counts as being of the same time as the one after it.
    fn advance(&mut self) -> Result<(), Unreadable> {
        let after = self.next.take().map(|waiting| waiting.time);
        self.next = self.lines.next_line()?.map(|(file, line)| {
            let time = Header::read(&line).map(|header| header.time.to_vec()).or(after);
            let text = String::from_utf8_lossy(&line).into_owned();
            Waiting { line: Line { log: self.place, file: file.to_owned(), text }, time: time.unwrap_or_default() }
        });
        Ok(())
    }

    fn time(&self) -> Option<&[u8]> {
        self.next.as_ref().map(|waiting| waiting.time.as_slice())
    }
}

/// Returns the newest lines of several logs that meet the filter of their log, at most `limit` of all. Only these lines
/// and one block of a file of each log are in memory.
///
/// # Errors
/// A file cannot be read.
pub fn merged(logs: &[(&Files, Filter)], limit: usize) -> Result<Merged, Unreadable> {
    let mut open = Vec::new();
    for (place, (files, filter)) in logs.iter().enumerate() {
        let paths: Vec<&Path> = files.paths.iter().map(PathBuf::as_path).collect();
        let mut log = Log { place, lines: Newest::new(paths, filter), next: None };
        log.advance()?;
        open.push(log);
    }
    let newest = open.iter().filter_map(|log| log.next.as_ref().map(|waiting| waiting.line.clone())).collect();
    let mut lines = Vec::new();
    while lines.len() < limit {
        // Of several, `max_by` returns the last one, which comes last in the order of time too.
        let Some(log) =
            open.iter_mut().filter(|log| log.next.is_some()).max_by(|one, other| one.time().cmp(&other.time()))
        else {
            break;
        };
        lines.extend(log.next.as_ref().map(|waiting| waiting.line.clone()));
        log.advance()?;
    }
    lines.reverse();
    Ok(Merged { lines, newest })
}
