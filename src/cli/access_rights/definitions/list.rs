//! `claviger access-rights definitions list`

use super::kind::{kind, path};
use crate::api::definitions::Entry;
use crate::cli::access_rights::pages::all;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;
use crate::policy::Kind;

/// Print the definitions of a kind, one per line: `NAME (version N): JSON`
#[derive(clap::Args)]
pub(in crate::cli) struct List {
    /// Kind of the definitions
    #[arg(value_name = "KIND", value_parser = kind())]
    kind: Kind,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let found = all(client, &format!("{}?", path(self.kind)), |entry: &Entry| &entry.name).await?;
        Ok(Report::of(found.iter().map(line), &found))
    }
}

fn line(entry: &Entry) -> String {
    let Entry { name, version, definition } = entry;
    match version {
        Some(version) => format!("{name} (version {version}): {definition}"),
        None => format!("{name} (policy file): {definition}"),
    }
}
