//! References to attributes (KMIP 2.1, section 5.5).

use std::fmt;

use super::super::error::{Error, Fault, excerpt};
use super::super::structure::structure;
use super::super::tag::Tag;
use super::super::ttlv::{Field, Item, ItemType, Value};
use super::CertificateIdentity;

/// The name of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeReference {
    /// An attribute of the standard.
    Tag(Tag),
    /// An attribute of a vendor.
    Vendor(VendorReference),
}

structure! {
    /// The name of a vendor attribute.
    #[derive(Eq)]
    pub struct VendorReference {
        /// The vendor of the attribute.
        vendor_identification: String = VendorIdentification,
        /// The name of the attribute.
        name: String = AttributeName,
    }
}

impl AttributeReference {
    /// Whether this reference names the attribute of an item, or an attribute of KMIP 1.0 that follows from it.
    #[must_use]
    pub fn names(&self, item: &Item) -> bool {
        match self {
            Self::Tag(tag) => CertificateIdentity::present(*tag) == item.tag,
            Self::Vendor(reference) => VendorReference::of(item).as_ref() == Some(reference),
        }
    }

    /// The reference to the attribute of an item.
    #[must_use]
    pub fn of(item: &Item) -> Self {
        VendorReference::of(item).map_or(Self::Tag(item.tag), Self::Vendor)
    }
}

impl fmt::Display for AttributeReference {
    /// The name of the tag, or `VENDOR/NAME`, both shortened.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(formatter),
            Self::Vendor(VendorReference { vendor_identification, name }) => {
                write!(formatter, "{}/{}", excerpt(vendor_identification), excerpt(name))
            }
        }
    }
}

impl VendorReference {
    fn of(item: &Item) -> Option<Self> {
        let Item { tag: Tag::Attribute, value: Value::Structure(parts) } = item else {
            return None;
        };
        let text = |tag: Tag| match &parts.iter().find(|part| part.tag == tag)?.value {
            Value::TextString(text) => Some(text.clone()),
            _ => None,
        };
        Some(Self { vendor_identification: text(Tag::VendorIdentification)?, name: text(Tag::AttributeName)? })
    }
}

impl Field for AttributeReference {
    fn read(value: Value) -> Result<Self, Error> {
        match value {
            Value::Enumeration(code) => {
                let unknown = || Fault::UnknownEnumerationCode { enumeration: "Tag", code };
                Tag::from_code(code).map(Self::Tag).ok_or_else(|| unknown().into())
            }
            Value::Structure(_) => VendorReference::read(value).map(Self::Vendor),
            other => Err(other.not(ItemType::Enumeration)),
        }
    }

    fn write(self) -> Value {
        match self {
            Self::Tag(tag) => Value::Enumeration(tag.code()),
            Self::Vendor(reference) => reference.write(),
        }
    }
}
