//! `claviger unwrap`

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

use super::decrypt::is_failure;
use super::method::Method;
use crate::cli::error::{Error, FileError};
use crate::cli::keys::Terms;
use crate::cli::keys::material::{self, Format};
use crate::cli::kinds::{Choice, Kind, Parameters};
use crate::cli::labels::Labels;
use crate::cli::named::resolve;
use crate::cli::report::{Report, made};
use crate::cli::stream::Source;
use crate::cli::sym::HexBytes;
use crate::cli::words;
use crate::client::{self, Client};
use crate::kmip::enumerations::{EncodingOption, HashingAlgorithm, KeyWrapType, ObjectType, WrappingMethod};
use crate::kmip::key_block::{KeyBlock, KeyInformation, KeyWrappingData};
use crate::kmip::objects::SymmetricKey;
use crate::kmip::payloads::import::Request;
use crate::kmip::{Attributes, ManagedObject};
use crate::secret::Bytes;

/// The largest file with a wrapped key, in bytes.
const MOST: usize = 64 << 10;

/// Import a key that is wrapped under another key, unwrap it inside the HSM, and print its unique identifier
#[derive(clap::Args)]
pub(in crate::cli) struct Unwrap {
    /// File with the wrapped key; `-` for standard input
    #[arg(value_name = "FILE")]
    input: PathBuf,
    /// Unique identifier or name of the wrapping key, whose usage must include unwrap-key
    #[arg(short, long, value_name = "WRAPPING-KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
    /// Method: kw (AES key wrap), kwp (with padding), cbc (AES-CBC) or oaep (RSA-OAEP, by a private key)
    /// [default: as stated in the file, otherwise kw]
    #[arg(long, value_name = "METHOD", value_enum, hide_possible_values = true)]
    method: Option<Method>,
    /// Hash of oaep, and of an hmac key [default: sha256]
    #[arg(long, value_name = "HASH", value_parser = words::hash(), hide_possible_values = true)]
    hash: Option<HashingAlgorithm>,
    /// IV of cbc in hexadecimal [default: as stated in the file]
    #[arg(long, value_name = "HEX", value_parser = words::hexadecimal)]
    iv_hex: Option<HexBytes>,
    /// Kind of the wrapped key: aes or hmac
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value = "aes", hide_possible_values = true)]
    kind: Kind,
    /// Length in bits [default: for kw and kwp that of the key in the file, otherwise as for keys create]
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(i32).range(1..))]
    size: Option<i32>,
    /// Format of the file: raw, base64 or json-ttlv [default: json-ttlv if it is that, otherwise raw]
    #[arg(short, long, value_name = "FORMAT", value_enum, hide_possible_values = true)]
    format: Option<Format>,
    #[command(flatten)]
    labels: Labels,
    #[command(flatten)]
    terms: Terms,
}

impl Unwrap {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        if !matches!(self.kind, Kind::Aes | Kind::Hmac) {
            return Err(Error::Usage("--type: only these are unwrapped: aes and hmac".to_owned()));
        }
        let content = Source::whole(&self.input, MOST, FileError::large).await?;
        let file = material::read(self.format, &self.input, content, false)?;
        let block = file.key_block().ok_or(Error::Incomplete("key"))?;
        let (found, expected) = (block.cryptographic_algorithm, self.named()?.algorithm);
        if file.object_type() == ObjectType::SecretData || found.is_some_and(|found| found != expected) {
            return Err(Error::Usage(
                "the file has a key of another kind: give --type and --hash as they are in the file".to_owned(),
            ));
        }
        let bytes = material::key_bytes(block)?;
        let data = block.key_wrapping_data.as_ref();
        let information = data.and_then(|data| data.encryption_key_information.as_ref());
        let stated = information.and_then(|own| own.cryptographic_parameters.clone()).filter(|_| self.method.is_none());
        let iv = self.iv_hex.clone().map(Bytes::from).or(data.and_then(|data| data.iv_counter_nonce.clone()));
        let method = self.method.unwrap_or_else(|| Method::of(stated.as_ref()));
        let wrapping = resolve(client, &self.key, &[method.wrapping_type(true)]).await?;
        let key_block = KeyBlock {
            key_wrapping_data: Some(KeyWrappingData {
                wrapping_method: WrappingMethod::Encrypt,
                encryption_key_information: Some(KeyInformation {
                    unique_identifier: wrapping.into(),
                    cryptographic_parameters: Some(stated.unwrap_or_else(|| method.parameters(self.hash))),
                }),
                mac_signature_key_information: None,
                mac_signature: None,
                iv_counter_nonce: iv.filter(|_| method == Method::Cbc),
                encoding_option: Some(EncodingOption::NoEncoding),
            }),
            ..KeyBlock::raw(bytes)
        };
        let object = ManagedObject::SymmetricKey(SymmetricKey { key_block });
        let attributes = Box::new(self.attributes(method)?);
        let request = Request {
            unique_identifier: self.labels.id.map(Into::into),
            object_type: object.object_type(),
            replace_existing: Some(false),
            key_wrap_type: Some(KeyWrapType::NotWrapped),
            attributes,
            object,
        };
        match client.execute(request).await {
            Err(client::Error::Refused(refusal)) if is_failure(&refusal) => Err(Error::NotUnwrapped(self.input)),
            answer => Ok(made(&answer?.unique_identifier)),
        }
    }

    /// What the options say of the key.
    fn named(&self) -> Result<Parameters, Error> {
        let hash = self.hash.filter(|_| self.kind == Kind::Hmac);
        self.kind.parameters(Choice { hash, size: self.size, curve: None, algorithm: None })
    }

    fn attributes(&self, method: Method) -> Result<Attributes, Error> {
        let named = self.named()?;
        let mut attributes = self.labels.attributes();
        self.terms.put_state(&mut attributes);
        self.terms.put_leaving(&mut attributes);
        attributes.cryptographic_algorithm = Some(named.algorithm);
        // The blob of AES key wrap shows the length of the key.
        let is_known = matches!(method, Method::Kw | Method::Kwp) && self.size.is_none();
        attributes.cryptographic_length = (!is_known).then_some(named.bits);
        attributes.cryptographic_domain_parameters = named.domain;
        let [mask, _] = self.terms.masks(self.kind)?;
        attributes.cryptographic_usage_mask = Some(mask);
        Ok(attributes)
    }
}
