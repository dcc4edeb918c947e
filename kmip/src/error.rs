//! What can be wrong with a document: where, and what.

use std::fmt;

use super::tag::Tag;
use super::ttlv::ItemType;

/// A fault and the path of items that leads to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Innermost first, because it grows while the readers return.
    path: Vec<Step>,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Tag(Tag),
    Name(&'static str),
}

/// What is wrong. No variant holds the value of a byte string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Not a document of the encoding at all.
    #[error("not a well-formed document at line {line}, column {column}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// Not the encoding that the document should have.
    #[error("not well-formed {encoding} at byte {offset}: {what}")]
    Malformed {
        /// `TTLV` or `XML`.
        encoding: &'static str,
        /// The offset in the message, from 0.
        offset: usize,
        /// The rule that it breaks.
        what: &'static str,
    },
    /// An item is not the JSON object that it must be.
    #[error("every item must be an object of `tag`, `type` and `value`")]
    NotAnItem,
    /// A JSON object holds a member that items do not have.
    #[error("an item has no member `{0}`")]
    UnknownMember(String),
    /// A JSON object holds a member twice, so that two readers could understand it differently.
    #[error("the member `{0}` occurs more than once")]
    RepeatedMember(&'static str),
    /// A JSON object lacks a member.
    #[error("an item lacks its `{0}`")]
    MissingMember(&'static str),
    /// The depth bound.
    #[error("items are nested more than {0} deep")]
    TooDeep(usize),
    /// The node-count bound.
    #[error("more than {0} items")]
    TooManyItems(usize),
    /// A tag name or code that the standard does not have.
    #[error("unknown tag `{0}`")]
    UnknownTag(String),
    /// A type name that the standard does not have.
    #[error("unknown type `{0}`")]
    UnknownType(String),
    /// A name that the enumeration does not have.
    #[error("unknown {enumeration} `{name}`")]
    UnknownEnumerationName {
        /// The enumeration.
        enumeration: &'static str,
        /// The name, shortened.
        name: String,
    },
    /// A code that the enumeration does not have.
    #[error("unknown {enumeration} 0x{code:08X}")]
    UnknownEnumerationCode {
        /// The enumeration.
        enumeration: &'static str,
        /// The code.
        code: u32,
    },
    /// An enumeration by name under a tag that carries no known enumeration. It holds the name, shortened.
    #[error("the enumeration of this item has no names: give its number")]
    EnumerationWithoutNames(String),
    /// Names of bits under a tag that carries no known mask. It holds the names.
    #[error("the bits of this item have no names: give their number")]
    MaskWithoutNames(String),
    /// An attribute name that the client's version does not have.
    #[error("unknown attribute `{0}`")]
    UnknownAttribute(String),
    /// A version of the protocol that is not served.
    #[error("KMIP {major}.{minor} is not served: ask Discover Versions for those that are")]
    UnsupportedVersion {
        /// The first number.
        major: i32,
        /// The second number.
        minor: i32,
    },
    /// A name that the mask does not have.
    #[error("unknown {mask} `{name}`")]
    UnknownMaskName {
        /// The mask.
        mask: &'static str,
        /// The name, shortened.
        name: String,
    },
    /// An item of another type.
    #[error("expected {}, found {found}", .expected.with_article())]
    WrongType {
        /// What the standard says.
        expected: ItemType,
        /// What the document says.
        found: ItemType,
    },
    /// A value that is not a spelling of its type.
    #[error("the value is not {}", .0.with_article())]
    BadValue(ItemType),
    /// A number outside its type's or its field's range.
    #[error("the number is out of range")]
    OutOfRange,
    /// Hexadecimal with an odd number of digits or with something that is no digit.
    #[error("not an even number of hexadecimal digits")]
    BadHexadecimal,
    /// A required item is absent.
    #[error("`{0}` is missing")]
    Missing(Tag),
    /// The managed object is absent.
    #[error("the managed object is missing")]
    MissingObject,
    /// An item that may occur once occurs again.
    #[error("`{0}` occurs more than once")]
    Repeated(Tag),
    /// An item that this structure does not have.
    #[error("unexpected item `{0}`")]
    Unexpected(Tag),
    /// An attribute that this server does not keep.
    #[error("the attribute `{0}` is not supported")]
    UnsupportedAttribute(Tag),
    /// A managed object of a type that this server does not keep.
    #[error("object type {0} is not supported")]
    UnsupportedObject(&'static str),
    /// An operation that this server does not have.
    #[error("operation {0} is not supported")]
    UnsupportedOperation(&'static str),
    /// Something that other servers of the bare dialect have, and this server has not.
    #[error("{0} is not served here, and nothing was done")]
    NotServed(&'static str),
    /// A document that is neither a message nor an operation.
    #[error("`{0}` is neither a message nor an operation")]
    UnknownDocument(String),
    /// A document that does not answer what was asked.
    #[error("asked for {asked}, answered `{answered}`")]
    OtherDocument {
        /// The operation.
        asked: &'static str,
        /// The name of the document, shortened.
        answered: String,
    },
    /// A way of naming an object that this server does not have.
    #[error("a unique identifier must be a text or the ID placeholder")]
    UnsupportedIdentifier,
    /// A text, or list, above its bound.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// More instances than the bound.
    #[error("more than {bound} of `{tag}`")]
    TooMany {
        /// What there are too many of.
        tag: Tag,
        /// The bound.
        bound: usize,
    },
    /// A text that must not be empty is.
    #[error("must not be empty")]
    Empty,
    /// Two items that contradict each other.
    #[error("`{0}` and `{1}` do not agree")]
    Contradiction(Tag, Tag),
    /// A vendor attribute that holds tags does not hold a JSON array of strings.
    #[error("tags must be a JSON array of strings")]
    BadTags,
    /// A message extension that the client says must be understood (KMIP 2.1, section 9).
    #[error("a critical message extension is not supported")]
    CriticalExtension,
}

impl Error {
    /// The fault, without its place.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// The error as seen from the structure that holds an item of this tag.
    #[must_use]
    pub fn within(mut self, tag: Tag) -> Self {
        self.path.push(Step::Tag(tag));
        self
    }

    /// The error as seen from outside a document of this name.
    #[must_use]
    pub fn within_document(mut self, name: &'static str) -> Self {
        self.path.push(Step::Name(name));
        self
    }

    pub(crate) fn map_fault(mut self, change: impl FnOnce(Fault) -> Fault) -> Self {
        self.fault = change(self.fault);
        self
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self { path: Vec::new(), fault }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.path.iter().rev().enumerate() {
            if index > 0 {
                formatter.write_str("/")?;
            }
            match step {
                Step::Tag(tag) => write!(formatter, "{tag}")?,
                Step::Name(name) => formatter.write_str(name)?,
            }
        }
        let separator = if self.path.is_empty() { "" } else { ": " };
        write!(formatter, "{separator}{}", self.fault)
    }
}

impl std::error::Error for Error {}

/// The longest excerpt of a caller's text in an error.
const EXCERPT_CHARACTERS: usize = 64;

/// A caller's text, made short and printable enough to be shown.
pub(crate) fn excerpt(text: &str) -> String {
    let mut shown: String = text.chars().take(EXCERPT_CHARACTERS).flat_map(char::escape_debug).collect();
    if text.chars().nth(EXCERPT_CHARACTERS).is_some() {
        shown.push('…');
    }
    shown
}
