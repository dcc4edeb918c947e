//! `claviger access-rights transfer`

use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use crate::cli::error::Error;
use crate::cli::report::{Report, changed};
use crate::client::Client;

/// Offer an object of yours to another user, who becomes its owner by accepting the offer
///
/// The offer expires after 7 days, and nothing changes before it is accepted. Then you have no access any longer: the
/// object leaves its project, and all grants on it are revoked.
#[derive(clap::Args)]
pub(in crate::cli) struct Transfer {
    /// Unique identifier of the object
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
    /// New owner
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
