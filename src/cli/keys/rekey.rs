//! `claviger keys rekey`

use clap::builder::NonEmptyStringValueParser;

use super::create::made_pair;
use crate::cli::error::Error;
use crate::cli::named::resolve;
use crate::cli::report::{Report, made};
use crate::cli::words;
use crate::client::Client;
use crate::kmip::enumerations::ObjectType;
use crate::kmip::payloads::{get_attributes, re_key, re_key_key_pair};
use crate::kmip::ttlv::Interval;
use crate::kmip::{AttributeReference, Attributes, Tag};

/// The types of keys that the server replaces.
pub(super) const REPLACED: [ObjectType; 2] = [ObjectType::SymmetricKey, ObjectType::PrivateKey];

const EFFECT: &str = "\
The replacement takes the names of the key, and belongs to its owner. The key stays: its
identifier still decrypts. A pair is named by its private key.";

/// Replace a key, or a pair, by a new one, and print its unique identifier; of a pair, the private key's first
#[derive(clap::Args)]
#[command(after_help = EFFECT)]
pub(in crate::cli) struct Rekey {
    /// Unique identifier or name of the key
    #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
    /// Unique identifier of the replacement [default: chosen by the server]
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    id: Option<String>,
    /// Time from now to the activation of the replacement, as in 3600, 90m, 12h or 30d; its other dates move with it
    /// [default: its dates are those of the key]
    #[arg(long, value_name = "TIME", value_parser = words::duration)]
    offset: Option<u32>,
}

impl Rekey {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let id = resolve(client, &self.key, &REPLACED).await?;
        let request = get_attributes::Request {
            unique_identifier: Some(id.as_str().into()),
            attribute_references: vec![AttributeReference::Tag(Tag::ObjectType)],
        };
        let object_type = client.execute(request).await?.attributes.object_type;
        let offset = self.offset.map(Interval);
        let attributes =
            self.id.map(|id| Box::new(Attributes { unique_identifier: Some(id.into()), ..Attributes::default() }));
        if object_type != Some(ObjectType::PrivateKey) {
            let request = re_key::Request {
                unique_identifier: Some(id.into()),
                offset,
                attributes,
                protection_storage_masks: None,
            };
            return Ok(made(&client.execute(request).await?.unique_identifier));
        }
        let request = re_key_key_pair::Request {
            private_key_unique_identifier: Some(id.into()),
            offset,
            common_attributes: None,
            private_key_attributes: attributes,
            public_key_attributes: None,
            common_protection_storage_masks: None,
            private_protection_storage_masks: None,
            public_protection_storage_masks: None,
        };
        let answer = client.execute(request).await?;
        Ok(made_pair(answer.private_key_unique_identifier, answer.public_key_unique_identifier))
    }
}
