//! `--follow`: new lines of the audit log, as they are written.

use std::convert::Infallible;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::lines::row;
use super::remote;
use crate::api::about::WhoAmI;
use crate::audit::search::{Filter, search};
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
    /// The number of the last line.
    last: u64,
    /// The caller, whose own reading of the log is not shown.
    user: Option<String>,
    as_rows: bool,
}

impl Follower {
    /// `as_json` asks for the lines as they are, also at a terminal.
    pub(super) fn new(filter: Filter, as_json: bool) -> Self {
        Self { filter, last: 0, user: None, as_rows: !as_json && io::stdout().is_terminal() }
    }

    /// Prints the last `first` lines of files, and then those that are added. It returns only an error.
    pub(super) fn files(mut self, files: &[PathBuf], first: usize) -> Result<Infallible, Error> {
        let mut limit = first;
        loop {
            self.print(search(files, &self.filter, limit, u64::MAX, &|| false)?.lines)?;
            limit = usize::MAX;
            std::thread::sleep(PAUSE);
        }
    }

    /// Prints the last `first` lines of the server's log, and then those that are added. It returns only an error.
    pub(super) async fn server(mut self, client: &Client, first: usize) -> Result<Infallible, Error> {
        self.user = Some(client.get_json::<WhoAmI>("/whoami").await?.username);
        let mut limit = first;
        loop {
            let lines = remote::search(client, self.filter.clone(), limit).await?;
            if limit == MAX_LINES && lines.len() == MAX_LINES {
                hint("the log grows faster than it is read: lines may be missing here");
            }
            self.print(lines)?;
            limit = MAX_LINES;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Prints the lines that follow the last one.
    fn print(&mut self, lines: Vec<String>) -> Result<(), Error> {
        let mut out = String::new();
        for line in lines {
            let Ok(place) = serde_json::from_str::<Place>(&line) else { continue };
            if place.seq <= self.last {
                continue;
            }
            self.last = place.seq;
            self.filter.from = Some(place.time);
            let is_own = place.operation.as_deref() == Some("ReadAudit") && place.user == self.user;
            if !is_own || self.user.is_none() {
                out.push_str(&if self.as_rows { row(&line) } else { text::json(&line) });
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
        let line = |seq: u64| {
            format!(r#"{{"seq":{seq},"time":"2026-11-30T00:00:0{seq}.000Z","user":"a","operation":"ReadAudit"}}"#)
        };
        follower.print(vec![line(1), line(2)]).unwrap();
        follower.print(vec![line(2), line(3), "not a line".to_owned()]).unwrap();
        assert_eq!((follower.last, follower.filter.from.as_deref()), (3, Some("2026-11-30T00:00:03.000Z")));
    }
}
