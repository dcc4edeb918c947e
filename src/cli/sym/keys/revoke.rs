//! `claviger sym keys revoke`

use clap::builder::NonEmptyStringValueParser;

use crate::cli::error::Error;
use crate::cli::named::{SYMMETRIC, resolve};
use crate::cli::report::{Report, changed};
use crate::cli::words;
use crate::client::Client;
use crate::kmip::attributes::RevocationReason;
use crate::kmip::enumerations::RevocationReasonCode;
use crate::kmip::payloads::revoke::Request;

/// Revoke a key: it can no longer encrypt, but still decrypts
#[derive(clap::Args)]
pub(in crate::cli) struct Revoke {
    /// Unique identifier or name of the key
    #[arg(short, long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
    /// Reason; key-compromise makes the key compromised, the other reasons deactivate it
    #[arg(long, value_name = "REASON", default_value = "unspecified", value_parser = words::revocation_reason())]
    reason: RevocationReasonCode,
    /// Explanation, kept with the key
    #[arg(value_name = "MESSAGE")]
    message: Option<String>,
}

impl Revoke {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let answer = client
            .execute(Request {
                unique_identifier: Some(resolve(client, &self.key_id, &SYMMETRIC).await?.into()),
                revocation_reason: RevocationReason { code: self.reason, message: self.message },
                compromise_occurrence_date: None,
            })
            .await?;
        Ok(changed(&answer.unique_identifier))
    }
}
