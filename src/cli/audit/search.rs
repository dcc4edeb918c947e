//! `claviger audit search`

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;

use super::lines::lines;
use super::remote;
use crate::audit::search::{DEFAULT_LIMIT, Filter, search, time_of};
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Print the matching lines of the audit log, from the server or from files
#[derive(clap::Args)]
pub(in crate::cli) struct Search {
    /// Print only decisions about this object
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Print only decisions for this user
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,
    /// Print only decisions at or after this time, such as 2026-11-24T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<String>,
    /// Print only decisions at or before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<String>,
    /// Print only decisions with this outcome
    #[arg(long, value_name = "OUTCOME", value_parser = PossibleValuesParser::new(["success", "refused", "failed"]))]
    outcome: Option<String>,
    /// Maximum number of lines, the newest ones; the server returns at most 1000
    #[arg(long, value_name = "N", default_value_t = DEFAULT_LIMIT)]
    limit: usize,
    /// Files of the log [default: the server's log; for administrators and auditors]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

fn time(text: &str) -> Result<String, String> {
    time_of(text).ok_or_else(|| "give an RFC 3339 time, such as 2026-11-24T00:00:00Z".to_owned())
}

impl Search {
    pub(super) fn run_locally(&self) -> Option<Result<Report, Error>> {
        (!self.files.is_empty())
            .then(|| Ok(lines(search(&self.files, &self.filter(), self.limit, u64::MAX, &|| false)?.lines)))
    }

    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        remote::search(client, self.filter(), self.limit).await
    }

    fn filter(&self) -> Filter {
        let Self { object, caller, from, to, outcome, .. } = self;
        Filter {
            object: object.clone(),
            caller: caller.clone(),
            outcome: outcome.clone(),
            from: from.clone(),
            to: to.clone(),
        }
    }
}
