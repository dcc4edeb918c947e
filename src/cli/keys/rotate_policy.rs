//! `claviger keys rotate-policy`

use clap::builder::NonEmptyStringValueParser;

use super::rekey::REPLACED;
use crate::cli::attributes::shown;
use crate::cli::error::Error;
use crate::cli::named::resolve;
use crate::cli::report::Report;
use crate::cli::words;
use crate::client::Client;
use crate::kmip::attributes::{RotateName, SingleAttribute};
use crate::kmip::enumerations::RotateNameType;
use crate::kmip::payloads::set_attribute;
use crate::kmip::ttlv::{Interval, Item};
use crate::kmip::{AttributeReference, Tag};

/// The attributes of the rotation.
const POLICY: [Tag; 7] = [
    Tag::RotateAutomatic,
    Tag::RotateInterval,
    Tag::RotateOffset,
    Tag::RotateGeneration,
    Tag::RotateLatest,
    Tag::RotateDate,
    Tag::RotateName,
];

/// Let the server replace a key by itself, or end this, and print the policy, one attribute per line: `Name: value`
#[derive(clap::Args)]
pub(in crate::cli) struct RotatePolicy {
    /// Unique identifier or name of the key; of a pair, the private key
    #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
    /// Replace the key when it is this old, as in 90m, 12h or 30d; each replacement has the same policy
    #[arg(long, value_name = "TIME", value_parser = words::duration, conflicts_with = "off")]
    every: Option<u32>,
    /// Time from the replacement to the activation of the new key
    #[arg(long, value_name = "TIME", value_parser = words::duration, conflicts_with = "off")]
    offset: Option<u32>,
    /// Rotate Name, which the key and its replacements share
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    rotate_name: Option<String>,
    /// No longer replace the key
    #[arg(long)]
    off: bool,
}

impl RotatePolicy {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let id = resolve(client, &self.key, &REPLACED).await?;
        let mut changes = Vec::new();
        changes.extend(self.offset.map(|offset| Item::new(Tag::RotateOffset, Interval(offset))));
        changes.extend(self.rotate_name.map(|value| {
            Item::new(Tag::RotateName, RotateName { value, kind: Some(RotateNameType::UninterpretedTextString) })
        }));
        if let Some(every) = self.every {
            changes.push(Item::new(Tag::RotateInterval, Interval(every)));
            changes.push(Item::new(Tag::RotateAutomatic, true));
        }
        if self.off {
            changes.push(Item::new(Tag::RotateAutomatic, false));
        }
        for change in changes {
            let new_attribute = SingleAttribute::of(change).map_err(|_| Error::Incomplete("attributes of rotation"))?;
            let unique_identifier = Some(id.as_str().into());
            client.execute(set_attribute::Request { unique_identifier, new_attribute }).await?;
        }
        shown(client, id, POLICY.into_iter().map(AttributeReference::Tag).collect()).await
    }
}
