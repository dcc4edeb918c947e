//! `claviger access-rights owned`

use serde_json::Value;

use super::pages::{all, text};
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Print the objects that you own, one per line: `ID STATE`
#[derive(clap::Args)]
pub(in crate::cli) struct Owned {}

impl Owned {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let objects = all(client, "/access/owned?", "object_id").await?;
        let line = |object: &Value| format!("{} {}", text(object, "object_id"), text(object, "state"));
        Ok(Report::new(objects.iter().map(line).collect::<Vec<_>>(), Value::Array(objects)))
    }
}
