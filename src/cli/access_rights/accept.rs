//! `claviger access-rights accept`

use clap::builder::NonEmptyStringValueParser;

use crate::api::Success;
use crate::api::ownership::Offered;
use crate::cli::error::Error;
use crate::cli::report::{Report, changed};
use crate::client::Client;

/// Accept an object that is offered to you: you become its owner
///
/// The object leaves its project, and everything that was granted on it is taken back.
#[derive(clap::Args)]
pub(in crate::cli) struct Accept {
    /// Unique identifier of the object
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
}

impl Accept {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let body = Offered { unique_identifier: self.key_id };
        let _: Success = client.post_json("/access/accept", &body).await?;
        Ok(changed(&body.unique_identifier))
    }
}
