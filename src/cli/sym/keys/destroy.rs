//! `claviger sym keys destroy`

use clap::builder::NonEmptyStringValueParser;

use crate::cli::error::Error;
use crate::cli::named::{SYMMETRIC, resolve};
use crate::cli::report::{Report, changed};
use crate::client::Client;
use crate::kmip::payloads::destroy::Request;

/// Destroy a key permanently; an active key must be revoked first
#[derive(clap::Args)]
pub(in crate::cli) struct Destroy {
    /// Unique identifier or name of the key
    #[arg(short, long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
}

impl Destroy {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let answer = client
            .execute(Request { unique_identifier: Some(resolve(client, &self.key_id, &SYMMETRIC).await?.into()) })
            .await?;
        Ok(changed(&answer.unique_identifier))
    }
}
