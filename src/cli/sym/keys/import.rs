//! `claviger sym keys import`

use std::path::PathBuf;

use super::format::Format;
use super::made;
use super::new_key::NewKey;
use crate::cli::error::FileError;
use crate::cli::stream::Source;
use crate::cli::{Error, Report, words};
use crate::client::Client;
use crate::kmip::ManagedObject;
use crate::kmip::enumerations::{CryptographicAlgorithm, ObjectType};
use crate::kmip::payloads::{import, register};
use crate::secret::Bytes;

/// The largest key file, in bytes.
const MAX_FILE: usize = 64 << 10;

/// Bring a key of your own into the HSM and print its unique identifier
#[derive(clap::Args)]
pub(in crate::cli) struct Import {
    /// File that holds the key; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How the key is written
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "json-ttlv")]
    format: Format,
    /// Algorithm that the key is for [default: what the file says, else aes]
    #[arg(long, value_name = "ALGORITHM", value_parser = words::algorithm())]
    algorithm: Option<CryptographicAlgorithm>,
    /// Take the place of the key that has this --id
    #[arg(long, requires = "id")]
    replace: bool,
    #[command(flatten)]
    key: NewKey,
}

impl Import {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let content = Source::open(&self.file)?.read(MAX_FILE + 1).await?;
        if content.len() > MAX_FILE {
            return Err(FileError::TooLarge { path: self.file, limit: MAX_FILE }.into());
        }
        let (object, stated) = object(self.format, &self.file, content)?;
        let algorithm = self.algorithm.or(stated).unwrap_or(CryptographicAlgorithm::AES);
        let attributes = Box::new(self.key.attributes(algorithm));
        let object_type = ObjectType::SymmetricKey;
        let id = match self.key.id {
            Some(id) => {
                let request = import::Request {
                    unique_identifier: id.into(),
                    object_type,
                    replace_existing: Some(self.replace),
                    key_wrap_type: None,
                    attributes,
                    object,
                };
                client.import(request).await?.unique_identifier
            }
            None => {
                let request = register::Request { object_type, attributes, object, protection_storage_masks: None };
                client.register(request).await?.unique_identifier
            }
        };
        Ok(made(&id))
    }
}

/// The key, with its length, and the algorithm that the file states.
fn object(
    format: Format,
    path: &std::path::Path,
    content: Bytes,
) -> Result<(ManagedObject, Option<CryptographicAlgorithm>), Error> {
    let key = format.read(path, content)?;
    let algorithm = key.key_block.cryptographic_algorithm;
    Ok((ManagedObject::SymmetricKey(key), algorithm))
}
