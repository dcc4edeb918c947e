//! `claviger audit search`

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::follow::Follower;
use super::lines::{lines, of_files};
use super::remote;
use crate::audit::search::{DEFAULT_LIMIT, Filter, time_of};
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::cli::words;
use crate::client::Client;

/// Print the matching lines of the audit log, from the server or from files
///
/// At a terminal they are a table. Elsewhere, they are printed as they are in the log; with --json, as one array. Lines
/// of several logs are printed in the order of time.
#[derive(clap::Args)]
pub(in crate::cli) struct Search {
    /// Print only decisions about this object
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Print only decisions for this user
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,
    /// Print only decisions about this operation, such as Decrypt
    #[arg(long, value_name = "OPERATION")]
    operation: Option<String>,
    /// Print only decisions at or after this time: 1h ago, as 15m, 1h or 30d; a date, as 2026-11-24, in UTC; or an
    /// RFC 3339 time, as 2026-11-24T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = from)]
    from: Option<String>,
    /// Print only decisions at or before this time, or on this date
    #[arg(long, value_name = "TIME", value_parser = to)]
    to: Option<String>,
    /// Print only decisions with this outcome
    #[arg(long, value_name = "OUTCOME", value_parser = PossibleValuesParser::new(["success", "refused", "failed"]))]
    outcome: Option<String>,
    /// Maximum number of lines, the newest ones; the server returns at most 1000
    #[arg(long, value_name = "N", default_value_t = DEFAULT_LIMIT)]
    limit: usize,
    /// Go on, and print new lines as they are written
    #[arg(long, conflicts_with = "to")]
    follow: bool,
    #[arg(from_global)]
    json: bool,
    /// Files of one or several logs [default: the server's log; for administrators and auditors]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

fn from(text: &str) -> Result<String, String> {
    time(text, "T00:00:00Z")
}

fn to(text: &str) -> Result<String, String> {
    time(text, "T23:59:59.999Z")
}

/// Returns the time in the form that lines contain. `of_day` is the time of a date.
fn time(text: &str, of_day: &str) -> Result<String, String> {
    let before = || {
        let seconds = words::duration(text).ok().filter(|_| text.ends_with(|unit: char| unit.is_ascii_alphabetic()))?;
        let time = OffsetDateTime::now_utc().checked_sub(Duration::seconds(seconds.into()))?;
        time_of(&time.format(&Rfc3339).ok()?)
    };
    let time = time_of(text).or_else(|| time_of(&format!("{text}{of_day}"))).or_else(before);
    time.ok_or_else(|| "give a time such as 1h, 2026-11-24 or 2026-11-24T08:00:00Z".to_owned())
}

impl Search {
    pub(super) fn run_locally(&self) -> Option<Result<Report, Error>> {
        if self.files.is_empty() {
            return None;
        }
        if self.follow {
            let followed = Follower::new(self.filter(), self.json).files(&self.files, self.limit);
            return Some(followed.map(|never| match never {}));
        }
        Some(of_files(&self.files, &self.filter(), self.limit))
    }

    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        if self.follow {
            return Follower::new(self.filter(), self.json)
                .server(client, self.limit)
                .await
                .map(|never| match never {});
        }
        Ok(lines(remote::search(client, self.filter(), self.limit).await?))
    }

    fn filter(&self) -> Filter {
        let Self { object, caller, operation, from, to, outcome, .. } = self;
        Filter {
            object: object.clone(),
            caller: caller.clone(),
            operation: operation.clone(),
            outcome: outcome.clone(),
            from: from.clone(),
            to: to.clone(),
            after: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_durations_and_times() {
        assert_eq!(from("2026-11-24").unwrap(), "2026-11-24T00:00:00.000Z");
        assert_eq!(to("2026-11-24").unwrap(), "2026-11-24T23:59:59.999Z");
        assert_eq!(from("2026-11-24T08:00:00+01:00").unwrap(), "2026-11-24T07:00:00.000Z");
        let (day, hour) = (from("1d").unwrap(), from("1h").unwrap());
        let now = time_of(&OffsetDateTime::now_utc().format(&Rfc3339).unwrap()).unwrap();
        assert!(day < hour && hour < now && day > from("2d").unwrap(), "{day} {hour} {now}");
        for text in ["", "today", "2026", "2026-13-01", "1y", "-1h"] {
            assert!(from(text).is_err(), "{text}");
        }
    }
}
