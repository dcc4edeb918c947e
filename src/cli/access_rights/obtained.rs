//! `claviger access-rights obtained`

use serde_json::Value;

use super::pages::{all, text, words};
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Print the objects of other owners on which you have grants, one per line: `ID STATE OWNER: OPERATIONS`
#[derive(clap::Args)]
pub(in crate::cli) struct Obtained {}

impl Obtained {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let objects = all(client, "/access/obtained?", "object_id").await?;
        let lines: Vec<String> = objects.iter().map(line).collect();
        Ok(Report::new(lines, Value::Array(objects)))
    }
}

fn line(object: &Value) -> String {
    let (id, state, owner) = (text(object, "object_id"), text(object, "state"), text(object, "owner_id"));
    format!("{id} {state} {owner}: {}", words(object, "operations"))
}
