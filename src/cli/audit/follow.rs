//! `--follow`: new lines of the audit log, as they are written.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::lines::{doubts, row};
use super::remote;
use crate::api::about::WhoAmI;
use crate::audit::logs::{Files, group};
use crate::audit::merge::{Line, Reached, merged};
use crate::audit::search::Filter;
use crate::cli::error::Error;
use crate::cli::report::hint;
use crate::client::Client;
use crate::text;

/// The most lines that the server returns.
const MAX_LINES: usize = 1000;

/// The time between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// What is known of a line.
#[derive(Deserialize)]
struct Place {
    seq: u64,
    time: String,
    user: Option<String>,
    operation: Option<String>,
}

/// Prints lines until the program is ended.
pub(super) struct Follower {
    filter: Filter,
    /// The number and the time of the last line of each file; the server's log has the empty path.
    last: HashMap<PathBuf, (u64, String)>,
    /// The caller, whose own reading of the log is not shown.
    user: Option<String>,
    as_rows: bool,
}

impl Follower {
    /// `as_json` asks for the lines as they are, also at a terminal.
    pub(super) fn new(filter: Filter, as_json: bool) -> Self {
        Self { filter, last: HashMap::new(), user: None, as_rows: !as_json && io::stdout().is_terminal() }
    }

    /// Prints the last `first` lines of files, and then those that are added. It returns only an error.
    pub(super) fn files(mut self, files: &[PathBuf], first: usize) -> Result<Infallible, Error> {
        let (mut limit, mut said) = (first, HashSet::new());
        loop {
            let grouped = group(files)?;
            let logs = &grouped.logs;
            let searched: Vec<(&Files, Filter)> = logs.iter().map(|log| (log, self.filter_after(log))).collect();
            let found = merged(&searched, limit)?;
            for doubt in doubts(&grouped, &found).into_iter().filter(|doubt| said.insert(doubt.clone())) {
                hint(&doubt);
            }
            self.print(logs, found.lines)?;
            // Lines that were not among the first ones are not printed later.
            for Reached { log, file, seq, time } in found.newest {
                if self.is_new(logs, log, seq) {
                    self.last.insert(file, (seq, time));
                }
            }
            limit = usize::MAX;
            std::thread::sleep(PAUSE);
        }
    }

    /// Prints the last `first` lines of the server's log, and then those that are added. It returns only an error.
    pub(super) async fn server(mut self, client: &Client, first: usize) -> Result<Infallible, Error> {
        self.user = Some(client.get_json::<WhoAmI>("/whoami").await?.username);
        let log = Files { paths: vec![PathBuf::new()], ..Files::default() };
        let mut limit = first;
        loop {
            let lines = remote::search(client, self.filter_of(&log), limit).await?;
            if limit == MAX_LINES && lines.len() == MAX_LINES {
                hint("the log grows faster than it is read: lines may be missing here");
            }
            let lines = lines.into_iter().map(|text| Line { log: 0, file: PathBuf::new(), text });
            self.print(std::slice::from_ref(&log), lines.collect())?;
            limit = MAX_LINES;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The last line of a log.
    fn last_of(&self, log: &Files) -> Option<&(u64, String)> {
        log.paths.iter().filter_map(|path| self.last.get(path)).max_by_key(|(seq, _)| *seq)
    }

    /// The filter of the lines that follow the last one of a log, whatever their times are.
    fn filter_after(&self, log: &Files) -> Filter {
        Filter { after: self.last_of(log).map(|(seq, _)| *seq), ..self.filter.clone() }
    }

    /// The filter of the lines that may follow the last one of the server's log.
    fn filter_of(&self, log: &Files) -> Filter {
        let from = self.last_of(log).map(|(_, time)| time.clone()).or_else(|| self.filter.from.clone());
        Filter { from, ..self.filter.clone() }
    }

    /// Whether a line of this number follows the last one of its log.
    fn is_new(&self, logs: &[Files], log: usize, seq: u64) -> bool {
        seq > logs.get(log).and_then(|log| self.last_of(log)).map_or(0, |(last, _)| *last)
    }

    /// Makes a line the last one of its log. Returns what is known of it; `None` if it does not follow the last one.
    fn pass(&mut self, logs: &[Files], line: &Line) -> Option<Place> {
        let place: Place = serde_json::from_str(&line.text).ok()?;
        if !self.is_new(logs, line.log, place.seq) {
            return None;
        }
        self.last.insert(line.file.clone(), (place.seq, place.time.clone()));
        Some(place)
    }

    /// Prints the lines that follow the last ones of their logs.
    fn print(&mut self, logs: &[Files], lines: Vec<Line>) -> Result<(), Error> {
        let mut out = String::new();
        for line in lines {
            let Some(place) = self.pass(logs, &line) else { continue };
            let is_own = place.operation.as_deref() == Some("ReadAudit") && place.user == self.user;
            if !is_own || self.user.is_none() {
                out.push_str(&if self.as_rows { row(&line, logs.len() > 1) } else { text::json(&line.text) });
                out.push('\n');
            }
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(out.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::Stdout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_taken_once() {
        let mut follower = Follower::new(Filter::default(), true);
        follower.user = Some("a".to_owned());
        let log = |path: &str| Files { paths: vec![path.into()], ..Files::default() };
        let logs = [log("x"), log("y")];
        let line = |log: usize, seq: u64| {
            let text =
                format!(r#"{{"seq":{seq},"time":"2026-11-30T00:00:0{seq}.000Z","user":"a","operation":"ReadAudit"}}"#);
            Line { log, file: logs[log].paths[0].clone(), text }
        };
        follower.print(&logs, vec![line(0, 1), line(0, 2)]).unwrap();
        let no_line = Line { log: 0, file: "x".into(), text: "not a line".to_owned() };
        follower.print(&logs, vec![line(0, 2), line(1, 1), line(0, 3), no_line]).unwrap();
        let last = logs.each_ref().map(|log| follower.last_of(log).unwrap().clone());
        assert_eq!(last, [(3, "2026-11-30T00:00:03.000Z".to_owned()), (1, "2026-11-30T00:00:01.000Z".to_owned())]);
        assert!(follower.pass(&logs, &line(1, 1)).is_none() && follower.pass(&logs, &line(1, 2)).is_some());
        assert_eq!(follower.filter_of(&logs[1]).from.as_deref(), Some("2026-11-30T00:00:02.000Z"));
        assert_eq!(follower.filter_after(&logs[1]).after, Some(2));
        // A file that was renamed has the lines of its log.
        let renamed = Files { paths: vec!["x".into(), "z".into()], ..Files::default() };
        assert!(follower.pass(&[renamed], &Line { file: "z".into(), ..line(0, 3) }).is_none());
    }
}
