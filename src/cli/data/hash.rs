//! `claviger hash`

use std::path::PathBuf;

use super::cipher::MOST;
use super::mac::by_hash;
use super::output::{Form, Place};
use crate::cli::error::{Error, FileError};
use crate::cli::report::Report;
use crate::cli::stream::Source;
use crate::cli::words;
use crate::client::Client;
use crate::kmip::enumerations::HashingAlgorithm;
use crate::kmip::payloads::{MultiPart, hash};

/// Print the hash of a file, which the server computes
#[derive(clap::Args)]
pub(in crate::cli) struct Hash {
    /// File of at most 3 MiB; `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Hash
    #[arg(long, value_name = "HASH", value_parser = words::hash(), default_value = "sha256")]
    hash: HashingAlgorithm,
    #[command(flatten)]
    place: Place,
    /// Form of the hash value
    #[arg(short, long, value_name = "FORM", value_enum, default_value = "hex")]
    format: Form,
}

impl Hash {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let answer = client
            .execute(hash::Request {
                cryptographic_parameters: by_hash(self.hash),
                data: Some(Source::whole(&self.input, MOST, FileError::large).await?),
                multi_part: MultiPart::default(),
            })
            .await?;
        self.place.put(answer.data.ok_or(Error::Incomplete("hash"))?, self.format, "hash", None).await
    }
}
