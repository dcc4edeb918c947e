//! `claviger access-rights transfer`

use clap::builder::NonEmptyStringValueParser;

use crate::api::Success;
use crate::api::access::Transfer as Body;
use crate::cli::error::Error;
use crate::cli::report::{Report, changed};
use crate::client::Client;

/// Offer an object of yours to another user, who becomes its owner by accepting it
///
/// Until then, for 7 days at most, nothing changes. Then you keep nothing: the object leaves its project, and everything that
/// was granted on it is taken back.
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
        let body = Body { unique_identifier: self.key_id, user_id: self.to };
        let _: Success = client.post_json("/access/transfer", &body).await?;
        Ok(changed(&body.unique_identifier))
    }
}
