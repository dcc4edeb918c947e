//! `claviger attributes set` and `delete`

use clap::builder::NonEmptyStringValueParser;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cli::confirmation::Confirmation;
use crate::cli::error::Error;
use crate::cli::named::resolve;
use crate::cli::report::{Report, changed};
use crate::cli::words;
use crate::client::{self, Client};
use crate::hexadecimal;
use crate::kmip::attributes::{
    AlternativeName, ApplicationSpecificInformation, Link, Name, RotateName, SingleAttribute, TAG_VENDOR, UsageLimits,
    VendorAttribute, VendorReference, are_tags, has_several,
};
use crate::kmip::enumerations::{self, AlternativeNameType, LinkType, RotateNameType, UsageLimitsUnit};
use crate::kmip::payloads::{add_attribute, delete_attribute, get_attributes, set_attribute};
use crate::kmip::ttlv::{DateTime, Field as _, Interval, Item, Value};
use crate::kmip::{AttributeReference, Tag, UsageMask};
use crate::secret::Bytes;

const VALUES: &str = "\
A value is a text, a number, true or false, a time of RFC 3339, or hexadecimal digits. A usage
mask is its uses, and Tags are the tags, separated by commas. Link and AlternativeName are
TYPE=VALUE, ApplicationSpecificInformation is NAMESPACE=DATA, and UsageLimits is UNIT=TOTAL, as
in Object=1000. The options of the connection are in `claviger --help`.";

/// Give an object an attribute; of an attribute that it may have several of, add one
#[derive(clap::Args)]
#[command(after_help = VALUES)]
pub(in crate::cli) struct Set {
    /// Unique identifier or name of the object
    #[arg(value_name = "OBJECT", value_parser = NonEmptyStringValueParser::new())]
    object: String,
    /// Attribute, by its KMIP name; VENDOR/NAME for one of a vendor
    #[arg(value_name = "ATTRIBUTE", value_parser = reference)]
    attribute: AttributeReference,
    /// Value
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Delete an attribute of an object, or one of its values
#[derive(clap::Args)]
pub(in crate::cli) struct Delete {
    /// Unique identifier or name of the object
    #[arg(value_name = "OBJECT", value_parser = NonEmptyStringValueParser::new())]
    object: String,
    /// Attribute, by its KMIP name; VENDOR/NAME for one of a vendor
    #[arg(value_name = "ATTRIBUTE", value_parser = reference)]
    attribute: AttributeReference,
    /// The value to delete [default: all values]
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: Option<String>,
}

impl Set {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let new_attribute = single(&self.attribute, &self.value)?;
        let id = resolve(client, &self.object, &[]).await?;
        if let Some(loss) = loss(client, &id, new_attribute.item()).await? {
            self.confirmation.ask("this change", &format!("The object {id} {loss}."))?;
        }
        let unique_identifier = Some(id.into());
        // A vendor attribute has one value for each vendor and name, as this program writes them.
        let tag = new_attribute.item().tag;
        let id = if has_several(tag) && tag != Tag::Attribute {
            client.execute(add_attribute::Request { unique_identifier, new_attribute }).await?.unique_identifier
        } else {
            client.execute(set_attribute::Request { unique_identifier, new_attribute }).await?.unique_identifier
        };
        Ok(changed(&id))
    }
}

impl Delete {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let current_attribute = self.value.map(|value| single(&self.attribute, &value)).transpose()?;
        let attribute_reference = current_attribute.is_none().then_some(self.attribute);
        let request = delete_attribute::Request {
            unique_identifier: Some(resolve(client, &self.object, &[]).await?.into()),
            current_attribute,
            attribute_reference,
            attribute_index: None,
        };
        Ok(changed(&client.execute(request).await?.unique_identifier))
    }
}

