//! Properties of every tree and of every sequence of bytes. The cases are the same in each run.

use claviger_cases::{Result, Source, bytes, check, list, one, perhaps, text, text_of};

use super::super::{DEPTH, DateTime, Document, Field, ITEMS, Interval, Item, Value, binary};
use super::*;
use crate::attributes::{
    AttributeReference, Attributes, Link, Name, RevocationReason, TAG_BYTES, TAGS, UsageLimits, VendorAttribute,
};
use crate::bare;
use crate::enumerations::{
    CryptographicAlgorithm, LinkType, NameType, ObjectType, Operation, RevocationReasonCode, State, UsageLimitsUnit,
};
use crate::message::{RequestMessage, ResponseMessage};
use crate::payloads::{OPERATIONS, Request, Response};
use crate::tag::Tag;
use crate::{Bytes, Dialect, UniqueIdentifier, UsageMask};

fn tag(source: &mut Source<'_>) -> Result<Tag> {
    let last = match source.int_in_range(0..=17)? {
        0 => 0x54_000F,
        1 => 0x54_FFFF,
        _ => return one(source, Tag::ALL).map(|(tag, _)| tag),
    };
    Ok(Tag::from_code(source.int_in_range(0x54_0000..=last)?).unwrap())
}

fn scalar(source: &mut Source<'_>) -> Result<Value> {
    let own = |source: &mut Source<'_>| bytes(source, 0..=39).map(Bytes::from);
    Ok(match source.int_in_range(0..=11)? {
        0 => Value::Integer(source.arbitrary()?),
        1 => Value::LongInteger(source.arbitrary()?),
        2 => Value::BigInteger(own(source)?),
        3 => Value::Enumeration(source.arbitrary()?),
        // Most enumerations have names for the lowest codes.
        4 => Value::Enumeration(source.int_in_range(0..=0x3F)?),
        5 => Value::Boolean(source.arbitrary()?),
        6 => Value::TextString(text(source, 0..=24)?),
        7 => Value::ByteString(own(source)?),
        8 => Value::DateTime(DateTime(source.arbitrary()?)),
        9 => Value::DateTime(DateTime(source.int_in_range(-70_000_000_000..=260_000_000_000)?)),
        10 => Value::Interval(Interval(source.arbitrary()?)),
        _ => Value::DateTimeExtended(source.arbitrary()?),
    })
}

/// A value that is at most so deep.
fn value_within(source: &mut Source<'_>, depth: usize) -> Result<Value> {
    if depth == 0 || source.arbitrary()? {
        return scalar(source);
    }
    let item = |source: &mut Source<'_>| Ok(Item { tag: tag(source)?, value: value_within(source, depth - 1)? });
    list(source, 0..=5, item).map(Value::Structure)
}

fn value(source: &mut Source<'_>) -> Result<Value> {
    value_within(source, 6)
}

fn document(source: &mut Source<'_>) -> Result<Document> {
    let operation = one(source, OPERATIONS)?.name(Dialect::Oasis);
    let name = match source.int_in_range(0..=3)? {
        0 => operation.to_owned(),
        1 => format!("{operation}Response"),
        2 => "RequestMessage".to_owned(),
        _ => "ResponseMessage".to_owned(),
    };
    let item = |source: &mut Source<'_>| Ok(Item { tag: tag(source)?, value: value_within(source, 5)? });
    let is_structure = source.ratio(5, 6)?;
    let value = if is_structure { Value::Structure(list(source, 0..=5, item)?) } else { value(source)? };
    Ok(Document { name: name.into(), value })
}

fn written(document: &Document, dialect: Dialect) -> Vec<u8> {
    let mut out = Vec::new();
    write(document, dialect, &mut out);
    out
}

fn identifier(source: &mut Source<'_>) -> Result<UniqueIdentifier> {
    Ok(UniqueIdentifier::from(text(source, 1..=12)?.as_str()))
}

