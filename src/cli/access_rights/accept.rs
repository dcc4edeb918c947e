//! `claviger access-rights accept`

use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use crate::cli::error::Error;
use crate::cli::report::{Report, changed};
use crate::client::Client;

/// Accept an object that is offered to you: you become its owner
///
/// The object leaves its project, and all grants on it are revoked.
#[derive(clap::Args)]
pub(in crate::cli) struct Accept {
    /// Unique identifier of the object
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
}

impl Accept {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let _: Value = client.post_json("/access/accept", &json!({ "unique_identifier": self.key_id })).await?;
        Ok(changed(&self.key_id))
    }
}
