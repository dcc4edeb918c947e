//! `claviger access-rights decline`

use clap::builder::NonEmptyStringValueParser;

use crate::api::Success;
use crate::api::ownership::Offered;
use crate::cli::error::Error;
use crate::cli::report::{Report, changed};
use crate::client::Client;

/// Decline an object that is offered to you, or withdraw an offer of yours
#[derive(clap::Args)]
pub(in crate::cli) struct Decline {
    /// Unique identifier of the object
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
}

impl Decline {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let body = Offered { unique_identifier: self.key_id };
        let _: Success = client.post_json("/access/decline", &body).await?;
        Ok(changed(&body.unique_identifier))
    }
}
