//! `claviger unwrap`

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

use super::decrypt::is_failure;
use crate::cli::error::{Error, FileError};
use crate::cli::keys::Terms;
use crate::cli::keys::material::{self, Format};
use crate::cli::kinds::{Choice, Kind};
use crate::cli::labels::Labels;
use crate::cli::named::resolve;
use crate::cli::report::{Report, made};
use crate::cli::stream::Source;
use crate::cli::words;
use crate::client::{self, Client};
use crate::kmip::ManagedObject;
use crate::kmip::enumerations::{EncodingOption, HashingAlgorithm, KeyWrapType, ObjectType, WrappingMethod};
use crate::kmip::key_block::{KeyInformation, KeyWrappingData};
use crate::kmip::payloads::import::Request;

/// The largest file with a wrapped key, in bytes.
const MOST: usize = 64 << 10;

/// Import a key that is wrapped under another key (AES key wrap, RFC 3394), unwrap it inside the HSM, and print its unique
/// identifier
#[derive(clap::Args)]
pub(in crate::cli) struct Unwrap {
    /// File with the wrapped key; `-` for standard input
    #[arg(value_name = "FILE")]
    input: PathBuf,
    /// Unique identifier or name of the wrapping key, whose usage must include unwrap-key
    #[arg(short, long, value_name = "WRAPPING-KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
    /// Kind of the wrapped key: aes or hmac
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value = "aes", hide_possible_values = true)]
    kind: Kind,
    /// Hash of an hmac key [default: sha256]
    #[arg(long, value_name = "HASH", value_parser = words::hash(), hide_possible_values = true)]
    hash: Option<HashingAlgorithm>,
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
            return Err(Error::Usage("--type: only symmetric keys are unwrapped: aes or hmac".to_owned()));
        }
        let content = Source::whole(&self.input, MOST, FileError::large).await?;
        let ManagedObject::SymmetricKey(mut object) = material::read(self.format, &self.input, content, false)? else {
            return Err(Error::Usage(format!("{}: it is not a wrapped symmetric key", self.input.display())));
        };
        let named = self.kind.parameters(Choice { hash: self.hash, ..Choice::default() })?;
        let mut attributes = self.labels.attributes();
        self.terms.put_state(&mut attributes);
        self.terms.put_leaving(&mut attributes);
        attributes.cryptographic_algorithm = Some(named.algorithm);
        let [mask, _] = self.terms.masks(self.kind)?;
        attributes.cryptographic_usage_mask = Some(mask);
        let wrapping = resolve(client, &self.key, &[ObjectType::SymmetricKey]).await?;
        object.key_block.cryptographic_algorithm = None;
        object.key_block.cryptographic_length = None;
        object.key_block.key_wrapping_data = Some(KeyWrappingData {
            wrapping_method: WrappingMethod::Encrypt,
            encryption_key_information: Some(KeyInformation {
                unique_identifier: wrapping.into(),
                cryptographic_parameters: None,
            }),
            mac_signature_key_information: None,
            mac_signature: None,
            iv_counter_nonce: None,
            encoding_option: Some(EncodingOption::NoEncoding),
        });
        let request = Request {
            unique_identifier: self.labels.id.map(Into::into),
            object_type: ObjectType::SymmetricKey,
            replace_existing: Some(false),
            key_wrap_type: Some(KeyWrapType::NotWrapped),
            attributes: Box::new(attributes),
            object: ManagedObject::SymmetricKey(object),
        };
        match client.execute(request).await {
            Err(client::Error::Refused(refusal)) if is_failure(&refusal) => Err(Error::NotUnwrapped(self.input)),
            answer => Ok(made(&answer?.unique_identifier)),
        }
    }
}
