//! `claviger access-rights definitions list`

use serde_json::Value;

use super::kind::Kind;
use crate::cli::access_rights::pages::{all, text};
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Print the definitions of a kind, one on a line: `NAME (version N): JSON`
#[derive(clap::Args)]
pub(in crate::cli) struct List {
    /// Kind of the definitions
    #[arg(value_name = "KIND", value_enum)]
    kind: Kind,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let found = all(client, &format!("{}?", self.kind.path()), "name").await?;
        let lines: Vec<String> = found.iter().map(line).collect();
        Ok(Report::new(lines, Value::Array(found)))
    }
}

fn line(entry: &Value) -> String {
    let name = text(entry, "name");
    let definition = entry.get("definition").unwrap_or(&Value::Null);
    match entry.get("version") {
        Some(version) => format!("{name} (version {version}): {definition}"),
        None => format!("{name} (policy file): {definition}"),
    }
}
