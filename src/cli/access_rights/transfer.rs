//! `claviger access-rights transfer`

use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use super::changed;
use crate::cli::{Error, Report};
use crate::client::Client;

/// Make somebody else the owner of an object of yours; you keep nothing
#[derive(clap::Args)]
pub(in crate::cli) struct Transfer {
    /// Unique identifier of the object
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
    /// The user who is to own it
    #[arg(long, value_name = "USER")]
    to: String,
}

impl Transfer {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let body = json!({ "unique_identifier": self.key_id, "user_id": self.to });
        let _: Value = client.post_json("/access/transfer", &body).await?;
        Ok(changed(&self.key_id))
    }
}
