//! `claviger sym encrypt`

use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::cli::sealed::{self, CHUNK, Chunk, Header, IV, TAG};
use crate::cli::stream::{DASH, Source};
use crate::cli::target::{Existing, Target};
use crate::cli::words;
use crate::client::Client;
use crate::kmip::CryptographicParameters;
use crate::kmip::enumerations::{BlockCipherMode, CryptographicAlgorithm};
use crate::kmip::payloads::{MultiPart, encrypt};
use crate::secret::Bytes;

/// Encrypt a file with an AES key that stays in the HSM
///
/// The file may be of any size. It is encrypted by AES-GCM in chunks of 1 MiB, which are bound to the file and to their
/// place in it. Decryption detects any truncation, reordering, addition or change. The result names the key. Chunks are
/// smaller if the server's HSM takes less in one call.
#[derive(clap::Args)]
pub(in crate::cli) struct Encrypt {
    /// File to encrypt; `-` for standard input
    #[arg(value_name = "FILE")]
    pub(in crate::cli) input: PathBuf,
    /// Unique identifier or name of the key
    #[arg(short, long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) key_id: String,
    /// File to write; `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: PathBuf,
    /// Replace the output file if it exists
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// Additional data in hexadecimal; it is not part of the file, and is needed again to decrypt
    #[arg(long, value_name = "HEX", value_parser = words::hexadecimal)]
    pub(in crate::cli) aad_hex: Option<HexBytes>,
}

/// The bytes of a hexadecimal option. The alias is needed because clap would take a `Vec` for an option with several
/// values.
pub(in crate::cli) type HexBytes = Vec<u8>;

impl Encrypt {
    /// Encrypts the file.
    pub(in crate::cli) async fn run(self, client: &Client) -> Result<Report, Error> {
        let header = |size| Header::new(&self.key_id, size).map_err(Error::Random)?.ok_or(Error::KeyId);
        let mut next = header(CHUNK)?;
        let mut source = Source::open(&self.input)?;
        let mut target = Target::binary(&self.output, Existing::forced(self.force))?;
        let aad = self.aad_hex.unwrap_or_default();
        let ask = async |plaintext, aad| encrypt(client, &self.key_id, plaintext, aad).await;
        let mut size = CHUNK;
        while let Err(error) = sealed::seal(&mut source, &next, &aad, &mut target, ask).await {
            // The server's HSM takes less in one call. The error has the limit.
            let most = error.most_bytes().and_then(|most| u32::try_from(most).ok());
            match most.filter(|most| (1..size).contains(most)) {
                Some(most) if source.rewind().await? => size = most,
                _ => return Err(error),
            }
            next = header(size)?;
        }
        target.finish()?;
        Ok(report(&self.key_id, &self.output))
    }
}

/// Returns the report of an encrypted or decrypted file.
pub(super) fn report(key_id: &str, output: &Path) -> Report {
    if output == Path::new(DASH) {
        return Report::none();
    }
    Report::quiet(json!({ "unique_identifier": key_id, "file": output.to_string_lossy() }))
}

/// Returns the parameters of AES-GCM with a tag of 128 bits. They override the key's own parameters.
pub(super) fn parameters() -> CryptographicParameters {
    CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::GCM),
        cryptographic_algorithm: Some(CryptographicAlgorithm::AES),
        tag_length: i32::try_from(TAG).ok(),
        ..CryptographicParameters::default()
    }
}

async fn encrypt(client: &Client, key_id: &str, plaintext: Bytes, aad: Bytes) -> Result<Chunk, Error> {
    let length = plaintext.len();
    let answer = client
        .execute(encrypt::Request {
            unique_identifier: Some(key_id.into()),
            cryptographic_parameters: Some(parameters()),
            data: Some(plaintext),
            iv_counter_nonce: None,
            multi_part: MultiPart::default(),
            authenticated_encryption_additional_data: Some(aad),
        })
        .await?;
    let iv = answer.iv_counter_nonce.and_then(|iv| <[u8; IV]>::try_from(iv.as_slice()).ok());
    let tag = answer.authenticated_encryption_tag.and_then(|tag| <[u8; TAG]>::try_from(tag.as_slice()).ok());
    let ciphertext = answer.data.unwrap_or_default();
    if ciphertext.len() != length {
        return Err(Error::Incomplete("ciphertext of AES-GCM"));
    }
    Ok(Chunk {
        iv: iv.ok_or(Error::Incomplete("IV of 96 bits"))?,
        ciphertext,
        tag: tag.ok_or(Error::Incomplete("tag of 128 bits"))?,
    })
}
