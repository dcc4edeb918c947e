//! `claviger decrypt`

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

use super::cipher::{Cipher, MOST};
use super::output::Place;
use crate::cli::error::{Error, FileError};
use crate::cli::keys::written;
use crate::cli::named::resolve;
use crate::cli::report::Report;
use crate::cli::stream::Source;
use crate::cli::sym::{self, HexBytes};
use crate::cli::target::Target;
use crate::cli::words;
use crate::client::{self, Client};
use crate::kmip::enumerations::{ObjectType, ResultReason};
use crate::kmip::payloads::{MultiPart, decrypt};
use crate::secret::Bytes;

const RESULT: &str = "\
The output file appears when all of it has been verified, and is readable only by you. On
standard output, each chunk appears when it has been verified: the output is complete only if the
exit status is 0. A file that was encrypted with --mode or --padding needs the same options, and
-k.";

/// Decrypt a file of `claviger encrypt` or `claviger sym encrypt`
#[derive(clap::Args)]
#[command(after_help = RESULT)]
pub(in crate::cli) struct Decrypt {
    /// File to decrypt; `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Unique identifier or name of the key [default: the one that the file names]
    #[arg(short, long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: Option<String>,
    #[command(flatten)]
    place: Place,
    /// Additional data in hexadecimal, as given to encrypt
    #[arg(long, value_name = "HEX", value_parser = words::hexadecimal)]
    aad_hex: Option<HexBytes>,
    #[command(flatten)]
    cipher: Cipher,
}

impl Decrypt {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let types = [ObjectType::SymmetricKey, ObjectType::PrivateKey];
        let key_id = match &self.key {
            Some(key) => Some(resolve(client, key, &types).await?),
            None if self.cipher.is_given() => {
                return Err(Error::Usage("--mode and --padding need the key: give -k".to_owned()));
            }
            None => None,
        };
        match key_id {
            Some(key_id) if self.cipher.is_given() => self.whole(client, key_id).await,
            key_id => {
                let (output, force) = (self.place.path().to_owned(), self.place.is_forced());
                sym::Decrypt { input: self.input, key_id, output, force, aad_hex: self.aad_hex }.run(client).await
            }
        }
    }

    /// Decrypts in one request.
    async fn whole(self, client: &Client, key_id: String) -> Result<Report, Error> {
        let ciphertext = Source::whole(&self.input, MOST, FileError::large).await?;
        let mut target = Target::create(self.place.path(), self.place.existing())?;
        let parts = self.cipher.parts(&ciphertext).ok_or_else(|| Error::Unverified(self.input.clone()))?;
        let answer = client
            .execute(decrypt::Request {
                unique_identifier: Some(key_id.into()),
                cryptographic_parameters: Some(self.cipher.parameters()),
                data: Some(Bytes::from(parts.data)),
                iv_counter_nonce: parts.iv.map(Bytes::from),
                multi_part: MultiPart::default(),
                authenticated_encryption_additional_data: self.aad_hex.map(Bytes::from),
                authenticated_encryption_tag: parts.tag.map(Bytes::from),
            })
            .await;
        let answer = match answer {
            Err(client::Error::Refused(refusal)) if is_failure(&refusal) => {
                return Err(Error::Unverified(self.input));
            }
            answer => answer?,
        };
        target.write(answer.data.ok_or(Error::Incomplete("data"))?).await?;
        target.finish()?;
        Ok(written(&answer.unique_identifier, self.place.path()))
    }
}

/// Whether the HSM could not decrypt the data.
pub(super) fn is_failure(refusal: &client::Refusal) -> bool {
    refusal.result_reason.as_deref().and_then(ResultReason::from_name) == Some(ResultReason::CryptographicFailure)
}
