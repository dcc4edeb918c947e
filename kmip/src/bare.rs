//! Bare operations: operations without a message, as the clients of the bare dialect write them.
//!
//! There are two generations of these clients. The later one uses the standard's names. The older one has its own
//! spellings and reads no others: `VendorAttributes` with values in bytes, `IvCounterNonce`, `Object` for the managed
//! object, a list as a structure of items of the list's own name, and a Revocation Reason that is a text. All of these
//! spellings are read, and the answer uses the spelling of the request.
//!
//! Some requests of the older generation contain none of these spellings (`Encrypt` without an IV, `Get`). The server
//! recognises them by the type of the outermost structure, which the older generation writes. Other clients may write
//! it too, and may need the standard's names. Such a request therefore gets an answer with both spellings, and each
//! client finds its own.

use super::attributes::are_tags;
use super::enumerations::{ObjectType, RevocationReasonCode};
use super::error::{Error, Fault};
use super::objects::ManagedObject;
use super::payloads::{Request, Response};
use super::tag::Tag;
use super::ttlv::json::Marks;
use super::ttlv::{Document, Field, Item, Value};
use crate::Bytes;

/// The beginning of the names of a scheme of Cosmian's servers: of its algorithm, and of its key formats.
const OWN_SCHEME: &str = "CoverCrypt";

/// The beginning of the names of attributes in which these servers store how a key is rotated.
const ROTATION: &str = "Rotate";

/// A bare operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// The operation, in the standard's form.
    pub request: Request,
    /// Whether Revoke and Destroy also apply to the other key of a pair.
    pub cascades: bool,
    /// The type that the object of a Destroy must have; any type if absent.
    pub expected_type: Option<ObjectType>,
    /// The spelling of the answer.
    pub spelling: Spelling,
}

/// The spelling of the parts of an answer that the two generations of clients spell differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// The standard's spelling.
    Standard,
    /// Both spellings.
    Both,
    /// The spelling of the older generation.
    Older,
}

impl Operation {
    /// Reads a bare operation.
    ///
    /// # Errors
    /// The errors of [`Request::from_document`], and requests for schemes that only other servers of this dialect
    /// support.
    pub fn read(document: Document, marks: Marks) -> Result<Self, Error> {
        let mut reading = Reading { is_older: marks.has_older_iv };
        let Document { name, value } = document;
        let (value, mut cascades, mut expected_type) = (reading.value(value), false, None);
        let value = match value {
            Value::Structure(mut items) => {
                if let Some(scheme) = items.iter().find_map(|item| not_served(&item.value)) {
                    return Err(scheme.into());
                }
                if matches!(&*name, "Revoke" | "Destroy") {
                    cascades = take(&mut items, Tag::CASCADE)?.unwrap_or(false);
                }
                if name == "Destroy" {
                    expected_type = take(&mut items, Tag::EXPECTED_OBJECT_TYPE)?;
                }
                if matches!(&*name, "Import" | "Register") {
                    leave_out(&mut items);
                }
                if name == "Import" {
                    // An empty identifier means that the server chooses one.
                    items.retain(|item| !is_empty_identifier(item));
                }
                Value::Structure(items)
            }
            other => other,
        };
        let spelling = match (reading.is_older, marks.is_typed) {
            (true, _) => Spelling::Older,
            (false, true) => Spelling::Both,
            (false, false) => Spelling::Standard,
        };
        let request = Request::from_document(Document { name, value })?;
        Ok(Self { request, cascades, expected_type, spelling })
    }
}

/// Takes out an item that is not part of the standard's operation.
fn take<T: Field>(items: &mut Vec<Item>, tag: Tag) -> Result<Option<T>, Error> {
    let Some(index) = items.iter().position(|item| item.tag == tag) else { return Ok(None) };
    T::read(items.remove(index).value).map(Some).map_err(|error| error.within(tag))
}

