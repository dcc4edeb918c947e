//! Conversion of responses of KMIP 2.1 to responses of earlier versions.

use super::super::enumerations::{Operation, ResultReason};
use super::super::tag::Tag;
use super::super::ttlv::{Field as _, Item, Value};
use super::{Version, attributes, mapped, operation_of, since};

/// The instance of an attribute that a batch item has changed, with its index.
pub(super) type Changed = Option<(Item, usize)>;

/// Converts the message to the version. `changed` has an entry for each batch item.
pub(super) fn downgrade(version: Version, message: Value, changed: Vec<Changed>) -> Value {
    let mut changed = changed.into_iter();
    mapped(message, |tag, value| match tag {
        Tag::ResponseHeader => header(version, value),
        Tag::BatchItem => batch_item(version, value, changed.next().flatten()),
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

fn batch_item(version: Version, value: Value, mut changed: Changed) -> Value {
    if version == Version::V2_1 {
        return value;
    }
    let operation = operation_of(&value);
    mapped(value, |tag, value| match (tag, value) {
        (Tag::ResultReason, Value::Enumeration(code)) => {
            let reason = ResultReason::from_code(code).unwrap_or(ResultReason::GeneralFailure);
            since::reason_in(version, reason).write()
        }
        (Tag::ResponsePayload, value) => payload(version, operation, value, changed.take()),
        (_, value) => value,
    })
}

fn payload(version: Version, operation: Option<Operation>, value: Value, changed: Changed) -> Value {
    let Value::Structure(items) = known(version, value) else { return Value::Structure(Vec::new()) };
    if !version.has_templates() {
        return Value::Structure(items);
    }
    let mut downgraded = Vec::with_capacity(items.len());
    for Item { tag, value } in items {
        match (operation, tag, value) {
            (Some(Operation::GetAttributes), Tag::Attributes, Value::Structure(items)) => {
                downgraded.extend(attributes::downgrade(version, items));
            }
            (Some(Operation::GetAttributeList), Tag::AttributeReference, value) => {
                downgraded.extend(attributes::downgrade_reference(version, value));
            }
            (_, tag, value) => downgraded.push(Item { tag, value: object(version, value) }),
        }
    }
    // The answers to Add, Modify and Delete Attribute repeat the attribute (KMIP 1.4, sections 4.14 to 4.16).
    downgraded.extend(changed.and_then(|(Item { tag, value }, index)| {
        attributes::downgrade_instance(version, Item { tag, value: known(version, value) }, index)
    }));
    Value::Structure(downgraded)
}

/// Removes the items that the version does not have, at any depth. Attributes, which only 2.x has under this name, are
/// converted afterwards.
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
    let kept = items.into_iter().filter(is_known).map(|Item { tag, value }| Item { tag, value: known(version, value) });
    Value::Structure(kept.collect())
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
