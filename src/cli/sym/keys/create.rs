//! `claviger sym keys create`

use super::new_key::NewKey;
use crate::cli::error::Error;
use crate::cli::report::{Report, made};
use crate::cli::words;
use crate::client::Client;
use crate::kmip::enumerations::{CryptographicAlgorithm, ObjectType};
use crate::kmip::payloads::create::Request;

/// Create a key in the HSM and print its unique identifier
#[derive(clap::Args)]
pub(in crate::cli) struct Create {
    /// Algorithm of the key
    #[arg(long, value_name = "ALGORITHM", default_value = "aes", value_parser = words::algorithm())]
    algorithm: CryptographicAlgorithm,
    /// Length in bits [default: 256 for AES, the length of the hash for HMAC]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    bits: Option<i32>,
    #[command(flatten)]
    key: NewKey,
}

impl Create {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let mut attributes = self.key.attributes(self.algorithm);
        attributes.cryptographic_length = Some(self.bits.unwrap_or_else(|| usual_bits(self.algorithm)));
        attributes.unique_identifier = self.key.id.map(Into::into);
        let answer = client
            .execute(Request {
                object_type: ObjectType::SymmetricKey,
                attributes: Box::new(attributes),
                protection_storage_masks: None,
            })
            .await?;
        Ok(made(&answer.unique_identifier))
    }
}

/// Returns the default length of a key. For HMAC it is the length of the hash, as RFC 2104 section 3 recommends.
fn usual_bits(algorithm: CryptographicAlgorithm) -> i32 {
    match algorithm {
        CryptographicAlgorithm::HMAC_SHA1 => 160,
        CryptographicAlgorithm::HMAC_SHA224 => 224,
        CryptographicAlgorithm::HMAC_SHA384 => 384,
        CryptographicAlgorithm::HMAC_SHA512 => 512,
        _ => 256,
    }
}
