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
    /// The newest line with a number of each log that has one, whether or not it is among `lines`.
    pub newest: Vec<Reached>,
    /// The files in which a line was met that does not have the form of a line of the log.
    pub formless: Vec<PathBuf>,
}

/// Up to where a log was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The place of the log among those that were searched.
    pub log: usize,
    /// The file.
    pub file: PathBuf,
    /// The number of the line.
    pub seq: u64,
    /// The time of the line.
    pub time: String,
}

/// The time of a line that has none and that no line with a time follows: it comes after all times.
const NEWEST: &[u8] = b"~";

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
    newest: Option<Reached>,
    formless: Vec<PathBuf>,
}

impl Log<'_> {
    /// Takes the waiting line, and goes on to the next older one. A line without a time counts as being of the same time as
    /// the one after it, or as the newest of all logs.
    fn advance(&mut self) -> Result<Option<Line>, Unreadable> {
        let (taken, after) = match self.next.take() {
            Some(Waiting { line, time }) => (Some(line), time),
            None => (None, NEWEST.to_vec()),
        };
        let Some((file, line)) = self.lines.next_line()? else { return Ok(taken) };
        let (file, header) = (file.to_owned(), Header::read(&line));
        match &header {
            Some(Header { seq, time, .. }) if self.newest.is_none() => {
                let time = String::from_utf8_lossy(time).into_owned();
                self.newest = Some(Reached { log: self.place, file: file.clone(), seq: *seq, time });
            }
            None if self.formless.last() != Some(&file) => self.formless.push(file.clone()),
            _ => {}
        }
        let (time, text) = (header.map_or(after, |header| header.time.to_vec()), String::from_utf8_lossy(&line));
        self.next = Some(Waiting { line: Line { log: self.place, file, text: text.into_owned() }, time });
        Ok(taken)
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
        let lines = Newest::new(paths, filter);
        let mut log = Log { place, lines, next: None, newest: None, formless: Vec::new() };
        log.advance()?;
        open.push(log);
    }
    let mut lines = Vec::new();
    while lines.len() < limit {
        // Of several, `max_by` returns the last one, which comes last in the order of time too.
        let Some(log) =
            open.iter_mut().filter(|log| log.next.is_some()).max_by(|one, other| one.time().cmp(&other.time()))
        else {
            break;
        };
        lines.extend(log.advance()?);
    }
    lines.reverse();
    for log in &mut open {
        while log.newest.is_none() && log.next.is_some() {
            log.advance()?;
        }
    }
    let newest = open.iter_mut().filter_map(|log| log.newest.take()).collect();
    Ok(Merged { lines, newest, formless: open.into_iter().flat_map(|log| log.formless).collect() })
}
