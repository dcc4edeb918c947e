//! `claviger audit tail`

use std::path::PathBuf;

use super::follow::Follower;
use super::lines::{lines, of_files};
use super::remote;
use crate::audit::search::Filter;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Print the last lines of the audit log, from the server or from files
///
/// At a terminal they are a table. Elsewhere, they are printed as they are in the log; with --json, as one array. Lines
/// of several logs are printed in the order of time.
#[derive(clap::Args)]
pub(in crate::cli) struct Tail {
    /// Number of lines; the server returns at most 1000
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    lines: usize,
    /// Go on, and print new lines as they are written
    #[arg(long)]
    follow: bool,
    #[arg(from_global)]
    json: bool,
    /// Files of one or several logs [default: the server's log; for administrators and auditors]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Tail {
    pub(super) fn run_locally(&self) -> Option<Result<Report, Error>> {
        if self.files.is_empty() {
            return None;
        }
        if self.follow {
            let followed = Follower::new(Filter::default(), self.json).files(&self.files, self.lines);
            return Some(followed.map(|never| match never {}));
        }
        Some(of_files(&self.files, &Filter::default(), self.lines))
    }

    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        if self.follow {
            return Follower::new(Filter::default(), self.json)
                .server(client, self.lines)
                .await
                .map(|never| match never {});
        }
        Ok(lines(remote::search(client, Filter::default(), self.lines).await?))
    }
}
