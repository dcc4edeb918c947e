//! The encodings of messages (KMIP 2.1 section 10).

use crate::kmip::ttlv::{Document, binary, json, xml};
use crate::kmip::{Dialect, Error};

/// The first size of an answer's buffer, in bytes.
const USUAL: usize = 1 << 10;

/// An encoding of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The binary encoding (section 10.1).
    Ttlv,
    /// JSON, with the standard's names.
    Json,
    /// XML.
    Xml,
}

impl Encoding {
    /// Returns the encoding with this media type, given without parameters.
    #[must_use]
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        let is = |known: &str| media_type.eq_ignore_ascii_case(known);
        if is("application/octet-stream") {
            Some(Self::Ttlv)
        } else if is("application/json") {
            Some(Self::Json)
        } else if is("text/xml") || is("application/xml") {
            Some(Self::Xml)
        } else {
            None
        }
    }

    /// The media type of answers.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Ttlv => "application/octet-stream",
            Self::Json => "application/json",
            Self::Xml => "text/xml",
        }
    }

    pub(super) fn read(self, bytes: &[u8]) -> Result<Document, Error> {
        match self {
            Self::Ttlv => binary::read(bytes),
            Self::Json => json::read(bytes),
            Self::Xml => xml::read(bytes),
        }
    }

    pub(super) fn write(self, document: &Document) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(USUAL);
        match self {
            Self::Ttlv => {
                // An answer has only tags of the standard, and is shorter than 2^32 bytes.
                let is_written = binary::write(document, &mut bytes);
                debug_assert!(is_written, "{} cannot be written in the binary encoding", document.name);
            }
            Self::Json => json::write(document, Dialect::Oasis, &mut bytes),
            Self::Xml => xml::write(document, Dialect::Oasis, &mut bytes),
        }
        bytes
    }
}
