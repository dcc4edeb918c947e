//! Conversion of responses of KMIP 2.1 to responses of earlier versions.

use super::super::attributes::AttributeReference;
use super::super::enumerations::{Operation, ResultReason};
use super::super::tag::Tag;
use super::super::ttlv::{Field as _, Item, Value};
use super::{Version, attributes, certificate, mapped, operation_of, since};
use crate::Bytes;

/// What the answer to a batch item of an earlier version needs beside the answer of 2.1.
#[derive(Default)]
pub(super) struct Needed {
    /// The instance of an attribute that the item has changed, with its index.
    pub(super) changed: Option<(Item, usize)>,
    /// The attributes that the client has named; all if empty.
    pub(super) asked: Vec<AttributeReference>,
    /// The attributes of the object whose attributes are listed.
    pub(super) listed: Vec<Item>,
}

/// Converts the message to the version. `needed` has an entry for each batch item.
pub(super) fn downgrade(version: Version, message: Value, needed: Vec<Needed>) -> Value {
    let mut needed = needed.into_iter();
    mapped(message, |tag, value| match tag {
        Tag::ResponseHeader => header(version, value),
        Tag::BatchItem => batch_item(version, value, needed.next().unwrap_or_default()),
        _ => value,
    })
}

/// Converts the header: sets the client's version, and removes what that version does not have.
fn header(version: Version, value: Value) -> Value {
    let Value::Structure(items) = value else { return value };
    let kept = items.into_iter().filter(|item| since::tag(item.tag) <= version).map(|item| match item.tag {
        Tag::ProtocolVersion => Item::new(Tag::ProtocolVersion, version.protocol()),
        _ => item,
    });
    Value::Structure(kept.collect())
}

fn batch_item(version: Version, value: Value, mut needed: Needed) -> Value {
    if version == Version::V2_1 {
        return value;
    }
    let operation = operation_of(&value);
    mapped(value, |tag, value| match (tag, value) {
        (Tag::ResultReason, Value::Enumeration(code)) => {
            let reason = ResultReason::from_code(code).unwrap_or(ResultReason::GeneralFailure);
            since::reason_in(version, reason).write()
        }
        (Tag::ResponsePayload, value) => payload(version, operation, value, std::mem::take(&mut needed)),
        (_, value) => value,
    })
}

fn payload(version: Version, operation: Option<Operation>, value: Value, needed: Needed) -> Value {
    let Needed { changed, asked, listed } = needed;
    let value = match operation {
        Some(Operation::GetAttributeList) => return list(version, value, listed),
        Some(Operation::Encrypt) if !version.has_authentication_tags() => joined(value),
        Some(Operation::GetAttributes | Operation::Export) if version.has_templates() => {
            mapped(value, |tag, value| match (tag, value) {
                (Tag::Attributes, Value::Structure(own)) => Value::Structure(certificate::with_former(own, &asked)),
                (_, value) => value,
            })
        }
        _ => value,
    };
    let Value::Structure(items) = known(version, value) else { return Value::Structure(Vec::new()) };
    if !version.has_templates() {
        return Value::Structure(items);
    }
    let mut downgraded = Vec::with_capacity(items.len());
    for Item { tag, value } in items {
        match (operation, tag, value) {
            (Some(Operation::GetAttributes | Operation::Export), Tag::Attributes, Value::Structure(items)) => {
                downgraded.extend(attributes::downgrade(version, items));
            }
            (_, tag, value) => downgraded.push(Item { tag, value: object(version, value) }),
        }
    }
    // The answers to Add, Modify and Delete Attribute repeat the attribute (KMIP 1.4, sections 4.14 to 4.16).
    downgraded.extend(changed.and_then(|(item, index)| {
        let item = can_be_told(version, &item).then(|| known_item(version, item))?;
        attributes::downgrade_instance(version, item, index)
    }));
    Value::Structure(downgraded)
}

/// Converts the answer to Get Attribute List: it names the attributes that Get Attributes returns in the version.
fn list(version: Version, value: Value, attributes: Vec<Item>) -> Value {
    let Value::Structure(mut items) = value else { return value };
    items.retain(|item| item.tag != Tag::AttributeReference);
    let attributes = if version.has_templates() { certificate::with_former(attributes, &[]) } else { attributes };
    let known = known_item(version, Item { tag: Tag::Attributes, value: Value::Structure(attributes) });
    if let Value::Structure(attributes) = known.value {
        items.extend(attributes::names(version, &attributes));
    }
    Value::Structure(items)
}

/// Appends the authentication tag to the ciphertext.
fn joined(value: Value) -> Value {
    let Value::Structure(mut items) = value else { return value };
    let place = items.iter().position(|item| item.tag == Tag::AuthenticatedEncryptionTag);
    let Some(Item { value: Value::ByteString(end), .. }) = place.map(|place| items.remove(place)) else {
        return Value::Structure(items);
    };
    for item in &mut items {
        if let Item { tag: Tag::Data, value: Value::ByteString(data) } = item {
            *data = Bytes::from([data.as_slice(), end.as_slice()].concat());
        }
    }
    Value::Structure(items)
}

/// Whether the version has each value of an enumeration in this attribute.
fn can_be_told(version: Version, attribute: &Item) -> bool {
    match &attribute.value {
        Value::Enumeration(code) => since::value(attribute.tag, *code) <= version,
        Value::Structure(parts) => parts.iter().all(|part| can_be_told(version, part)),
        _ => true,
    }
}

/// Removes the items that the version does not have, at any depth. Attributes, which only 2.x has under this name, are
/// converted afterwards.
///
/// Of attributes, those with a value that the version does not have are removed too. The object itself is not changed.
fn known(version: Version, value: Value) -> Value {
    let Value::Structure(items) = value else { return value };
    let is_known = |item: &Item| match (item.tag, &item.value) {
        (Tag::Attributes | Tag::AttributeReference, _) => true,
        (Tag::Operation, Value::Enumeration(code)) => {
            Operation::from_code(*code).is_some_and(|operation| since::operation(operation) <= version)
        }
        (Tag::ObjectType, Value::Enumeration(code)) => since::object_type(*code) <= version,
        (tag, _) => since::tag(tag) <= version,
    };
    Value::Structure(items.into_iter().filter(is_known).map(|item| known_item(version, item)).collect())
}

fn known_item(version: Version, Item { tag, value }: Item) -> Item {
    let value = match (tag, value) {
        (Tag::CryptographicUsageMask, Value::Integer(bits)) => Value::Integer(bits & since::usage_mask(version)),
        (Tag::Attributes, Value::Structure(mut attributes)) => {
            attributes.retain(|attribute| can_be_told(version, attribute));
            known(version, Value::Structure(attributes))
        }
        (_, value) => known(version, value),
    };
    Item { tag, value }
}

/// Converts the attributes in the key value of a managed object, or of anything that may contain one, to attributes of
/// 1.x.
fn object(version: Version, value: Value) -> Value {
    let Value::Structure(items) = value else { return value };
    let mut downgraded = Vec::with_capacity(items.len());
    for Item { tag, value } in items {
        match (tag, value) {
            (Tag::Attributes, Value::Structure(items)) => downgraded.extend(attributes::downgrade(version, items)),
            (tag, value) => downgraded.push(Item { tag, value: object(version, value) }),
        }
    }
    Value::Structure(downgraded)
}
