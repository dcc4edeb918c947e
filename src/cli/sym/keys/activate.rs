//! `claviger sym keys activate`

use clap::builder::NonEmptyStringValueParser;

use crate::cli::error::Error;
use crate::cli::named::{SYMMETRIC, resolve};
use crate::cli::report::{Report, changed};
use crate::client::Client;
use crate::kmip::payloads::activate::Request;

/// Activate a key that was created with --pre-active
#[derive(clap::Args)]
pub(in crate::cli) struct Activate {
    /// Unique identifier or name of the key
    #[arg(short, long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
}

impl Activate {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let answer = client
            .execute(Request { unique_identifier: Some(resolve(client, &self.key_id, &SYMMETRIC).await?.into()) })
            .await?;
        Ok(changed(&answer.unique_identifier))
    }
}
