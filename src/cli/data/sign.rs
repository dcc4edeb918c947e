//! `claviger sign`

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

use super::message::Message;
use super::output::{Form, Place};
use crate::cli::error::Error;
use crate::cli::named::resolve;
use crate::cli::report::Report;
use crate::cli::words;
use crate::client::Client;
use crate::kmip::CryptographicParameters;
use crate::kmip::enumerations::{HashingAlgorithm, ObjectType, PaddingMethod};
use crate::kmip::payloads::{MultiPart, sign};

/// Sign a file with a private key that stays in the HSM
#[derive(clap::Args)]
pub(in crate::cli) struct Sign {
    /// File to sign; `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Unique identifier or name of the private key
    #[arg(short, long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
    #[command(flatten)]
    scheme: Scheme,
    #[command(flatten)]
    place: Place,
    /// Form of the signature
    #[arg(short, long, value_name = "FORM", value_enum, default_value = "raw")]
    format: Form,
}

/// How data is signed.
#[derive(clap::Args)]
pub(super) struct Scheme {
    /// Hash [default: that of the key, otherwise sha256]; a file above 3 MiB is hashed here, and needs it
    #[arg(long, value_name = "HASH", value_parser = words::hash(), hide_possible_values = true)]
    pub(super) hash: Option<HashingAlgorithm>,
    /// Padding of RSA: pss or pkcs1v15 [default: that of the key, otherwise pss]
    #[arg(long, value_name = "PADDING", value_parser = words::padding(), hide_possible_values = true)]
    padding: Option<PaddingMethod>,
    /// The file holds the hash of the data, not the data
    #[arg(long)]
    pub(super) digest: bool,
}

impl Scheme {
    pub(super) fn parameters(&self) -> Option<CryptographicParameters> {
        (self.hash.is_some() || self.padding.is_some()).then(|| CryptographicParameters {
            hashing_algorithm: self.hash,
            padding_method: self.padding,
            ..CryptographicParameters::default()
        })
    }
}

impl Sign {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let id = resolve(client, &self.key, &[ObjectType::PrivateKey]).await?;
        let message = Message::read(&self.input, self.scheme.hash, self.scheme.digest).await?;
        let answer = client
            .execute(sign::Request {
                unique_identifier: Some(id.into()),
                cryptographic_parameters: self.scheme.parameters(),
                data: message.data,
                digested_data: message.digest,
                multi_part: MultiPart::default(),
            })
            .await?;
        let signature = answer.signature_data.ok_or(Error::Incomplete("signature"))?;
        self.place.put(signature, self.format, "signature", Some(answer.unique_identifier)).await
    }
}
