//! Items, their values, and documents.

use super::item_type::ItemType;
use crate::Bytes;
use crate::error::{Error, Fault};
use crate::tag::Tag;

/// The deepest nesting that is accepted. The deepest structure of the standard has about ten levels.
pub const DEPTH: usize = 32;
/// The largest number of items in one document.
pub const ITEMS: usize = 50_000;

/// One item.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The tag.
    pub tag: Tag,
    /// The type and value.
    pub value: Value,
}

/// A time, in seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(pub i64);

/// A duration, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval(pub u32);

/// A number in two's complement, big-endian. Its binary encoding has a multiple of eight bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BigInteger(pub Bytes);

/// A typed value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Items, in order.
    Structure(Vec<Item>),
    /// A signed number of 32 bits.
    Integer(i32),
    /// A signed number of 64 bits.
    LongInteger(i64),
    /// A number in two's complement, big-endian. It may be part of a private key.
    BigInteger(Bytes),
    /// The code of an enumeration.
    Enumeration(u32),
    /// A truth value.
    Boolean(bool),
    /// A text in UTF-8.
    TextString(String),
    /// Bytes.
    ByteString(Bytes),
    /// A time, in seconds.
    DateTime(DateTime),
    /// A duration, in seconds.
    Interval(Interval),
    /// A time, in microseconds.
    DateTimeExtended(i64),
    /// A part that could not be read. Reading this item reports the fault, so that one faulty batch item does not
    /// affect the others.
    Invalid(Box<Fault>),
}

impl Value {
    /// Returns the type; `Err` for a part that could not be read.
    pub fn item_type(&self) -> Result<ItemType, Error> {
        Ok(match self {
            Self::Structure(_) => ItemType::Structure,
            Self::Integer(_) => ItemType::Integer,
            Self::LongInteger(_) => ItemType::LongInteger,
            Self::BigInteger(_) => ItemType::BigInteger,
            Self::Enumeration(_) => ItemType::Enumeration,
            Self::Boolean(_) => ItemType::Boolean,
            Self::TextString(_) => ItemType::TextString,
            Self::ByteString(_) => ItemType::ByteString,
            Self::DateTime(_) => ItemType::DateTime,
            Self::Interval(_) => ItemType::Interval,
            Self::DateTimeExtended(_) => ItemType::DateTimeExtended,
            Self::Invalid(fault) => return Err(Fault::clone(fault).into()),
        })
    }

    /// Returns the error for a reader that expected another type.
    pub(crate) fn not(&self, expected: ItemType) -> Error {
        match self.item_type() {
            Ok(found) => Fault::WrongType { expected, found }.into(),
            Err(error) => error,
        }
    }

    /// Returns the value of the first item with this tag in a structure.
    pub(crate) fn part(&self, tag: Tag) -> Option<&Self> {
        match self {
            Self::Structure(items) => items.iter().find(|item| item.tag == tag).map(|item| &item.value),
            _ => None,
        }
    }

    /// Returns the code of an enumeration.
    pub(crate) fn into_enumeration(self) -> Result<u32, Error> {
        match self {
            Self::Enumeration(code) => Ok(code),
            other => Err(other.not(ItemType::Enumeration)),
        }
    }

    /// Refuses a tree that contains a part that could not be read.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Structure(items) => {
                items.iter().try_for_each(|item| item.value.check().map_err(|error| error.within(item.tag)))
            }
            other => other.item_type().map(|_| ()),
        }
    }

    /// The length of the value in the binary encoding, without header and padding (KMIP 2.1, section 10.1).
    fn length(&self) -> usize {
        match self {
            Self::Structure(items) => items.iter().map(Item::ttlv_length).sum(),
            Self::BigInteger(bytes) => bytes.len().max(1).next_multiple_of(8),
            Self::ByteString(bytes) => bytes.len(),
            Self::TextString(text) => text.len(),
            fixed => fixed.item_type().ok().and_then(ItemType::fixed_length).unwrap_or_default(),
        }
    }
}

impl Item {
    /// The length in the binary encoding. A client's Maximum Response Size counts this length, whatever the encoding of
    /// the message (KMIP 2.1, section 9.12).
    #[must_use]
    pub fn ttlv_length(&self) -> usize {
        8 + self.value.length().next_multiple_of(8)
    }
}

/// A document: one item, whose name need not be a tag. Bare operations are named `Encrypt`, `EncryptResponse` and so
/// on, which are not tags of the standard.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The name, as it was read or will be written.
    pub name: std::borrow::Cow<'static, str>,
    /// The value.
    pub value: Value,
}

impl Document {
    /// The length in the binary encoding.
    #[must_use]
    pub fn ttlv_length(&self) -> usize {
        8 + self.value.length().next_multiple_of(8)
    }
}
