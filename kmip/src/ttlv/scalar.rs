//! The meaning of a text or a number by its tag and type (KMIP Additional Message Encodings, sections 4.1.6 and 6.1).

use std::borrow::Cow;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{DateTime, Document, Interval, Item, ItemType, Value};
use crate::Bytes;
use crate::enumerations;
use crate::error::{Fault, excerpt};
use crate::hexadecimal;
use crate::mask::{self, Bits};
use crate::tag::Tag;

/// Maximum number of characters of mask names that are kept until the attribute is known: more than all names together
/// have.
const LONGEST_MASK: usize = 512;

/// A value before its type is known.
pub(super) enum Raw<'de> {
    Null,
    Boolean(bool),
    Number(i128),
    /// A number with a fraction or an exponent, or a number that is too large for 64 bits. No type has such values.
    Fraction,
    Text(Cow<'de, str>),
    Items(Vec<Item>),
}

/// The item with this name and type, as they were written. A fault is stored in the item.
pub(super) fn item(name: &str, kind: Option<&str>, raw: Raw<'_>) -> Item {
    let tag = if after_prefix(name).is_some() {
        hexadecimal(name).and_then(|code| u32::try_from(code).ok()).and_then(Tag::from_code)
    } else {
        Tag::from_name(name)
    };
    match tag {
        Some(tag) => Item { tag, value: value(Some(tag), kind, raw) },
        None => {
            let fault = Fault::UnknownTag(excerpt(name));
            Item { tag: Tag::UNKNOWN, value: Value::Invalid(Box::new(fault)) }
        }
    }
}

/// The document with this name, which need not be a tag.
pub(super) fn document(name: Cow<'_, str>, kind: Option<&str>, raw: Raw<'_>) -> Document {
    let tag = Tag::from_name(&name);
    let name = match tag.and_then(Tag::name) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(name.into_owned()),
    };
    Document { name, value: value(tag, kind, raw) }
}

/// The value, or the fault in place of it.
fn value(tag: Option<Tag>, kind: Option<&str>, raw: Raw<'_>) -> Value {
    let kind = match kind {
        Some(name) => ItemType::from_name(name).ok_or_else(|| Fault::UnknownType(excerpt(name))),
        None => Ok(implied(tag, &raw)),
    };
    kind.and_then(|kind| typed(tag, kind, raw)).unwrap_or_else(|fault| Value::Invalid(Box::new(fault)))
}

/// Returns the type of an item without a `type` member. The standard says Structure. If the value cannot be a
/// structure, the type is that of the tag's values.
fn implied(tag: Option<Tag>, raw: &Raw<'_>) -> ItemType {
    match (raw, tag) {
        (Raw::Items(_) | Raw::Null, _) | (_, None) => ItemType::Structure,
        (Raw::Boolean(_), _) => ItemType::Boolean,
        (Raw::Text(_), Some(tag)) if TEXTS.contains(&tag) => ItemType::TextString,
        (Raw::Text(_), Some(tag)) if BYTES.contains(&tag) => ItemType::ByteString,
        (_, Some(Tag::AttributeReference | Tag::Tag)) => ItemType::Enumeration,
        (_, Some(tag)) if tag.name().is_some_and(|name| name.ends_with("Date")) || tag == Tag::TimeStamp => {
            ItemType::DateTime
        }
        (_, Some(tag)) if enumerations::carried_by(tag).is_some() => ItemType::Enumeration,
        (Raw::Number(_), Some(_)) => ItemType::Integer,
        (_, Some(tag)) if mask::carried_by(tag).is_some() => ItemType::Integer,
        _ => ItemType::Structure,
    }
}

const TEXTS: &[Tag] = &[
    Tag::ApplicationData,
    Tag::ApplicationNamespace,
    Tag::AttributeName,
    Tag::ClientCorrelationValue,
    Tag::Comment,
    Tag::ContactInformation,
    Tag::Description,
    Tag::LinkedObjectIdentifier,
    Tag::NameValue,
    Tag::ObjectGroup,
    Tag::RevocationMessage,
    Tag::UniqueIdentifier,
    Tag::VendorIdentification,
];

const BYTES: &[Tag] = &[
    Tag::AuthenticatedEncryptionAdditionalData,
    Tag::AuthenticatedEncryptionTag,
    Tag::Data,
    Tag::IVCounterNonce,
    Tag::Key,
    Tag::KeyMaterial,
    Tag::KeyValue,
    Tag::MACData,
    Tag::MACSignature,
    Tag::UniqueBatchItemID,
];

