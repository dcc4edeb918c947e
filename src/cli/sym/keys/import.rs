//! `claviger sym keys import`

use std::path::PathBuf;

use super::format::Format;
use super::new_key::NewKey;
use crate::cli::error::{Error, FileError};
use crate::cli::report::{Report, made};
use crate::cli::stream::Source;
use crate::cli::words;
use crate::client::{Client, Error as ClientError};
use crate::kmip::attributes::AttributeReference;
use crate::kmip::enumerations::{CryptographicAlgorithm, ObjectType};
use crate::kmip::key_block::KeyValue;
use crate::kmip::payloads::{get_attributes, import, register};
use crate::kmip::{ManagedObject, Tag};
use crate::secret::Bytes;

/// The largest key file, in bytes.
const MAX_FILE: usize = 64 << 10;

/// Import your own key into the HSM and print its unique identifier
#[derive(clap::Args)]
pub(in crate::cli) struct Import {
    /// File that holds the key; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Format of the key
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "json-ttlv")]
    format: Format,
    /// Algorithm of the key [default: as stated in the file, otherwise aes]
    #[arg(long, value_name = "ALGORITHM", value_parser = words::algorithm())]
    algorithm: Option<CryptographicAlgorithm>,
    /// Replace the key with this --id, if it exists; its usage, names and tags are kept unless they are given
    #[arg(long, requires = "id", conflicts_with = "pre_active")]
    replace: bool,
    #[command(flatten)]
    key: NewKey,
}

impl Import {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let content = Source::whole(&self.file, MAX_FILE, |path, limit| FileError::TooLarge { path, limit }).await?;
        let (object, stated) = object(self.format, &self.file, content)?;
        let algorithm = self.algorithm.or(stated).unwrap_or(CryptographicAlgorithm::AES);
        // The server would keep it, and the HSM would not use it.
        if let Some(bytes) = length(&object)
            && algorithm == CryptographicAlgorithm::AES
            && !matches!(bytes, 16 | 24 | 32)
        {
            return Err(FileError::NotAes { path: self.file, bytes, flag: "--algorithm" }.into());
        }
        let attributes = Box::new(self.key.attributes(algorithm));
        let object_type = ObjectType::SymmetricKey;
        let id = match &self.key.id {
            Some(id) => {
                let request = import::Request {
                    unique_identifier: Some(id.as_str().into()),
                    object_type,
                    replace_existing: Some(self.replace),
                    key_wrap_type: None,
                    attributes,
                    object,
                };
                if self.replace { replace(client, &self.key, request).await? } else { client.execute(request).await? }
                    .unique_identifier
            }
            None => {
                let request = register::Request { object_type, attributes, object, protection_storage_masks: None };
                client.execute(request).await?.unique_identifier
            }
        };
        Ok(made(&id))
    }
}

/// The length of a key in clear, in bytes.
pub(in crate::cli) fn length(object: &ManagedObject) -> Option<usize> {
    let block = object.key_block().filter(|block| block.key_wrapping_data.is_none())?;
    match block.key_value.as_ref()? {
        KeyValue::Plain { material, .. } => material.bytes().map(|bytes| bytes.len()),
        KeyValue::Wrapped(_) => None,
    }
}

/// Sends only the changed attributes if the key exists, or all attributes of a new key if the server reports that it
/// does not.
async fn replace(client: &Client, key: &NewKey, mut request: import::Request) -> Result<import::Response, Error> {
    let present = get_attributes::Request {
        unique_identifier: request.unique_identifier.clone(),
        attribute_references: vec![AttributeReference::Tag(Tag::State)],
    };
    match client.execute(present).await {
        Err(ClientError::Refused(refusal)) if refusal.status.as_u16() == 404 => {}
        // A caller who may replace the key may lack the permission to read its attributes.
        Ok(_) | Err(ClientError::Refused(_)) => key.leave_what_is_not_given(&mut request.attributes),
        Err(error) => return Err(error.into()),
    }
    Ok(client.execute(request).await?)
}

/// Returns the key, and the algorithm that the file states.
fn object(
    format: Format,
    path: &std::path::Path,
    content: Bytes,
) -> Result<(ManagedObject, Option<CryptographicAlgorithm>), Error> {
    let key = format.read(path, content)?;
    let algorithm = key.key_block.cryptographic_algorithm;
    Ok((ManagedObject::SymmetricKey(key), algorithm))
}
