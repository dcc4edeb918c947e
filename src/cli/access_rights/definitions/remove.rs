//! `claviger access-rights definitions remove`

use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;

use super::kind::Kind;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::{Client, segment};

/// Remove a definition that nothing refers to
#[derive(clap::Args)]
pub(in crate::cli) struct Remove {
    /// Kind of the definition
    #[arg(value_name = "KIND", value_enum)]
    kind: Kind,
    /// Name of the definition
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: String,
}

impl Remove {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let path = format!("{}/{}", self.kind.path(), segment(&self.name));
        let removed: Value = client.delete_json(&path).await?;
        Ok(Report::quiet(removed))
    }
}
