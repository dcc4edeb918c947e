//! `claviger sym keys export`

use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use super::format::Format;
use crate::cli::error::Error;
use crate::cli::named::{SYMMETRIC, resolve};
use crate::cli::report::Report;
use crate::cli::stream::DASH;
use crate::cli::target::{Existing, Target};
use crate::client::Client;
use crate::kmip::enumerations::{BlockCipherMode, EncodingOption, KeyFormatType, WrappingMethod};
use crate::kmip::key_block::{KeyInformation, KeyWrappingSpecification};
use crate::kmip::payloads::export::Request;
use crate::kmip::{CryptographicParameters, ManagedObject};

/// Write a key to a file that only you can read
#[derive(clap::Args)]
pub(in crate::cli) struct Export {
    /// Unique identifier or name of the key
    #[arg(short, long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
    /// Format of the key
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "json-ttlv")]
    format: Format,
    /// Unique identifier or name of the key to wrap it under, by AES key wrap (RFC 3394) inside the HSM; that key's usage must
    /// include wrap-key
    #[arg(long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    wrap_key: Option<String>,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
    /// File to write; `-` for standard output
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Export {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let existing = Existing::forced(self.force);
        let mut target = Target::create(&self.file, existing)?;
        let wrapping = match &self.wrap_key {
            Some(key) => Some(resolve(client, key, &SYMMETRIC).await?),
            None => None,
        };
        let answer = client
            .execute(Request {
                unique_identifier: Some(resolve(client, &self.key_id, &SYMMETRIC).await?.into()),
                key_format_type: Some(KeyFormatType::Raw),
                key_wrap_type: None,
                key_compression_type: None,
                key_wrapping_specification: wrapping.as_deref().map(wrapped_under).map(Box::new),
            })
            .await?;
        let Some(ManagedObject::SymmetricKey(key)) = answer.object else {
            return Err(Error::Incomplete("symmetric key"));
        };
        target.write(self.format.write(key).ok_or(Error::Incomplete("key material"))?).await?;
        target.finish()?;
        if self.file == Path::new(DASH) {
            return Ok(Report::none());
        }
        Ok(Report::quiet(json!({ "unique_identifier": answer.unique_identifier, "file": self.file.to_string_lossy() })))
    }
}

/// Returns the specification of a wrapping by AES key wrap (RFC 3394) under a key.
fn wrapped_under(id: &str) -> KeyWrappingSpecification {
    let key_wrap = CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::NISTKeyWrap),
        ..CryptographicParameters::default()
    };
    wrapped_so(id, key_wrap)
}

/// Returns the specification of a wrapping under a key with these parameters.
pub(in crate::cli) fn wrapped_so(id: &str, parameters: CryptographicParameters) -> KeyWrappingSpecification {
    KeyWrappingSpecification {
        wrapping_method: WrappingMethod::Encrypt,
        encryption_key_information: Some(KeyInformation {
            unique_identifier: id.into(),
            cryptographic_parameters: Some(parameters),
        }),
        mac_signature_key_information: None,
        attribute_names: Vec::new(),
        // The HSM wraps the bytes of the key itself, not a KMIP structure.
        encoding_option: Some(EncodingOption::NoEncoding),
    }
}
