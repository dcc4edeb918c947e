//! Items, their values, and documents of them.

use super::item_type::ItemType;
use crate::Bytes;
use crate::error::{Error, Fault};
use crate::tag::Tag;

/// The deepest nesting that is read. The deepest structure of the standard needs about ten.
pub const DEPTH: usize = 32;
/// The most items that are read in one document.
pub const ITEMS: usize = 50_000;

/// One item.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What it is.
    pub tag: Tag,
    /// Its type and value.
    pub value: Value,
}

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(pub i64);

/// A number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval(pub u32);

/// A typed value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Items, in order.
    Structure(Vec<Item>),
    /// 32 bits, signed.
    Integer(i32),
    /// 64 bits, signed.
    LongInteger(i64),
    /// Two's complement, big-endian. May be a part of a private key.
    BigInteger(Bytes),
    /// A code.
    Enumeration(u32),
    /// Yes or no.
    Boolean(bool),
    /// UTF-8.
    TextString(String),
    /// Bytes.
    ByteString(Bytes),
    /// A time in seconds.
    DateTime(DateTime),
    /// A duration in seconds.
    Interval(Interval),
    /// A time in microseconds.
    DateTimeExtended(i64),
    /// A part that could not be read. The reader of this item reports it, so that one bad batch item does not spoil the others.
    Invalid(Box<Fault>),
}

impl Value {
    /// The type; `Err` for what could not be read.
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

    /// The error of a reader that wanted another type.
    pub(crate) fn not(&self, expected: ItemType) -> Error {
        match self.item_type() {
            Ok(found) => Fault::WrongType { expected, found }.into(),
            Err(error) => error,
        }
    }

    /// The code of an enumeration.
    pub(crate) fn into_enumeration(self) -> Result<u32, Error> {
        match self {
            Self::Enumeration(code) => Ok(code),
            other => Err(other.not(ItemType::Enumeration)),
        }
    }

    /// Refuses a tree that holds something that could not be read.
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
    /// The length in the binary encoding: what a client's Maximum Response Size counts, whatever the encoding of the
    /// message (KMIP 2.1, section 9.12).
    #[must_use]
    pub fn ttlv_length(&self) -> usize {
        8 + self.value.length().next_multiple_of(8)
    }
}

/// A whole document: one item, whose name is not always a tag. The bare operations are named `Encrypt`,
/// `EncryptResponse` and so on, which are not tags of the standard.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The name, as it was written or is to be written.
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