fn link(source: &mut Source<'_>) -> Result<Link> {
    let link_type = perhaps(source, 5, |source| one(source, LinkType::ALL))?;
    Ok(Link { link_type, linked_object_identifier: identifier(source)? })
}

/// A tree of attributes. Single values have valid values; vendor attributes have any value.
fn attributes(source: &mut Source<'_>) -> Result<Attributes> {
    let name = |source: &mut Source<'_>| {
        Ok(Name { value: text(source, 0..=12)?, kind: perhaps(source, 5, |source| one(source, NameType::ALL))? })
    };
    let reason = |source: &mut Source<'_>| {
        let message = perhaps(source, 5, |source| text(source, 0..=12))?;
        Ok(RevocationReason { code: one(source, RevocationReasonCode::ALL)?, message })
    };
    let limits = |source: &mut Source<'_>| {
        let (total, count) = (source.arbitrary()?, source.arbitrary()?);
        Ok(UsageLimits { total, count, unit: one(source, UsageLimitsUnit::ALL)? })
    };
    let vendor = |source: &mut Source<'_>| {
        let vendor_identification = text_of(source, 1..=2, "abc")?;
        Ok(VendorAttribute {
            vendor_identification,
            name: text_of(source, 1..=2, "abc")?,
            value: value_within(source, 4)?,
        })
    };
    let mask = |source: &mut Source<'_>| Ok(UsageMask::from_bits(source.arbitrary::<i32>()? & 0xF0_3BBF).unwrap());
    Ok(Attributes {
        unique_identifier: perhaps(source, 5, identifier)?,
        object_type: perhaps(source, 5, |source| one(source, ObjectType::ALL))?,
        cryptographic_algorithm: perhaps(source, 5, |source| one(source, CryptographicAlgorithm::ALL))?,
        cryptographic_length: source.arbitrary()?,
        cryptographic_usage_mask: perhaps(source, 5, mask)?,
        state: perhaps(source, 5, |source| one(source, State::ALL))?,
        activation_date: perhaps(source, 5, |source| source.arbitrary().map(DateTime))?,
        revocation_reason: perhaps(source, 5, reason)?,
        usage_limits: perhaps(source, 5, limits)?,
        sensitive: source.arbitrary()?,
        names: list(source, 0..=3, name)?,
        links: list(source, 0..=3, link)?,
        object_groups: list(source, 0..=3, |source| text(source, 0..=12))?,
        vendor_attributes: list(source, 0..=3, vendor)?,
        ..Attributes::default()
    })
}

/// A text that is nearly a document: the members of items, in any order and number, with values of any kind.
fn nearly(source: &mut Source<'_>, depth: usize) -> Result<String> {
    const NAMES: &[&str] = &[
        "Encrypt",
        "Attributes",
        "Data",
        "ObjectType",
        "0x54FFFF",
        "0x420057",
        "0x1000001",
        "Spoon",
        "ActivationDate",
    ];
    const TYPES: &[&str] =
        &["Integer", "Structure", "ByteString", "Enumeration", "DateTime", "BigInteger", "Spoon", "long_integer"];
    const TEXTS: &[&str] =
        &["0x", "0x1", "AES", "Encrypt|Sign", "00FF", "abc", "2024-01-01T00:00:00Z", "", "\\u0000", "\\ud800"];
    const OTHERS: &[&str] = &["null", "true", "-1", "1.5", "1e400", "18446744073709551616", "{}", "[]"];
    if depth == 0 || source.ratio(1, 4)? {
        return match source.arbitrary()? {
            true => Ok(format!("\"{}\"", one(source, TEXTS)?)),
            false => one(source, OTHERS).map(str::to_owned),
        };
    }
    let member = |source: &mut Source<'_>| {
        Ok(match source.int_in_range(0..=10)? {
            0..=3 => format!("\"tag\":\"{}\"", one(source, NAMES)?),
            4..=5 => format!("\"type\":\"{}\"", one(source, TYPES)?),
            6..=9 => format!("\"value\":{}", nearly(source, depth - 1)?),
            _ => format!("\"name\":{}", nearly(source, depth - 1)?),
        })
    };
    Ok(match source.int_in_range(0..=8)? {
        0 => format!("{{{}}}", list(source, 0..=3, member)?.join(",")),
        1..=4 => format!("{{\"tag\":\"{}\",\"value\":{}}}", one(source, NAMES)?, nearly(source, depth - 1)?),
        _ => format!("[{}]", list(source, 0..=3, |source| nearly(source, depth - 1))?.join(",")),
    })
}

