//! Rust types that are values of items.

use super::item_type::ItemType;
use super::value::{BigInteger, DateTime, Interval, Item, Value};
use crate::Bytes;
use crate::error::Error;
use crate::tag::Tag;

/// A type that can be read from and written to the value of one item.
pub trait Field: Sized {
    /// Reads a value.
    fn read(value: Value) -> Result<Self, Error>;
    /// Returns the value.
    fn write(self) -> Value;
}

impl Item {
    /// Creates an item.
    pub fn new(tag: Tag, value: impl Field) -> Self {
        Self { tag, value: value.write() }
    }
}

macro_rules! primitive {
    ($($kind:ty = $variant:ident),* $(,)?) => {$(
        impl Field for $kind {
            fn read(value: Value) -> Result<Self, Error> {
                match value {
                    Value::$variant(inner) => Ok(inner),
                    other => Err(other.not(ItemType::$variant)),
                }
            }

            fn write(self) -> Value {
                Value::$variant(self)
            }
        }
    )*};
}

primitive! {
    i32 = Integer,
    i64 = LongInteger,
    bool = Boolean,
    String = TextString,
    Bytes = ByteString,
    DateTime = DateTime,
    Interval = Interval,
}

impl Field for BigInteger {
    fn read(value: Value) -> Result<Self, Error> {
        match value {
            Value::BigInteger(number) => Ok(Self(number)),
            other => Err(other.not(ItemType::BigInteger)),
        }
    }

    fn write(self) -> Value {
        Value::BigInteger(self.0)
    }
}

/// A boxed value, for structures that would otherwise be large.
impl<T: Field> Field for Box<T> {
    fn read(value: Value) -> Result<Self, Error> {
        T::read(value).map(Self::new)
    }

    fn write(self) -> Value {
        (*self).write()
    }
}

/// Any value, if all of it could be read.
impl Field for Value {
    fn read(value: Value) -> Result<Self, Error> {
        value.check()?;
        Ok(value)
    }

    fn write(self) -> Value {
        self
    }
}

/// An item that is accepted and ignored.
///
/// Its content is dropped, because credentials in a message header must not stay in memory with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ignored;

impl Field for Ignored {
    fn read(_: Value) -> Result<Self, Error> {
        Ok(Self)
    }

    fn write(self) -> Value {
        Value::Structure(Vec::new())
    }
}
