//! `claviger encrypt`

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
use crate::client::Client;
use crate::kmip::enumerations::{CryptographicAlgorithm, ObjectType};
use crate::kmip::payloads::{MultiPart, encrypt, get_attributes};
use crate::kmip::{AttributeReference, Tag};
use crate::secret::Bytes;

const FORMATS: &str = "\
The key is an AES key, and the result is a file that names it, as of `sym encrypt`: of any size,
in authenticated chunks. With --mode or --padding, at most 3 MiB are encrypted in one request,
also by other keys, and the result is the IV, the encrypted data and the authentication tag.";

/// Encrypt a file with a key that stays in the HSM
#[derive(clap::Args)]
#[command(after_help = FORMATS)]
pub(in crate::cli) struct Encrypt {
    /// File to encrypt; `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Unique identifier or name of the key
    #[arg(short, long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
    #[command(flatten)]
    place: Place,
    /// Additional data in hexadecimal; it is not part of the result, and is needed again to decrypt
    #[arg(long, value_name = "HEX", value_parser = words::hexadecimal)]
    aad_hex: Option<HexBytes>,
    #[command(flatten)]
    cipher: Cipher,
}

impl Encrypt {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let key_id = resolve(client, &self.key, &[ObjectType::SymmetricKey, ObjectType::PublicKey]).await?;
        if self.cipher.is_given() {
            return self.whole(client, key_id).await;
        }
        let (output, force) = (self.place.path().to_owned(), self.place.is_forced());
        let sealing = sym::Encrypt { input: self.input, key_id: key_id.clone(), output, force, aad_hex: self.aad_hex };
        match sealing.run(client).await {
            Err(error) if error.refusal().is_some() && is_rsa(client, &key_id).await => {
                Err(Error::Usage(format!("the key {key_id} is an RSA key: give --padding oaep")))
            }
            done => done,
        }
    }

    /// Encrypts in one request.
    async fn whole(self, client: &Client, key_id: String) -> Result<Report, Error> {
        let data = Source::whole(&self.input, MOST, FileError::large).await?;
        let mut target = Target::binary(self.place.path(), self.place.existing())?;
        let answer = client
            .execute(encrypt::Request {
                unique_identifier: Some(key_id.into()),
                cryptographic_parameters: Some(self.cipher.parameters()),
                data: Some(data),
                iv_counter_nonce: self.cipher.iv().map(Bytes::from),
                multi_part: MultiPart::default(),
                authenticated_encryption_additional_data: self.aad_hex.map(Bytes::from),
            })
            .await?;
        // The IV is in the answer only if the server chose it.
        let iv = answer.iv_counter_nonce.filter(|_| self.cipher.iv().is_none()).unwrap_or_default();
        if iv.len() != self.cipher.iv_length() {
            return Err(Error::Incomplete("IV of the length that this mode has for AES: give --iv-hex"));
        }
        let tag = answer.authenticated_encryption_tag.unwrap_or_default();
        let data = answer.data.ok_or(Error::Incomplete("data"))?;
        target.write(Bytes::from([iv.as_slice(), data.as_slice(), tag.as_slice()].concat())).await?;
        target.finish()?;
        Ok(written(&answer.unique_identifier, self.place.path()))
    }
}

async fn is_rsa(client: &Client, id: &str) -> bool {
    let request = get_attributes::Request {
        unique_identifier: Some(id.into()),
        attribute_references: vec![AttributeReference::Tag(Tag::CryptographicAlgorithm)],
    };
    let answer = client.execute(request).await;
    answer.is_ok_and(|own| own.attributes.cryptographic_algorithm == Some(CryptographicAlgorithm::RSA))
}
