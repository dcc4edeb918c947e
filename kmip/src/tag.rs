//! Tags: the names of items (KMIP 2.1, section 11.56).

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use super::dialect::folded;

/// A tag. Every tag of the standard is a constant of its name. Tags from 0x540000 to 0x54FFFF are extensions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u32);

/// Defines the tags of one list, and the list in the order of their codes.
macro_rules! tags {
    ($(#[$about:meta])* $list:ident $note:literal { $($name:ident = $code:literal),* $(,)? }) => {
        #[allow(non_upper_case_globals, reason = "these are the names of the standard")]
        impl Tag {
            $(#[doc = concat!("`", stringify!($name), "`", $note)] pub const $name: Tag = Tag($code);)*

            $(#[$about])*
            pub const $list: &'static [(Tag, &'static str)] = &[$((Tag($code), stringify!($name))),*];
        }
    };
    ($($row:tt)*) => {
        tags! {
            /// Every tag of the standard, in the order of their codes.
            ALL "" { $($row)* }
        }
    };
}

include!("tag/table.rs");
include!("tag/former.rs");

/// Items of the bare dialect that the standard does not have. The dialect has names and no codes. A tag of the standard has three
/// bytes: these codes have four, so that no client's item is taken for one of them, and [`Tag::from_code`] does not return them.
const BARE: [(Tag, &str); 6] = [
    (Tag::VENDOR_ATTRIBUTES, "VendorAttributes"),
    (Tag::OBJECT, "Object"),
    (Tag::BYTE_STRING, "ByteString"),
    (Tag::CASCADE, "Cascade"),
    (Tag::EXPECTED_OBJECT_TYPE, "ExpectedObjectType"),
    (Tag::OLDER_IV, Tag::OLDER_IV_NAME),
];

/// The length of the longest tag name. A longer text need not be folded completely.
const LONGEST_NAME: usize = 64;

/// Every tag by its name in the standard's spelling, which nearly all documents use.
static BY_NAME: LazyLock<HashMap<&'static str, Tag>> =
    LazyLock::new(|| Tag::named().chain(Tag::read_bare()).map(|(tag, name)| (*name, *tag)).collect());

/// Every tag by its folded name.
static BY_FOLDED_NAME: LazyLock<HashMap<Vec<u8>, Tag>> =
    LazyLock::new(|| Tag::named().map(|(tag, name)| (folded(name).collect(), *tag)).collect());

impl Tag {
    /// The tag of an item whose name is not a tag. The item's value is the fault, which is reported when the item is
    /// read.
    pub(crate) const UNKNOWN: Self = Self(0);

    /// A list of vendor attributes, or one vendor attribute.
    pub(crate) const VENDOR_ATTRIBUTES: Self = Self(0x100_0001);
    /// A managed object of any type.
    pub(crate) const OBJECT: Self = Self(0x100_0002);
    /// The bytes in a key material.
    pub(crate) const BYTE_STRING: Self = Self(0x100_0003);
    /// Whether the operation also applies to the other key of a pair.
    pub(crate) const CASCADE: Self = Self(0x100_0004);
    /// The type that the object must have.
    pub(crate) const EXPECTED_OBJECT_TYPE: Self = Self(0x100_0005);
    /// IV/Counter/Nonce in the older spelling. It is only written; when read, the name is a spelling of
    /// `IVCounterNonce`.
    pub(crate) const OLDER_IV: Self = Self(0x100_0006);
    /// The older spelling of IV/Counter/Nonce.
    pub(crate) const OLDER_IV_NAME: &'static str = "IvCounterNonce";

    /// Returns the tag of a code, if the code is in the standard or in the range of extensions.
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        let tag = Self(code);
        (tag.row().is_some() || tag.is_extension()).then_some(tag)
    }

    /// Returns the tag of a name, in any spelling.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let exactly = BY_NAME.get(name).copied();
        exactly.or_else(|| BY_FOLDED_NAME.get(&folded(name).take(LONGEST_NAME + 1).collect::<Vec<_>>()).copied())
    }

    /// The code. Items that only the bare dialect has have a code of more than three bytes.
    #[must_use]
    pub fn code(self) -> u32 {
        self.0
    }

    /// The normalised name. Extensions have none.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let bare = || BARE.iter().find(|(tag, _)| *tag == self);
        self.row().or_else(bare).map(|(_, name)| *name)
    }

    /// Whether the code is in the range that the standard reserves for extensions.
    #[must_use]
    pub fn is_extension(self) -> bool {
        (0x54_0000..=0x54_FFFF).contains(&self.0)
    }

    /// Whether only KMIP 1.x has the tag.
    pub(crate) fn is_former(self) -> bool {
        Self::FORMER.binary_search_by_key(&self, |(tag, _)| *tag).is_ok()
    }

    /// Every tag of the standard, of any version.
    fn named() -> impl Iterator<Item = &'static (Self, &'static str)> {
        Self::ALL.iter().chain(Self::FORMER)
    }

    fn read_bare() -> impl Iterator<Item = &'static (Self, &'static str)> {
        BARE.iter().filter(|(tag, _)| *tag != Self::OLDER_IV)
    }

    /// The tag among those of the standard.
    fn row(self) -> Option<&'static (Self, &'static str)> {
        [Self::ALL, Self::FORMER].into_iter().find_map(|table| {
            let found = table.binary_search_by_key(&self, |(tag, _)| *tag).ok()?;
            table.get(found)
        })
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "0x{:06X}", self.0),
        }
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_is_found_by_code_and_by_name() {
        assert_eq!(Tag::ALL.len(), 350);
        assert!(Tag::ALL.is_sorted_by_key(|(tag, _)| *tag));
        assert!(Tag::FORMER.is_sorted_by_key(|(tag, _)| *tag));
        assert!(Tag::FORMER.iter().all(|(tag, _)| !Tag::ALL.iter().any(|(other, _)| tag == other)));
        for (tag, name) in Tag::named() {
            assert_eq!(Tag::from_code(tag.code()), Some(*tag));
            assert_eq!(Tag::from_name(name), Some(*tag), "{name}");
            assert_eq!(tag.name(), Some(*name));
            assert_eq!(Tag::from_name(&name.to_lowercase()), Some(*tag), "{name}");
            assert!(name.len() <= LONGEST_NAME);
        }
    }

    #[test]
    fn names_are_found_in_other_spellings_and_nothing_else_is() {
        assert_eq!(Tag::from_name("Unique Identifier"), Some(Tag::UniqueIdentifier));
        assert_eq!(Tag::from_name("unique_batch_item_id"), Some(Tag::UniqueBatchItemID));
        assert_eq!(Tag::from_name("X509CertificateSubject"), Some(Tag::X_509CertificateSubject));
        assert_eq!(Tag::from_name(""), None);
        assert_eq!(Tag::from_name("Encrypt"), None);
        assert_eq!(Tag::from_code(0), None);
        assert_eq!(Tag::from_name("Cascade"), Some(Tag::CASCADE));
        assert_eq!(Tag::from_name("IvCounterNonce"), Some(Tag::IVCounterNonce));
        assert_eq!(Tag::OLDER_IV.name(), Some("IvCounterNonce"));
        for (tag, _) in BARE {
            assert!(tag.code() > 0xFF_FFFF && Tag::from_code(tag.code()).is_none(), "{tag}");
        }
        assert_eq!(Tag::from_code(0x54_0006).map(|tag| tag.to_string()).as_deref(), Some("0x540006"));
        assert_eq!(Tag::from_code(0x54_FFFF).map(|tag| tag.to_string()).as_deref(), Some("0x54FFFF"));
    }
}
