//! `claviger derive`

use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use openssl::pkey::PKey;

use crate::cli::error::{Error, FileError, KeyFileFault};
use crate::cli::keys::Terms;
use crate::cli::kinds::{Choice, Kind};
use crate::cli::labels::Labels;
use crate::cli::named::resolve;
use crate::cli::report::{Report, made};
use crate::cli::stream::Source;
use crate::cli::sym::HexBytes;
use crate::cli::words;
use crate::client::Client;
use crate::kmip::CryptographicParameters;
use crate::kmip::enumerations::{BlockCipherMode, DerivationMethod, HashingAlgorithm, ObjectType};
use crate::kmip::payloads::derive_key::{DerivationParameters, Request};
use crate::secret::Bytes;

/// The most derivation data, in bytes: what the server takes.
const MOST: usize = 1024;

/// Derive a key from another key inside the HSM, and print its unique identifier
#[derive(clap::Args)]
pub(in crate::cli) struct Derive {
    /// File with the derivation data, of at most 1024 bytes, or for asymmetric-key with the other party's public key in PEM or
    /// DER; `-` for standard input [default: no data]
    #[arg(value_name = "FILE")]
    data: Option<PathBuf>,
    /// Unique identifier or name of the key or secret data to derive from, whose only usage is derive-key; for asymmetric-key a
    /// private key
    #[arg(short, long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
    /// Method
    #[arg(long, value_name = "METHOD", value_parser = words::derivation())]
    method: DerivationMethod,
    /// Hash of the method [default: sha256; for nist800-108-c and nist800-108-f with an AES key, its CMAC; required for hash]
    #[arg(long, value_name = "HASH", value_parser = words::hash(), hide_possible_values = true)]
    #[arg(required_if_eq("method", "hash"))]
    hash: Option<HashingAlgorithm>,
    /// Mode of the method encrypt: ecb or cbc
    #[arg(long, value_name = "MODE", value_parser = words::mode(), hide_possible_values = true)]
    mode: Option<BlockCipherMode>,
    /// IV of the mode cbc, or of nist800-108-f, in hexadecimal
    #[arg(long, value_name = "HEX", value_parser = words::hexadecimal)]
    iv_hex: Option<HexBytes>,
    /// Salt of hkdf in hexadecimal
    #[arg(long, value_name = "HEX", value_parser = words::hexadecimal)]
    salt_hex: Option<HexBytes>,
    /// Kind of the new object: aes, hmac, chacha20 or secret-data, which is not sensitive
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value = "aes", hide_possible_values = true)]
    kind: Kind,
    /// Length of the new key in bits [default: 256]
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(i32).range(1..))]
    size: Option<i32>,
    #[command(flatten)]
    labels: Labels,
    #[command(flatten)]
    terms: Terms,
}

impl Derive {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        if self.kind.is_pair() {
            return Err(Error::Usage("--type: only these are derived: aes, hmac, chacha20 or secret-data".to_owned()));
        }
        let is_secret_data = self.kind == Kind::SecretData;
        let [mask, _] = self.terms.masks(self.kind)?;
        let mut attributes = self.labels.attributes();
        self.terms.put_state(&mut attributes);
        self.terms.put_leaving(&mut attributes);
        attributes.unique_identifier = self.labels.id.map(Into::into);
        attributes.cryptographic_usage_mask = Some(mask);
        if is_secret_data {
            if attributes.sensitive == Some(true) && attributes.extractable == Some(true) {
                return Err(Error::Usage("--sensitive: the HSM gives derived secret data to the server".to_owned()));
            }
            // The HSM gives its value to the server.
            (attributes.sensitive, attributes.extractable) = (Some(false), Some(true));
            attributes.cryptographic_length = Some(self.size.unwrap_or(256));
        } else {
            let key = self.kind.parameters(Choice { size: self.size, ..Choice::default() })?;
            attributes.cryptographic_algorithm = Some(key.algorithm);
            attributes.cryptographic_length = Some(key.bits);
        }
        let is_agreement = self.method == DerivationMethod::AsymmetricKey;
        let data = match &self.data {
            Some(path) if is_agreement => vec![public_key(path, Source::whole(path, MOST, FileError::large).await?)?],
            Some(path) => vec![Source::whole(path, MOST, FileError::large).await?],
            None => Vec::new(),
        };
        let own: &[ObjectType] =
            if is_agreement { &[ObjectType::PrivateKey] } else { &[ObjectType::SymmetricKey, ObjectType::SecretData] };
        let base = resolve(client, &self.key, own).await?;
        let is_chosen = self.hash.is_some() || self.mode.is_some();
        let request = Request {
            object_type: if is_secret_data { ObjectType::SecretData } else { ObjectType::SymmetricKey },
            unique_identifiers: vec![base.into()],
            derivation_method: self.method,
            derivation_parameters: DerivationParameters {
                cryptographic_parameters: is_chosen.then(|| CryptographicParameters {
                    hashing_algorithm: self.hash,
                    block_cipher_mode: self.mode,
                    ..CryptographicParameters::default()
                }),
                initialization_vector: self.iv_hex.map(Bytes::from),
                derivation_data: data,
                salt: self.salt_hex.map(Bytes::from),
                iteration_count: None,
            },
            attributes: Box::new(attributes),
        };
        Ok(made(&client.execute(request).await?.unique_identifier))
    }
}

/// Returns the public key of a file in DER. What is not PEM is sent as it is.
fn public_key(path: &Path, content: Bytes) -> Result<Bytes, Error> {
    if !content.trim_ascii_start().starts_with(b"-----BEGIN ") {
        return Ok(content);
    }
    let der = PKey::public_key_from_pem(&content).and_then(|key| key.public_key_to_der());
    let fault = |_| Error::KeyFile { path: path.to_owned(), format: "a public key in PEM", fault: KeyFileFault::NoPem };
    der.map(Bytes::from).map_err(fault)
}