/// Returns what a change of an attribute takes from an object for good: uses that the mask no longer has, or the uses
/// that end at a date which is already past.
async fn loss(client: &Client, id: &str, item: &Item) -> Result<Option<String>, Error> {
    match (item.tag, &item.value) {
        (Tag::DeactivationDate | Tag::ProtectStopDate, Value::DateTime(date))
            if date.0 <= OffsetDateTime::now_utc().unix_timestamp() =>
        {
            Ok(Some(format!("will end its uses at once, because this {} is past", item.tag)))
        }
        (Tag::CryptographicUsageMask, Value::Integer(wanted)) => {
            let present = get_attributes::Request {
                unique_identifier: Some(id.into()),
                attribute_references: vec![AttributeReference::Tag(Tag::CryptographicUsageMask)],
            };
            let lost = match client.execute(present).await {
                Ok(answer) => answer.attributes.cryptographic_usage_mask.unwrap_or_default().bits() & !wanted,
                // A caller who may change the mask may lack the right to read it.
                Err(client::Error::Refused(refusal)) if refusal.status.as_u16() == 403 => {
                    return Ok(Some("may lose uses, which cannot be added again".to_owned()));
                }
                Err(error) => return Err(error.into()),
            };
            let lost: Vec<&str> = UsageMask::from_bits(lost).into_iter().flat_map(UsageMask::names).collect();
            Ok((!lost.is_empty()).then(|| format!("will lose these uses: {}", lost.join(", "))))
        }
        _ => Ok(None),
    }
}

/// Parses the name of an attribute.
fn reference(word: &str) -> Result<AttributeReference, String> {
    if let Some((vendor, name)) = word.split_once('/').filter(|(vendor, name)| !vendor.is_empty() && !name.is_empty()) {
        let (vendor_identification, name) = (vendor.to_owned(), name.to_owned());
        return Ok(AttributeReference::Vendor(VendorReference { vendor_identification, name }));
    }
    words::attribute(word).map(referred).map_err(|error| format!("{error}; or VENDOR/NAME"))
}

/// Returns the reference to an attribute; `None` stands for the tags.
pub(super) fn referred(tag: Option<Tag>) -> AttributeReference {
    let tags = || VendorReference { vendor_identification: TAG_VENDOR.to_owned(), name: "tag".to_owned() };
    tag.map_or_else(|| AttributeReference::Vendor(tags()), AttributeReference::Tag)
}

/// Returns the instance of an attribute with the value in a text.
///
/// # Errors
/// The text is not a value of the attribute.
fn single(attribute: &AttributeReference, text: &str) -> Result<SingleAttribute, Error> {
    let items = match attribute {
        AttributeReference::Vendor(of) => vec![vendor(of, text)],
        AttributeReference::Tag(tag) => values(*tag, text).into_iter().map(|value| Item { tag: *tag, value }).collect(),
    };
    let mut fault = None;
    for item in items {
        match SingleAttribute::of(item) {
            Ok(attribute) => return Ok(attribute),
            Err(error) => fault = Some(error.to_string()),
        }
    }
    Err(Error::AttributeValue {
        attribute: attribute.to_string(),
        value: text.to_owned(),
        expected: fault.unwrap_or_else(|| form(attribute).to_owned()),
    })
}

/// Returns how a value of several parts is written.
fn form(attribute: &AttributeReference) -> &'static str {
    match attribute {
        AttributeReference::Tag(Tag::UsageLimits) => "write it as UNIT=TOTAL, as in Object=1000 or Byte=1048576",
        AttributeReference::Tag(Tag::ApplicationSpecificInformation) => "write it as NAMESPACE=DATA",
        AttributeReference::Tag(Tag::AlternativeName) => "write it as TYPE=VALUE, as in URI=https://example.com",
        _ => "write it as TYPE=VALUE, as in ParentLink=IDENTIFIER",
    }
}

fn vendor(of: &VendorReference, text: &str) -> Item {
    let VendorReference { vendor_identification, name } = of.clone();
    let is_of_tags = are_tags(&vendor_identification, &name);
    let tags = || serde_json::Value::from(text.split(',').map(str::trim).collect::<Vec<_>>()).to_string();
    let value = Value::TextString(if is_of_tags { tags() } else { text.to_owned() });
    Item::new(Tag::Attribute, VendorAttribute { vendor_identification, name, value })
}

