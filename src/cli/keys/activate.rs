//! `claviger keys activate`

use clap::builder::NonEmptyStringValueParser;

use crate::cli::error::Error;
use crate::cli::named::{KEYS, resolve};
use crate::cli::report::{Report, changed};
use crate::client::Client;
use crate::kmip::payloads::activate::Request;

/// Activate a key that was created with --pre-active
#[derive(clap::Args)]
pub(in crate::cli) struct Activate {
    /// Unique identifier or name of the key
    #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
}

impl Activate {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let id = resolve(client, &self.key, &KEYS).await?;
        let answer = client.execute(Request { unique_identifier: Some(id.into()) }).await?;
        Ok(changed(&answer.unique_identifier))
    }
}