fn typed(tag: Option<Tag>, kind: ItemType, raw: Raw<'_>) -> Result<Value, Fault> {
    let bad = Fault::BadValue(kind);
    Ok(match (kind, raw) {
        (ItemType::Structure, Raw::Items(items)) => Value::Structure(items),
        (ItemType::Structure, Raw::Null) => Value::Structure(Vec::new()),
        (ItemType::TextString, Raw::Text(text)) => Value::TextString(text.into_owned()),
        (ItemType::ByteString, Raw::Text(text)) => Value::ByteString(bytes(&text)?),
        // JSON has the prefix, XML does not.
        (ItemType::BigInteger, Raw::Text(text)) => Value::BigInteger(bytes(after_prefix(&text).unwrap_or(&text))?),
        (ItemType::Boolean, Raw::Boolean(value)) => Value::Boolean(value),
        (ItemType::Boolean, Raw::Text(text)) => match hexadecimal(&text) {
            Some(0) => Value::Boolean(false),
            Some(1) => Value::Boolean(true),
            _ => return Err(bad),
        },
        (ItemType::Enumeration, raw) => Value::Enumeration(enumeration(tag, raw)?),
        (ItemType::Integer, Raw::Text(text)) => Value::Integer(integer(tag, &text)?),
        (ItemType::DateTime, Raw::Text(text)) => Value::DateTime(DateTime(date_time(&text).ok_or(bad)?)),
        (ItemType::DateTimeExtended, Raw::Text(text)) => {
            Value::DateTimeExtended(hexadecimal(&text).ok_or(bad)?.cast_signed())
        }
        (ItemType::LongInteger, Raw::Text(text)) => Value::LongInteger(hexadecimal(&text).ok_or(bad)?.cast_signed()),
        (ItemType::Interval, Raw::Text(text)) => {
            Value::Interval(Interval(narrow(i128::from(hexadecimal(&text).ok_or(bad)?))?))
        }
        (kind, Raw::Number(number)) => numeric(kind, number)?,
        _ => return Err(bad),
    })
}

fn numeric(kind: ItemType, number: i128) -> Result<Value, Fault> {
    Ok(match kind {
        ItemType::Integer => Value::Integer(narrow(number)?),
        ItemType::LongInteger => Value::LongInteger(narrow(number)?),
        ItemType::Interval => Value::Interval(Interval(narrow(number)?)),
        ItemType::BigInteger => {
            let number: i64 = narrow(number)?;
            Value::BigInteger(Bytes::from(number.to_be_bytes().to_vec()))
        }
        other => return Err(Fault::BadValue(other)),
    })
}

fn narrow<T: TryFrom<i128>>(number: i128) -> Result<T, Fault> {
    T::try_from(number).map_err(|_| Fault::OutOfRange)
}

fn enumeration(tag: Option<Tag>, raw: Raw<'_>) -> Result<u32, Fault> {
    let name = match raw {
        Raw::Number(number) => return narrow(number),
        Raw::Text(name) => name,
        _ => return Err(Fault::BadValue(ItemType::Enumeration)),
    };
    if after_prefix(&name).is_some() {
        let code = hexadecimal(&name).ok_or(Fault::BadValue(ItemType::Enumeration))?;
        return narrow(i128::from(code));
    }
    let without_names = || Fault::EnumerationWithoutNames(excerpt(&name));
    let unknown = |enumeration| Fault::UnknownEnumerationName { enumeration, name: excerpt(&name) };
    match tag {
        Some(Tag::AttributeReference | Tag::Tag) => {
            // The items that only the bare dialect has are no attributes, and have no codes that a document can carry.
            let code = Tag::from_name(&name).map(Tag::code).filter(|code| Tag::from_code(*code).is_some());
            code.ok_or_else(|| unknown("Tag"))
        }
        Some(tag) => {
            let table = enumerations::carried_by(tag).ok_or_else(without_names)?;
            table.code(&name).ok_or_else(|| unknown(table.name))
        }
        None => Err(without_names()),
    }
}

/// Reads an Integer from a text: eight hexadecimal digits of two's complement, or the names of a mask's bits.
fn integer(tag: Option<Tag>, text: &str) -> Result<i32, Fault> {
    match tag.and_then(mask::carried_by) {
        Some(mask) => bits_of(mask, text),
        // The mask is known only when the name of the attribute is known.
        None if tag == Some(Tag::AttributeValue) && after_prefix(text).is_none() => {
            Err(Fault::MaskWithoutNames(text.chars().take(LONGEST_MASK).collect()))
        }
        None => bits(text),
    }
}

/// The bits of a mask, given by name or as hexadecimal digits.
pub(crate) fn bits_of(mask: &Bits, text: &str) -> Result<i32, Fault> {
    let mut sum = 0;
    // The JSON encoding separates names with `|`, the XML encoding with spaces. Clients use either.
    for name in text.split(['|', ' ']).filter(|name| !name.is_empty()) {
        sum |= if after_prefix(name).is_some() {
            bits(name)?
        } else {
            mask.bit(name).ok_or_else(|| Fault::UnknownMaskName { mask: mask.name, name: excerpt(name) })?
        };
    }
    Ok(sum)
}

fn bits(text: &str) -> Result<i32, Fault> {
    let bits = hexadecimal(text).ok_or(Fault::BadValue(ItemType::Integer))?;
    narrow::<u32>(i128::from(bits)).map(u32::cast_signed)
}

fn bytes(digits: &str) -> Result<Bytes, Fault> {
    hexadecimal::decode(digits.as_bytes()).map(Bytes::from).map_err(|_| Fault::BadHexadecimal)
}

fn after_prefix(text: &str) -> Option<&str> {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))
}

/// Returns the number of up to sixteen hexadecimal digits after `0x`.
fn hexadecimal(text: &str) -> Option<u64> {
    let digits = after_prefix(text)?;
    // `from_str_radix` would also accept a sign.
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u64::from_str_radix(digits, 16).ok())?
}

/// Reads a time in the form of XML Schema. If the time zone is absent it is UTC. Fractions of seconds are dropped.
fn date_time(text: &str) -> Option<i64> {
    if after_prefix(text).is_some() {
        return hexadecimal(text).map(u64::cast_signed);
    }
    let time =
        OffsetDateTime::parse(text, &Rfc3339).or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339)).ok()?;
    Some(time.unix_timestamp())
}