/// The document with zero in the place of big integers: the binary encoding fills them up to a multiple of eight bytes.
fn without_big_integers(mut document: Document) -> Document {
    fn within(value: &mut Value) {
        match value {
            Value::Structure(items) => items.iter_mut().for_each(|item| within(&mut item.value)),
            Value::BigInteger(bytes) => *bytes = Bytes::from(vec![0]),
            _ => {}
        }
    }
    within(&mut document.value);
    document
}

/// The number of items in a value, and their depth.
fn measure(value: &Value) -> (usize, usize) {
    let Value::Structure(items) = value else { return (0, 0) };
    let inner = items.iter().map(|item| measure(&item.value));
    inner.fold((items.len(), usize::from(!items.is_empty())), |(count, depth), inner| {
        (count + inner.0, depth.max(inner.1 + 1))
    })
}

/// Checks that a document stays within the bounds, and that every further reading of it ends.
fn check_read(document: Document) {
    let (count, depth) = measure(&document.value);
    assert!(count < ITEMS && depth < DEPTH);
    let (_, marks) = (document.ttlv_length(), Marks::default());
    let _ = bare::Operation::read(document.clone(), marks);
    let _ = RequestMessage::from_document(document.clone()).map(RequestMessage::into_document);
    let _ = ResponseMessage::from_document(document.clone()).map(ResponseMessage::into_document);
    let _ = Request::from_document(document.clone());
    let name = document.name.strip_suffix("Response").unwrap_or(&document.name);
    if let Some(operation) = Operation::from_name(name) {
        if let Ok(response) = Response::from_payload(operation, document.value.clone()) {
            assert_eq!(Response::from_payload(operation, response.clone().into_payload()), Ok(response));
        }
        if let Ok(request) = Request::from_payload(operation, document.value.clone()) {
            assert_eq!(Request::from_payload(operation, request.clone().into_payload()), Ok(request));
        }
    }
    if document.value.check().is_ok() {
        assert_eq!(read(&written(&document, Dialect::Oasis)), Ok(document.clone()));
    }
}

#[test]
fn every_tree_is_read_as_it_was_written() {
    check(1_000, |source| {
        let document = document(source)?;
        for dialect in [Dialect::Oasis, Dialect::Bare] {
            let json = written(&document, dialect);
            assert_eq!(read(&json), Ok(document.clone()), "{}", String::from_utf8_lossy(&json));
            assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
        }
        check_read(document);
        Ok(())
    });
}

#[test]
fn the_binary_encoding_has_the_length_that_is_said_and_is_read_as_it_was_written() {
    check(1_000, |source| {
        let document = Document { name: "Data".into(), value: value(source)? };
        let mut encoded = Vec::new();
        assert!(binary::write(&document, &mut encoded));
        assert_eq!(document.ttlv_length(), encoded.len());
        assert_eq!(Item { tag: Tag::Data, value: document.value.clone() }.ttlv_length(), encoded.len());
        let read = binary::read(&encoded).unwrap();
        assert_eq!(without_big_integers(read), without_big_integers(document));
        Ok(())
    });
}

#[test]
fn any_bytes_are_read_or_refused() {
    check(1_000, |source| {
        let bytes = bytes(source, 0..=199)?;
        if let Ok(document) = read(&bytes) {
            check_read(document);
        }
        Ok(())
    });
}

