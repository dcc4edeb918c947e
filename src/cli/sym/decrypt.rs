//! `claviger sym decrypt`

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

use super::encrypt::{HexBytes, parameters, report};
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::cli::sealed::{self, Chunk, Header};
use crate::cli::stream::Source;
use crate::cli::target::{Existing, Target};
use crate::cli::words;
use crate::client::{self, Client};
use crate::kmip::enumerations::ResultReason;
use crate::kmip::payloads::{MultiPart, decrypt};
use crate::secret::Bytes;

/// Decrypt a file of `claviger sym encrypt`
///
/// The output file appears when all of it has been verified, and is readable only by you. On standard output, each
/// chunk of 1 MiB appears when it has been verified: the output is complete only if the exit status is 0.
#[derive(clap::Args)]
pub(in crate::cli) struct Decrypt {
    /// File to decrypt; `-` for standard input
    #[arg(value_name = "FILE")]
    pub(in crate::cli) input: PathBuf,
    /// Unique identifier or name of the key [default: the one that the file names]
    #[arg(short, long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) key_id: Option<String>,
    /// File to write; `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: PathBuf,
    /// Replace the output file if it exists
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// Additional data in hexadecimal, as given to encrypt
    #[arg(long, value_name = "HEX", value_parser = words::hexadecimal)]
    pub(in crate::cli) aad_hex: Option<HexBytes>,
}

impl Decrypt {
    /// Decrypts the file.
    pub(in crate::cli) async fn run(self, client: &Client) -> Result<Report, Error> {
        let mut source = Source::open(&self.input)?;
        let header = Header::read(&mut source).await?;
        let named = self.key_id.is_none().then(|| header.key_id());
        self.decrypt(client, &mut source, &header).await.map_err(|error| match (named, error) {
            // The file named the key, so the error must name it: the key may be missing, not permitted or the wrong
            // one.
            (Some(key_id), error @ (Error::Client(_) | Error::Sealed { source: sealed::Error::Unverified(_), .. })) => {
                Error::NamedKey { key_id: key_id.to_owned(), source: Box::new(error) }
            }
            (_, error) => error,
        })
    }

    async fn decrypt(self, client: &Client, source: &mut Source, header: &Header) -> Result<Report, Error> {
        let key_id = self.key_id.as_deref().unwrap_or_else(|| header.key_id());
        let mut target = Target::create(&self.output, Existing::forced(self.force))?;
        let aad = self.aad_hex.unwrap_or_default();
        let ask = async |chunk, aad| {
            decrypt(client, key_id, chunk, aad).await.map_err(|error| match error.most_bytes() {
                Some(most) => Error::Sealed { path: self.input.clone(), source: sealed::Error::TooLong(most) },
                None => error,
            })
        };
        sealed::open(source, header, &aad, &mut target, ask).await?;
        target.finish()?;
        Ok(report(key_id, &self.output))
    }
}

/// Returns the plaintext; `None` if the chunk does not verify.
async fn decrypt(client: &Client, key_id: &str, chunk: Chunk, aad: Bytes) -> Result<Option<Bytes>, Error> {
    let answer = client
        .execute(decrypt::Request {
            unique_identifier: Some(key_id.into()),
            cryptographic_parameters: Some(parameters()),
            data: Some(chunk.ciphertext),
            iv_counter_nonce: Some(Bytes::from(&chunk.iv[..])),
            multi_part: MultiPart::default(),
            authenticated_encryption_additional_data: Some(aad),
            authenticated_encryption_tag: Some(Bytes::from(&chunk.tag[..])),
        })
        .await;
    match answer {
        Ok(answer) => Ok(Some(answer.data.unwrap_or_default())),
        Err(client::Error::Refused(refusal))
            if refusal.result_reason.as_deref().and_then(ResultReason::from_name)
                == Some(ResultReason::CryptographicFailure) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
