//! `claviger audit search`, in files

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;

use super::{Error, Report, lines};
use crate::audit::search::{DEFAULT_LIMIT, Filter, search, time_of};

/// Print the lines of the audit trail that fit
#[derive(clap::Args)]
pub(in crate::cli) struct Search {
    /// Decisions about this object
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Decisions for this user
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,
    /// Not before this time, as 2026-11-24T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<String>,
    /// Not after this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<String>,
    /// Decisions that ended so
    #[arg(long, value_name = "OUTCOME", value_parser = PossibleValuesParser::new(["success", "refused", "failed"]))]
    outcome: Option<String>,
    /// The newest of them, at most
    #[arg(long, value_name = "N", default_value_t = DEFAULT_LIMIT)]
    limit: usize,
    /// The files of the trail
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

fn time(text: &str) -> Result<String, String> {
    time_of(text).ok_or_else(|| "it is a time as in 2026-11-24T00:00:00Z (RFC 3339)".to_owned())
}

impl Search {
    pub(super) fn run(self) -> Result<Report, Error> {
        let Self { object, caller, from, to, outcome, .. } = self;
        Ok(lines(search(&self.files, &Filter { object, caller, outcome, from, to }, self.limit)?))
    }
}