/// Removes, at any depth, attributes that other servers of this dialect add for their rotation and listing. Their
/// rotation has an interval of another type than the standard's, and so does their Short Unique Identifier.
fn leave_out(items: &mut Vec<Item>) {
    let is_other = |item: &Item| item.tag == Tag::RotateInterval && matches!(item.value, Value::LongInteger(_));
    let rotates_otherwise = items.iter().any(is_other);
    let is_theirs = |item: &Item| match (item.tag, &item.value) {
        (tag, _) if rotates_otherwise && tag.name().is_some_and(|name| name.starts_with(ROTATION)) => true,
        (Tag::UNKNOWN, Value::Invalid(fault)) => {
            matches!(&**fault, Fault::UnknownTag(name) if name.starts_with(ROTATION))
        }
        (Tag::ShortUniqueIdentifier, Value::TextString(_)) => true,
        _ => false,
    };
    items.retain(|item| !is_theirs(item));
    for item in items {
        if let Value::Structure(items) = &mut item.value {
            leave_out(items);
        }
    }
}

fn is_empty_identifier(item: &Item) -> bool {
    item.tag == Tag::UniqueIdentifier && matches!(&item.value, Value::TextString(text) if text.is_empty())
}

/// Returns a fault if the value requests a scheme that only other servers support.
fn not_served(value: &Value) -> Option<Fault> {
    match value {
        Value::Structure(items) => items.iter().find_map(|item| not_served(&item.value)),
        Value::Invalid(fault) => match &**fault {
            Fault::UnknownEnumerationName { name, .. } if name.starts_with(OWN_SCHEME) => {
                Some(Fault::NotServed(OWN_SCHEME))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Converts the spellings of the older generation to the standard's.
struct Reading {
    /// Whether one of these spellings was found.
    is_older: bool,
}

impl Reading {
    fn value(&mut self, value: Value) -> Value {
        let Value::Structure(items) = value else { return value };
        let mut read = Vec::with_capacity(items.len());
        for item in items {
            self.item(item, &mut read);
        }
        self.name_object(&mut read);
        Value::Structure(read)
    }

    fn item(&mut self, Item { tag, value }: Item, into: &mut Vec<Item>) {
        let value = self.value(value);
        match (tag, value) {
            // The item is a list of vendor attributes, or one of them.
            (Tag::VENDOR_ATTRIBUTES, Value::Structure(items)) => {
                self.is_older = true;
                if items.iter().all(|item| item.tag == Tag::Attribute) {
                    into.extend(items);
                } else {
                    into.push(vendor_attribute(items));
                }
            }
            (Tag::Attribute, Value::Structure(items)) => into.push(vendor_attribute(items)),
            (tag, Value::Structure(items)) if !items.is_empty() && items.iter().all(|item| item.tag == tag) => {
                self.is_older = true;
                into.extend(items);
            }
            (Tag::KeyMaterial, Value::Structure(mut items))
                if matches!(items.as_slice(), [Item { tag: Tag::BYTE_STRING, .. }]) =>
            {
                self.is_older = true;
                into.extend(items.pop().map(|Item { value, .. }| Item { tag, value }));
            }
            (Tag::RevocationReason, Value::TextString(text)) => {
                self.is_older = true;
                let code = Item::new(Tag::RevocationReasonCode, RevocationReasonCode::Unspecified);
                let message = Item::new(Tag::RevocationMessage, text);
                into.push(Item { tag, value: Value::Structure(vec![code, message]) });
            }
            (tag, value) => into.push(Item { tag, value }),
        }
    }

    /// Renames `Object` items after the Object Type in the same structure.
    fn name_object(&mut self, items: &mut [Item]) {
        let kind = items.iter().find_map(|item| match (item.tag, &item.value) {
            (Tag::ObjectType, Value::Enumeration(code)) => ObjectType::from_code(*code),
            _ => None,
        });
        let Some(named) = kind.and_then(|kind| Tag::from_name(kind.name(super::Dialect::Oasis))) else { return };
        for item in items.iter_mut().filter(|item| item.tag == Tag::OBJECT) {
            self.is_older = true;
            item.tag = named;
        }
    }
}

/// Returns a vendor attribute in the standard's form. The value of one that holds tags becomes a text.
fn vendor_attribute(mut items: Vec<Item>) -> Item {
    if holds_tags(&items) {
        for item in items.iter_mut().filter(|item| item.tag == Tag::AttributeValue) {
            if let Value::ByteString(bytes) = &item.value
                && let Ok(text) = std::str::from_utf8(bytes)
            {
                item.value = Value::TextString(text.to_owned());
            }
        }
    }
    Item { tag: Tag::Attribute, value: Value::Structure(items) }
}

fn holds_tags(items: &[Item]) -> bool {
    let text = |tag| {
        items.iter().find_map(|item| match &item.value {
            Value::TextString(text) if item.tag == tag => Some(text.as_str()),
            _ => None,
        })
    };
    matches!((text(Tag::VendorIdentification), text(Tag::AttributeName)), (Some(vendor), Some(name)) if are_tags(vendor, name))
}

impl Spelling {
    /// Writes the answer to a bare operation in this spelling.
    #[must_use]
    pub fn write(self, response: Response) -> Document {
        let Document { name, value } = response.into_document();
        let value = match (self, value) {
            (Self::Both | Self::Older, Value::Structure(items)) => Value::Structure(self.items(items)),
            (_, value) => value,
        };
        Document { name, value }
    }

    fn items(self, items: Vec<Item>) -> Vec<Item> {
        let mut written = Vec::with_capacity(items.len());
        let mut vendor_attributes = Vec::new();
        for item in items {
            if item.tag == Tag::Attribute {
                vendor_attributes.push(older_vendor_attribute(item.value.clone()));
            }
            let older = match item.tag {
                Tag::Attribute => None,
                Tag::IVCounterNonce => Some(Item { tag: Tag::OLDER_IV, value: item.value.clone() }),
                tag if ManagedObject::is_named(tag) => Some(older_object(&item.value)),
                _ => {
                    let value = match item.value {
                        Value::Structure(items) => Value::Structure(self.items(items)),
                        other => other,
                    };
                    written.push(Item { tag: item.tag, value });
                    continue;
                }
            };
            if self == Self::Both {
                written.push(item);
            }
            written.extend(older);
        }
        if !vendor_attributes.is_empty() {
            written.push(Item { tag: Tag::VENDOR_ATTRIBUTES, value: Value::Structure(vendor_attributes) });
        }
        written
    }
}

/// Returns a vendor attribute in the older spelling, in which its value is bytes.
fn older_vendor_attribute(value: Value) -> Item {
    let Value::Structure(mut items) = value else { return Item { tag: Tag::VENDOR_ATTRIBUTES, value } };
    for item in items.iter_mut().filter(|item| item.tag == Tag::AttributeValue) {
        if let Value::TextString(text) = &item.value {
            item.value = Value::ByteString(Bytes::from(text.as_bytes().to_vec()));
        }
    }
    Item { tag: Tag::VENDOR_ATTRIBUTES, value: Value::Structure(items) }
}

/// Returns a managed object in the older spelling, in which the key material contains a `ByteString` item.
fn older_object(value: &Value) -> Item {
    fn within(value: &Value) -> Value {
        let Value::Structure(items) = value else { return value.clone() };
        let item = |item: &Item| match (item.tag, &item.value) {
            (Tag::KeyMaterial, bytes @ Value::ByteString(_)) => {
                let inner = Item { tag: Tag::BYTE_STRING, value: bytes.clone() };
                Item { tag: item.tag, value: Value::Structure(vec![inner]) }
            }
            (tag, value) => Item { tag, value: within(value) },
        };
        Value::Structure(items.iter().map(item).collect())
    }
    Item { tag: Tag::OBJECT, value: within(value) }
}

#[cfg(test)]
#[path = "bare/tests.rs"]
mod tests;
