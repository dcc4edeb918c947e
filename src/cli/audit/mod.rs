//! `claviger audit`

mod local_search;
mod tail;
mod verify;

use clap::Subcommand;

use super::error::Error;
use super::report::Report;

/// Read and verify the audit trail
#[derive(Subcommand)]
pub(super) enum Audit {
    Verify(verify::Verify),
    Tail(tail::Tail),
    Search(local_search::Search),
}

impl Audit {
    /// All of these read files, and need no server.
    pub(super) fn run(self) -> Result<Report, Error> {
        match self {
            Self::Verify(command) => command.run(),
            Self::Tail(command) => command.run(),
            Self::Search(command) => command.run(),
        }
    }
}

/// Lines of the log, as they stand there or as one JSON array.
fn lines(found: Vec<String>) -> Report {
    let values = found.iter().map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
    Report::new(found, serde_json::Value::Array(values))
}
