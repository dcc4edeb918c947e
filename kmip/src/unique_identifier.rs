//! The names of objects in requests (KMIP 2.1, section 4.58).

use std::fmt;

use super::bounds::TEXT_BYTES;
use super::enumerations::UniqueIdentifierEnumeration;
use super::error::{Error, Fault};
use super::ttlv::{Field, ItemType, Value};

/// The name of an object in a request.
///
/// The standard also lets an item name the n-th identifier of an earlier response in the batch. That is refused,
/// because the ID placeholder is sufficient to connect the items of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UniqueIdentifier {
    /// The identifier itself.
    Text(String),
    /// The ID placeholder: the object of the last operation of this batch that set it.
    IdPlaceholder,
}

impl UniqueIdentifier {
    /// The identifier; `None` for the ID placeholder.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::IdPlaceholder => None,
        }
    }
}

impl From<String> for UniqueIdentifier {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for UniqueIdentifier {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for UniqueIdentifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_text().unwrap_or("IDPlaceholder"))
    }
}

impl Field for UniqueIdentifier {
    fn read(value: Value) -> Result<Self, Error> {
        match value {
            Value::TextString(text) if text.is_empty() => Err(Fault::Empty.into()),
            Value::TextString(text) if text.len() > TEXT_BYTES => Err(Fault::TooLong(TEXT_BYTES).into()),
            Value::TextString(text) => Ok(Self::Text(text)),
            Value::Enumeration(code) if code == UniqueIdentifierEnumeration::IDPlaceholder.code() => {
                Ok(Self::IdPlaceholder)
            }
            Value::Enumeration(_) | Value::Integer(_) => Err(Fault::UnsupportedIdentifier.into()),
            other => Err(other.not(ItemType::TextString)),
        }
    }

    fn write(self) -> Value {
        match self {
            Self::Text(text) => Value::TextString(text),
            Self::IdPlaceholder => Value::Enumeration(UniqueIdentifierEnumeration::IDPlaceholder.code()),
        }
    }
}