#[test]
fn bytes_amid_a_document_are_read_or_refused() {
    check(1_000, |source| {
        let document = document(source)?;
        let (length, bytes) = (source.int_in_range(0..=15)?, bytes(source, 0..=5)?);
        let mut json = written(&document, Dialect::Bare);
        let at = source.choose_index(json.len())?;
        let end = json.len().min(at + length);
        json.splice(at..end, bytes);
        if let Ok(document) = read(&json) {
            check_read(document);
        }
        Ok(())
    });
}

#[test]
fn what_is_nearly_a_document_is_read_or_refused() {
    check(1_000, |source| {
        let json = nearly(source, 5)?;
        if let Ok(document) = read(json.as_bytes()) {
            check_read(document);
        }
        Ok(())
    });
}

#[test]
fn attributes_are_read_as_they_were_written() {
    check(1_000, |source| {
        let attributes = attributes(source)?;
        assert_eq!(Attributes::read(attributes.clone().write()), Ok(attributes.clone()));
        let document = Document { name: "Attributes".into(), value: attributes.clone().write() };
        let read = read(&written(&document, Dialect::Oasis)).and_then(|document| Attributes::read(document.value));
        assert_eq!(read, Ok(attributes.clone()));
        assert_eq!(&attributes.select(&attributes.references()), &attributes);
        assert_eq!(attributes.select(&[]), Attributes::default());
        Ok(())
    });
}

#[test]
fn attributes_take_the_place_of_others() {
    check(1_000, |source| {
        let (own, by) = (attributes(source)?, attributes(source)?);
        assert_eq!(own.overridden(None), Ok(own.clone()));
        assert_eq!(own.replaced(&Attributes::default()), Ok(own.clone()));
        assert_eq!(Attributes::default().replaced(&by), Ok(by.clone()));
        let replaced = own.replaced(&by).unwrap();
        assert_eq!(&replaced.select(&by.references()), &by);
        let others: Vec<AttributeReference> =
            own.references().into_iter().filter(|own| !by.references().contains(own)).collect();
        assert_eq!(replaced.select(&others), own.select(&others));
        let overridden = own.overridden(Some(&by)).unwrap();
        assert_eq!(overridden.select(&others), own.select(&others));
        for item in by.to_items() {
            assert!(overridden.to_items().contains(&item));
        }
        Ok(())
    });
}

#[test]
fn tags_are_read_as_they_were_set() {
    check(1_000, |source| {
        let mut attributes = attributes(source)?;
        let tag = |source: &mut Source<'_>| match source.ratio(30, 31)? {
            true => text(source, 1..=40),
            false => text_of(source, 250..=260, "abcdefgh"),
        };
        let tags = list(source, 0..=TAGS, tag)?;
        let mut each_once: Vec<String> = Vec::new();
        for tag in &tags {
            if !each_once.contains(tag) {
                each_once.push(tag.clone());
            }
        }
        attributes.set_tags(&tags);
        let is_short = tags.iter().all(|tag| tag.len() <= TAG_BYTES);
        // A list with a tag that is too long is no list of tags.
        assert_eq!(attributes.tags(), if is_short { each_once } else { Vec::new() });
        assert_eq!(Attributes::read(attributes.write()).is_ok(), is_short);
        Ok(())
    });
}

#[test]
fn an_identifier_without_characters_is_refused_wherever_it_stands() {
    check(1_000, |source| {
        let mut attributes = attributes(source)?;
        let is_link = !attributes.links.is_empty() && source.arbitrary()?;
        if is_link {
            let at = source.choose_index(attributes.links.len())?;
            attributes.links[at].linked_object_identifier = UniqueIdentifier::from("");
        } else {
            attributes.unique_identifier = Some(UniqueIdentifier::from(""));
        }
        assert!(Attributes::read(attributes.clone().write()).is_err(), "{attributes:?}");
        Ok(())
    });
}
