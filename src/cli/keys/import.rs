//! `claviger keys import`

use std::path::PathBuf;

use super::create::Terms;
use super::material::{self, Format};
use crate::cli::error::{Error, FileError};
use crate::cli::kinds::{Choice, Kind, Parameters};
use crate::cli::labels::Labels;
use crate::cli::report::{Report, made};
use crate::cli::stream::Source;
use crate::cli::sym::length;
use crate::cli::words;
use crate::client::Client;
use crate::kmip::enumerations::{CryptographicAlgorithm, HashingAlgorithm, KeyFormatType};
use crate::kmip::payloads::{import, register};
use crate::kmip::{Attributes, ManagedObject};

/// The largest key file, in bytes.
const MAX_FILE: usize = 64 << 10;

/// Import a key in PEM, DER or KMIP's JSON, or the bytes of a symmetric key, and print its unique identifier
#[derive(clap::Args)]
pub(in crate::cli) struct Import {
    /// File that holds the key; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Kind: aes, rsa, ec, ed25519, x25519, hmac, chacha20, 3des or secret-data (a password) [default: as stated in the file,
    /// otherwise aes]
    #[arg(long = "type", value_name = "TYPE", value_enum, hide_possible_values = true)]
    kind: Option<Kind>,
    /// Another algorithm of KMIP for a symmetric key, such as chacha20, camellia or hmac-sha3-256
    #[arg(long, value_name = "ALGORITHM", value_parser = words::any_algorithm, conflicts_with = "kind")]
    algorithm: Option<CryptographicAlgorithm>,
    /// Hash of an hmac key [default: sha256]
    #[arg(long, value_name = "HASH", value_parser = words::hash(), hide_possible_values = true)]
    hash: Option<HashingAlgorithm>,
    /// Format of the file [default: recognised by its content; base64 is not]
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    labels: Labels,
    #[command(flatten)]
    terms: Terms,
}

impl Import {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let content = Source::whole(&self.file, MAX_FILE, |path, limit| FileError::TooLarge { path, limit }).await?;
        let object = material::read(self.format, &self.file, content, self.kind.is_some_and(Kind::is_pair))?;
        let object = if self.kind == Some(Kind::SecretData) { material::secret_data(object) } else { object };
        let attributes = Box::new(self.attributes(&object)?);
        // The server would keep it, and the HSM would not use it.
        if let Some(bytes) = length(&object)
            && attributes.cryptographic_algorithm == Some(CryptographicAlgorithm::AES)
            && !matches!(bytes, 16 | 24 | 32)
        {
            return Err(FileError::NotAes { path: self.file, bytes, flag: "--type" }.into());
        }
        let object_type = object.object_type();
        let id = match self.labels.id {
            Some(id) => {
                let request = import::Request {
                    unique_identifier: Some(id.into()),
                    object_type,
                    replace_existing: Some(false),
                    key_wrap_type: None,
                    attributes,
                    object,
                };
                client.execute(request).await?.unique_identifier
            }
            None => {
                let request = register::Request { object_type, attributes, object, protection_storage_masks: None };
                client.execute(request).await?.unique_identifier
            }
        };
        Ok(made(&id))
    }

    fn attributes(&self, object: &ManagedObject) -> Result<Attributes, Error> {
        if matches!(object, ManagedObject::SecretData(_)) {
            let mut attributes = self.labels.attributes();
            self.terms.put_state(&mut attributes);
            self.terms.put_leaving(&mut attributes);
            let [mask, _] = self.terms.masks(Kind::SecretData)?;
            attributes.cryptographic_usage_mask = Some(mask);
            return Ok(attributes);
        }
        let stated = self.algorithm.or(object.key_block().and_then(|block| block.cryptographic_algorithm));
        let stated_kind = self.algorithm.map_or_else(|| material::kind(object), Kind::of);
        // The raw bytes of a curve do not tell which one it is.
        let is_raw = object.key_block().is_some_and(|block| block.key_format_type == KeyFormatType::Raw);
        let kind = match (self.kind, stated_kind) {
            (Some(Kind::X25519), Some(Kind::Ec)) if is_raw => Kind::X25519,
            (Some(given), Some(stated)) if given != stated => {
                let path = self.file.display();
                return Err(Error::Usage(format!("--type: {path} states another kind of key: leave out --type")));
            }
            (given, stated) => given.or(stated).unwrap_or(Kind::Aes),
        };
        let is_half = !matches!(object, ManagedObject::SymmetricKey(_));
        if is_half != kind.is_pair() {
            let path = self.file.display();
            return Err(Error::Usage(format!("--type: the key in {path} is not of this kind: leave out --type")));
        }
        let Parameters { algorithm: named, domain, .. } =
            kind.parameters(Choice { hash: self.hash, ..Choice::default() })?;
        let mut attributes = self.labels.attributes();
        self.terms.put_state(&mut attributes);
        attributes.cryptographic_algorithm = Some(if self.hash.is_some() { named } else { stated.unwrap_or(named) });
        attributes.cryptographic_domain_parameters = domain.filter(|_| kind == Kind::X25519);
        let [own, public] = self.terms.masks(kind)?;
        let is_public = matches!(object, ManagedObject::PublicKey(_));
        attributes.cryptographic_usage_mask = Some(if is_public { public } else { own });
        if !is_public {
            self.terms.put_leaving(&mut attributes);
        }
        Ok(attributes)
    }
}
