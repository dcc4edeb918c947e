//! `claviger keys revoke`

use clap::builder::NonEmptyStringValueParser;

use crate::cli::confirmation::Confirmation;
use crate::cli::error::Error;
use crate::cli::named::{KEYS, resolve};
use crate::cli::report::{Report, changed};
use crate::cli::words;
use crate::client::Client;
use crate::kmip::attributes::RevocationReason;
use crate::kmip::enumerations::{ObjectType, RevocationReasonCode};
use crate::kmip::payloads::revoke::Request;

/// Revoke a key: it can no longer encrypt or sign, but still decrypts and verifies
#[derive(clap::Args)]
pub(in crate::cli) struct Revoke {
    /// Unique identifier or name of the key
    #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
    #[command(flatten)]
    revocation: Revocation,
}

/// Why an object is revoked.
#[derive(clap::Args)]
pub(in crate::cli) struct Revocation {
    /// Explanation, kept with the object
    #[arg(value_name = "MESSAGE")]
    message: Option<String>,
    /// Reason; key-compromise makes the object compromised, the other reasons deactivate it
    #[arg(long, value_name = "REASON", default_value = "unspecified", value_parser = words::revocation_reason())]
    reason: RevocationReasonCode,
    #[command(flatten)]
    confirmation: Confirmation,
}

impl Revoke {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        self.revocation.revoked(client, &self.key, &KEYS).await
    }
}

impl Revocation {
    /// Revokes the object of one of these types that `named` names.
    pub(in crate::cli) async fn revoked(
        self,
        client: &Client,
        named: &str,
        types: &[ObjectType],
    ) -> Result<Report, Error> {
        let id = resolve(client, named, types).await?;
        self.confirmation.ask("a revocation", &format!("The object {id} will be revoked."))?;
        let answer = client
            .execute(Request {
                unique_identifier: Some(id.into()),
                revocation_reason: RevocationReason { code: self.reason, message: self.message },
                compromise_occurrence_date: None,
            })
            .await?;
        Ok(changed(&answer.unique_identifier))
    }
}
