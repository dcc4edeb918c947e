//! The types of values.

use crate::dialect::same_name;

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the types are those of `Value`")]
pub enum ItemType {
    Structure,
    Integer,
    LongInteger,
    BigInteger,
    Enumeration,
    Boolean,
    TextString,
    ByteString,
    DateTime,
    Interval,
    DateTimeExtended,
}

impl ItemType {
    /// The names, in the order of the types' codes, which begin at 1.
    const NAMES: [(Self, &'static str); 11] = [
        (Self::Structure, "Structure"),
        (Self::Integer, "Integer"),
        (Self::LongInteger, "LongInteger"),
        (Self::BigInteger, "BigInteger"),
        (Self::Enumeration, "Enumeration"),
        (Self::Boolean, "Boolean"),
        (Self::TextString, "TextString"),
        (Self::ByteString, "ByteString"),
        (Self::DateTime, "DateTime"),
        (Self::Interval, "Interval"),
        (Self::DateTimeExtended, "DateTimeExtended"),
    ];

    /// All types, in the order of their codes.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::NAMES.iter().map(|(kind, _)| *kind)
    }

    /// The normalised name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The code of the type (KMIP 2.1, section 10.1.2).
    #[must_use]
    pub fn code(self) -> u8 {
        let position = Self::NAMES.iter().position(|(kind, _)| *kind == self);
        position.and_then(|index| u8::try_from(index + 1).ok()).unwrap_or_default()
    }

    /// The type of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::NAMES.get(usize::from(code).checked_sub(1)?).map(|(kind, _)| *kind)
    }

    /// The length of its values in the binary encoding, in bytes and without padding; `None` if the length is not
    /// fixed.
    #[must_use]
    pub fn fixed_length(self) -> Option<usize> {
        match self {
            Self::Integer | Self::Enumeration | Self::Interval => Some(4),
            Self::LongInteger | Self::Boolean | Self::DateTime | Self::DateTimeExtended => Some(8),
            Self::Structure | Self::BigInteger | Self::TextString | Self::ByteString => None,
        }
    }

    /// Returns the type of a name, in any spelling.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| same_name(known, name)).map(|(kind, _)| *kind)
    }

    pub(crate) fn with_article(self) -> String {
        let name = self.name();
        let article = if name.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
        format!("{article} {name}")
    }
}

impl std::fmt::Display for ItemType {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.with_article())
    }
}