/// Returns the values, of different types, that a text may stand for. At most one of them has the attribute's type.
fn values(tag: Tag, text: &str) -> Vec<Value> {
    match tag {
        Tag::Name => return vec![Name::text(text).write()],
        Tag::RotateName => {
            let kind = Some(RotateNameType::UninterpretedTextString);
            return vec![RotateName { value: text.to_owned(), kind }.write()];
        }
        Tag::Link | Tag::AlternativeName | Tag::ApplicationSpecificInformation | Tag::UsageLimits => {
            return text.split_once('=').and_then(|(kind, value)| structure(tag, kind, value)).into_iter().collect();
        }
        _ => {}
    }
    let mut values = vec![Value::TextString(text.to_owned())];
    let code = enumerations::carried_by(tag).and_then(|table| table.code(text));
    values.extend(code.map(Value::Enumeration));
    values.extend(mask(text).map(|mask| mask.write()));
    let date = OffsetDateTime::parse(text, &Rfc3339).ok();
    values.extend(date.map(|date| Value::DateTime(DateTime(date.unix_timestamp()))));
    values.extend(text.parse().ok().map(Value::Boolean));
    values.extend(text.parse().ok().map(Value::Integer));
    values.extend(text.parse().ok().map(Value::LongInteger));
    values.extend(text.parse().ok().map(|seconds| Value::Interval(Interval(seconds))));
    values.extend(hexadecimal::decode(text.as_bytes()).ok().map(|bytes| Value::ByteString(Bytes::from(bytes))));
    values
}

fn structure(tag: Tag, kind: &str, value: &str) -> Option<Value> {
    Some(match tag {
        Tag::Link => {
            let link_type = Some(LinkType::from_name(kind)?);
            Link { link_type, linked_object_identifier: value.into() }.write()
        }
        Tag::AlternativeName => {
            AlternativeName { value: value.to_owned(), kind: Some(AlternativeNameType::from_name(kind)?) }.write()
        }
        Tag::UsageLimits => {
            UsageLimits { total: value.parse().ok()?, count: None, unit: UsageLimitsUnit::from_name(kind)? }.write()
        }
        _ => {
            let (namespace, data) = (kind.to_owned(), Some(value.to_owned()));
            ApplicationSpecificInformation { namespace, data }.write()
        }
    })
}

fn mask(text: &str) -> Option<UsageMask> {
    let bits = text.split(',').map(|word| words::usage(word.trim()).ok());
    bits.collect::<Option<Vec<_>>>().map(|bits| bits.into_iter().fold(UsageMask::default(), |mask, bit| mask | bit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_a_value_of_the_attributes_type() {
        let value =
            |name: &str, text: &str| single(&reference(name).unwrap(), text).map(|one| one.item().value.clone());
        for (name, text, expected) in [
            ("comment", "true", Value::TextString("true".to_owned())),
            ("deactivation-date", "1970-01-01T00:01:00Z", Value::DateTime(DateTime(60))),
            ("quantum-safe", "true", Value::Boolean(true)),
            ("protection-period", "60", Value::Interval(Interval(60))),
            ("protection-level", "high", Value::Enumeration(1)),
            ("cryptographic-usage-mask", "encrypt, decrypt", Value::Integer(12)),
            ("object-group", "g", Value::TextString("g".to_owned())),
        ] {
            assert_eq!(value(name, text).unwrap(), expected, "{name}");
        }
        for (name, text) in [
            ("deactivation-date", "tomorrow"),
            ("quantum-safe", "1"),
            ("protection-period", "long"),
            ("protection-level", "middle"),
            ("cryptographic-usage-mask", "encrypt,cook"),
            ("link", "k"),
            ("link", "UncleLink=k"),
            ("usage-limits", "Object=many"),
            ("usage-limits", "1000"),
        ] {
            let error = value(name, text).unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?} is not a value of ")), "{error}");
        }
        assert!(value("link", "ParentLink=k").is_ok() && value("alternative-name", "URI=urn:a").is_ok());
        assert!(value("usage-limits", "object=1000").is_ok() && value("rotate-name", "set").is_ok());
        assert!(value("application-specific-information", "ssl=www").is_ok());
        let Value::Structure(parts) = value("Tags", "a, b").unwrap() else { panic!("a vendor attribute") };
        assert!(parts.contains(&Item::new(Tag::AttributeValue, r#"["a","b"]"#.to_owned())));
        assert!(value("x/place", "vault").is_ok() && reference("Colour").is_err());
    }
}
