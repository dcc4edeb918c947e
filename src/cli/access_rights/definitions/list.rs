//! `claviger access-rights definitions list`

use super::kind::{kind, path};
use crate::api::definitions::Entry;
use crate::cli::access_rights::pages::all;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::cli::table;
use crate::client::Client;
use crate::policy::Kind;

/// Print a table of the definitions of a kind, with their versions
#[derive(clap::Args)]
pub(in crate::cli) struct List {
    /// Kind of the definitions
    #[arg(value_name = "KIND", value_parser = kind())]
    kind: Kind,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let found = all(client, &format!("{}?", path(self.kind)), |entry: &Entry| &entry.name).await?;
        let rows: Vec<_> = found.iter().map(row).collect();
        Ok(Report::of(table::lines(["NAME", "VERSION", "DEFINITION"], &rows), &found))
    }
}

fn row(entry: &Entry) -> [String; 3] {
    let Entry { name, version, definition } = entry;
    let version = version.map_or_else(|| "policy file".to_owned(), |version| version.to_string());
    [name.clone(), version, definition.to_string()]
}
