//! `claviger mac`

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

use super::cipher::MOST;
use super::output::{Form, Place};
use crate::cli::error::{Error, FileError};
use crate::cli::named::resolve;
use crate::cli::report::Report;
use crate::cli::stream::Source;
use crate::cli::words;
use crate::client::Client;
use crate::kmip::CryptographicParameters;
use crate::kmip::enumerations::{HashingAlgorithm, ObjectType};
use crate::kmip::payloads::{MultiPart, mac};

/// Print the MAC of a file: an HMAC, or the CMAC of an AES key
#[derive(clap::Args)]
pub(in crate::cli) struct Mac {
    /// File of at most 3 MiB; `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Unique identifier or name of the key
    #[arg(short, long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
    /// Hash of the HMAC [default: that of the key]
    #[arg(long, value_name = "HASH", value_parser = words::hash(), hide_possible_values = true)]
    hash: Option<HashingAlgorithm>,
    #[command(flatten)]
    place: Place,
    /// Form of the MAC
    #[arg(short, long, value_name = "FORM", value_enum, default_value = "hex")]
    format: Form,
}

impl Mac {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let id = resolve(client, &self.key, &[ObjectType::SymmetricKey]).await?;
        let answer = client
            .execute(mac::Request {
                unique_identifier: Some(id.into()),
                cryptographic_parameters: self.hash.map(by_hash),
                data: Some(Source::whole(&self.input, MOST, FileError::large).await?),
                multi_part: MultiPart::default(),
            })
            .await?;
        let mac = answer.mac_data.ok_or(Error::Incomplete("MAC"))?;
        self.place.put(mac, self.format, "mac", Some(answer.unique_identifier)).await
    }
}

/// Returns parameters that name only a hash.
pub(super) fn by_hash(hash: HashingAlgorithm) -> CryptographicParameters {
    CryptographicParameters { hashing_algorithm: Some(hash), ..CryptographicParameters::default() }
}
