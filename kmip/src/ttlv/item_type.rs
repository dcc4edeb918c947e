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

    /// The normalised name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
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
