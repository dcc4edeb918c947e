//! The faults of a document, each with its place.

use std::fmt;

use super::tag::Tag;
use super::ttlv::ItemType;

/// A fault and the path of items that leads to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The steps from the innermost item outwards: readers add their own step when they return an error.
    path: Vec<Step>,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Tag(Tag),
    Name(&'static str),
}

/// A fault. No variant contains the value of a byte string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The text is not a document of the encoding.
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
    /// An item is not a JSON object.
    #[error("every item must be an object of `tag`, `type` and `value`")]
    NotAnItem,
    /// A JSON object contains a member that items do not have.
    #[error("an item has no member `{0}`")]
    UnknownMember(String),
    /// A JSON object contains a member twice, so that two readers could understand it differently.
    #[error("the member `{0}` occurs more than once")]
    RepeatedMember(&'static str),
    /// A JSON object lacks a required member.
    #[error("an item lacks its `{0}`")]
    MissingMember(&'static str),
    /// Items are nested too deeply.
    #[error("items are nested more than {0} deep")]
    TooDeep(usize),
    /// There are too many items.
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
    /// An item has another type than expected.
    #[error("expected {}, found {found}", .expected.with_article())]
    WrongType {
        /// The type in the standard.
        expected: ItemType,
        /// The type in the document.
        found: ItemType,
    },
    /// A value is not valid for its type.
    #[error("the value is not {}", .0.with_article())]
    BadValue(ItemType),
    /// A number is outside the range of its type or field.
    #[error("the number is out of range")]
    OutOfRange,
    /// A hexadecimal text has an odd number of digits, or contains another character.
    #[error("not an even number of hexadecimal digits")]
    BadHexadecimal,
    /// A required item is absent.
    #[error("`{0}` is missing")]
    Missing(Tag),
    /// The managed object is absent.
    #[error("the managed object is missing")]
    MissingObject,
    /// An item that may occur once occurs several times.
    #[error("`{0}` occurs more than once")]
    Repeated(Tag),
    /// The structure has no such item.
    #[error("unexpected item `{0}`")]
    Unexpected(Tag),
    /// This server does not store the attribute.
    #[error("the attribute `{0}` is not supported")]
    UnsupportedAttribute(Tag),
    /// This server does not store managed objects of this type.
    #[error("object type {0} is not supported")]
    UnsupportedObject(&'static str),
    /// This server does not support the operation.
    #[error("operation {0} is not supported")]
    UnsupportedOperation(&'static str),
    /// Other servers of the bare dialect support this, but this server does not.
    #[error("{0} is not served here, and nothing was done")]
    NotServed(&'static str),
    /// The document is neither a message nor an operation.
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
    /// This server does not support this way of naming an object.
    #[error("a unique identifier must be a text or the ID placeholder")]
    UnsupportedIdentifier,
    /// A text or list is longer than its bound.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// An attribute or item has more instances than its bound.
    #[error("more than {bound} of `{tag}`")]
    TooMany {
        /// The tag of the instances.
        tag: Tag,
        /// The bound.
        bound: usize,
    },
    /// A text that must not be empty is empty.
    #[error("must not be empty")]
    Empty,
    /// Two items contradict each other.
    #[error("`{0}` and `{1}` do not agree")]
    Contradiction(Tag, Tag),
    /// A structure that holds one attribute holds none, or several. It holds their number.
    #[error("must hold exactly one attribute; found {0}")]
    NotOneAttribute(usize),
    /// The value of an attribute cannot be adjusted, or not in this way.
    #[error(
        "cannot be adjusted: Increment and Decrement change integers, intervals and dates, and Negate integers and booleans"
    )]
    NotAdjustable,
    /// A vendor attribute for tags does not contain a JSON array of strings.
    #[error("tags must be a JSON array of strings")]
    BadTags,
    /// The message contains an extension that the client marks as critical, and that this server does not support (KMIP
    /// 2.1, section 9).
    #[error("a critical message extension is not supported")]
    CriticalExtension,
}

impl Error {
    /// The fault, without its place.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Adds the tag of an item to the place of the error.
    #[must_use]
    pub fn within(mut self, tag: Tag) -> Self {
        self.path.push(Step::Tag(tag));
        self
    }

    /// Adds the name of the document to the place of the error.
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

/// The longest excerpt of a caller's text in an error, in characters.
const EXCERPT_CHARACTERS: usize = 64;

/// Returns a caller's text, shortened and escaped for an error.
pub(crate) fn excerpt(text: &str) -> String {
    let mut shown: String = text.chars().take(EXCERPT_CHARACTERS).flat_map(char::escape_debug).collect();
    if text.chars().nth(EXCERPT_CHARACTERS).is_some() {
        shown.push('…');
    }
    shown
}
