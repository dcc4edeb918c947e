//! Conversion of requests of earlier versions to requests of KMIP 2.1.

use std::collections::HashSet;

use super::super::attributes::{AttributeReference, CertificateIdentity};
use super::super::dialect::Dialect;
use super::super::enumerations::{AsynchronousIndicator, KeyFormatType, Operation, QueryFunction};
use super::super::error::{Error, Fault};
use super::super::tag::Tag;
use super::super::ttlv::{Field as _, Item, ItemType, Value};
use super::attributes;
use super::{Version, invalid, mapped, operation_of, since};

/// Returns the converted message.
pub(super) fn upgrade(version: Version, message: Value) -> Value {
    mapped(message, |tag, value| match tag {
        Tag::RequestHeader => header(version, value),
        Tag::BatchItem => batch_item(version, value),
        _ => value,
    })
}

/// Converts the header. In KMIP 1.x, the Asynchronous Indicator says whether the client accepts an asynchronous answer.
fn header(version: Version, value: Value) -> Value {
    if let Value::Structure(items) = &value
        && let Some(tag) = later(version, items)
    {
        return invalid(Fault::Unexpected(tag));
    }
    mapped(value, |tag, value| match (tag, value) {
        (Tag::AsynchronousIndicator, Value::Boolean(takes)) if version.has_templates() => {
            let indicator = if takes { AsynchronousIndicator::Optional } else { AsynchronousIndicator::Prohibited };
            indicator.write()
        }
        (_, value) => value,
    })
}

/// A tag that the version does not have, at any depth in these items.
fn later(version: Version, items: &[Item]) -> Option<Tag> {
    items.iter().find_map(|item| match &item.value {
        _ if since::tag(item.tag) > version || (!version.has_templates() && item.tag.is_former()) => Some(item.tag),
        Value::Structure(inner) => later(version, inner),
        _ => None,
    })
}

/// Converts a batch item. One without an operation of the standard is left to its reader, which refuses it.
fn batch_item(version: Version, value: Value) -> Value {
    let Some(operation) = operation_of(&value) else { return value };
    mapped(value, |tag, value| match (tag, value) {
        (Tag::RequestPayload, Value::Structure(items)) => {
            payload(version, operation, items).unwrap_or_else(|error| invalid(error.fault().clone()))
        }
        (_, value) => value,
    })
}

fn payload(version: Version, operation: Operation, items: Vec<Item>) -> Result<Value, Error> {
    if since::operation(operation) > version {
        return Err(Fault::UnsupportedOperation(operation.name(Dialect::Oasis)).into());
    }
    // Clients of PyKMIP search by it in every version.
    let is_usual = |item: &&Item| operation == Operation::Locate && item.tag == Tag::OffsetItems;
    let mut others = items.iter().filter(|item| !is_usual(item));
    if let Some(tag) = others.find_map(|item| later(version, std::slice::from_ref(item))) {
        return Err(Fault::Unexpected(tag).into());
    }
    items.iter().try_for_each(|item| check_function(version, item))?;
    if operation == Operation::GetAttributes && version > Version::V1_0 {
        check_names(&items)?;
    }
    if !version.has_templates() {
        return Ok(Value::Structure(items));
    }
    let mut upgraded = Vec::with_capacity(items.len());
    // The attributes of a search, or of an imported object.
    let mut collected = Vec::new();
    for Item { tag, value } in items {
        match (operation, tag) {
            (_, Tag::TemplateAttribute) => upgraded.push(template(version, Tag::Attributes, value)?),
            (_, Tag::CommonTemplateAttribute) => upgraded.push(template(version, Tag::CommonAttributes, value)?),
            (_, Tag::PrivateKeyTemplateAttribute) => {
                upgraded.push(template(version, Tag::PrivateKeyAttributes, value)?);
            }
            (_, Tag::PublicKeyTemplateAttribute) => upgraded.push(template(version, Tag::PublicKeyAttributes, value)?),
            (Operation::Locate, Tag::Attribute) => collected.extend(attributes::criterion(version, value)?),
            (Operation::Import, Tag::Attribute) => {
                let (attribute, _) = attributes::upgrade(version, value)?;
                // These follow from the certificate: an answer to Export contains them beside what they follow from.
                collected.extend(attribute.filter(|own| CertificateIdentity::present(own.tag) == own.tag));
            }
            (Operation::Register, Tag::Template) => return Err(Fault::UnsupportedObject("Template").into()),
            (Operation::AddAttribute | Operation::ModifyAttribute, Tag::Attribute) => {
                let (item, index) = attributes::upgrade_needed(version, value)?;
                upgraded.push(Item { tag: Tag::NewAttribute, value: Value::Structure(vec![item]) });
                match (operation, index) {
                    (Operation::ModifyAttribute, _) => {
                        upgraded.push(Item::new(Tag::AttributeIndex, index.unwrap_or_default()));
                    }
                    // The server chooses the index of a new instance (KMIP 1.4, section 4.14).
                    (_, None | Some(0)) => {}
                    (_, Some(_)) => return Err(Fault::Unexpected(Tag::AttributeIndex).into()),
                }
            }
            (Operation::DeleteAttribute, Tag::AttributeName) => upgraded.push(name(version, value)?),
            (Operation::GetAttributes, Tag::AttributeName) => {
                let item = name(version, value).or_else(|error| unanswered(version, error))?;
                if !upgraded.contains(&item) {
                    upgraded.push(item);
                }
            }
            _ => upgraded.push(Item { tag, value: object(version, format(tag, value))? }),
        }
    }
    // An absent index is 0 (KMIP 1.4, section 4.16).
    if operation == Operation::DeleteAttribute && upgraded.iter().all(|item| item.tag != Tag::AttributeIndex) {
        upgraded.push(Item::new(Tag::AttributeIndex, 0));
    }
    if matches!(operation, Operation::Locate | Operation::Import) {
        upgraded.push(Item { tag: Tag::Attributes, value: Value::Structure(collected) });
    }
    Ok(Value::Structure(upgraded))
}

