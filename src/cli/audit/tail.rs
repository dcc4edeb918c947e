//! `claviger audit tail`

use std::path::PathBuf;

use super::lines::lines;
use super::remote;
use crate::audit::search::{Filter, search};
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Print the last lines of the audit log, from the server or from files
#[derive(clap::Args)]
pub(in crate::cli) struct Tail {
    /// Number of lines; the server returns at most 1000
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    lines: usize,
    /// Files of the log [default: the server's log; for administrators and auditors]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Tail {
    pub(super) fn run_locally(&self) -> Option<Result<Report, Error>> {
        let found = || search(&self.files, &Filter::default(), self.lines, u64::MAX, &|| false);
        (!self.files.is_empty()).then(|| Ok(lines(found()?.lines)))
    }

    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        remote::search(client, Filter::default(), self.lines).await
    }
}