/// Refuses a function of Query that the version does not have.
fn check_function(version: Version, item: &Item) -> Result<(), Error> {
    let Item { tag: Tag::QueryFunction, value: Value::Enumeration(code) } = item else { return Ok(()) };
    match QueryFunction::from_code(*code) {
        Some(function) if since::query_function(function) > version => {
            let fault = Fault::UnknownEnumerationCode { enumeration: QueryFunction::TABLE.name, code: *code };
            Err(Error::from(fault).within(item.tag))
        }
        _ => Ok(()),
    }
}

/// Refuses a request for attributes that names one of them twice (KMIP 1.1, section 4.11; KMIP 2.1, section 6.1.20).
fn check_names(items: &[Item]) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for Item { tag, value } in items {
        let name = match (*tag, value) {
            (Tag::AttributeName, Value::TextString(name)) => name.clone(),
            (Tag::AttributeReference, Value::Enumeration(code)) => code.to_string(),
            (Tag::AttributeReference, value) => match AttributeReference::read(value.clone()) {
                Ok(AttributeReference::Vendor(own)) => format!("{}\0{}", own.vendor_identification, own.name),
                _ => continue,
            },
            _ => continue,
        };
        if !seen.insert(name) {
            return Err(Fault::Repeated(*tag).into());
        }
    }
    Ok(())
}

/// Converts the name of an attribute to a reference.
fn name(version: Version, value: Value) -> Result<Item, Error> {
    match value {
        Value::TextString(name) => Ok(Item::new(Tag::AttributeReference, attributes::named(version, &name)?)),
        other => Err(other.not(ItemType::TextString).within(Tag::AttributeName)),
    }
}

/// The reference in place of a name that the version does not have: to an attribute that no answer of the version
/// contains. Get Attributes leaves out what the object does not have, and a request without names would be for all
/// attributes.
fn unanswered(version: Version, error: Error) -> Result<Item, Error> {
    debug_assert!(since::tag(Tag::ShortUniqueIdentifier) > version, "the answer would contain the attribute");
    match error.fault() {
        Fault::UnknownAttribute(_) => {
            Ok(Item::new(Tag::AttributeReference, AttributeReference::Tag(Tag::ShortUniqueIdentifier)))
        }
        _ => Err(error),
    }
}

/// Converts a template attribute to attributes. It may contain names of templates, which KMIP 1.3 deprecated; they are
/// refused, because the server stores no templates.
fn template(version: Version, tag: Tag, value: Value) -> Result<Item, Error> {
    let Value::Structure(items) = value else {
        return Err(value.not(ItemType::Structure).within(tag));
    };
    let mut upgraded = Vec::with_capacity(items.len());
    for item in items {
        match item.tag {
            Tag::Attribute => upgraded.extend(attributes::upgrade(version, item.value)?.0),
            Tag::Name => return Err(Fault::UnsupportedObject("Template").into()),
            other => return Err(Fault::Unexpected(other).into()),
        }
    }
    Ok(Item { tag, value: Value::Structure(upgraded) })
}

/// Converts the attributes in the key value of a managed object, or of anything that may contain one.
fn object(version: Version, value: Value) -> Result<Value, Error> {
    let Value::Structure(items) = value else { return Ok(value) };
    let mut upgraded = Vec::with_capacity(items.len());
    let mut held = Vec::new();
    for Item { tag, value } in items {
        match tag {
            Tag::KeyValue => {
                let Value::Structure(parts) = value else {
                    upgraded.push(Item { tag, value });
                    continue;
                };
                let mut kept = Vec::with_capacity(parts.len());
                for part in parts {
                    match part.tag {
                        Tag::Attribute => held.extend(attributes::upgrade(version, part.value)?.0),
                        _ => kept.push(part),
                    }
                }
                if !held.is_empty() {
                    kept.push(Item { tag: Tag::Attributes, value: Value::Structure(std::mem::take(&mut held)) });
                }
                upgraded.push(Item { tag, value: Value::Structure(kept) });
            }
            _ => upgraded.push(Item { tag, value: object(version, format(tag, value))? }),
        }
    }
    Ok(Value::Structure(upgraded))
}

/// Converts the formats of KMIP 1.x that name the algorithm of a transparent key of a curve (KMIP 1.4, section 9.1.3.2.3:
/// ECDSA, ECDH and ECMQV). The key material is the same.
fn format(tag: Tag, value: Value) -> Value {
    match (tag, &value) {
        (Tag::KeyFormatType, Value::Enumeration(0x0e | 0x10 | 0x12)) => KeyFormatType::TransparentECPrivateKey.write(),
        (Tag::KeyFormatType, Value::Enumeration(0x0f | 0x11 | 0x13)) => KeyFormatType::TransparentECPublicKey.write(),
        _ => value,
    }
}
