//! The versions of the protocol. Only this module knows their differences.
//!
//! Everything else in this crate is KMIP 2.1. A request of an earlier version is converted to one of 2.1 ([`upgrade`]),
//! and its answer is converted back ([`downgrade`]). Both work on the tree, whatever its encoding was.

mod attributes;
mod certificate;
mod distinguished_name;
mod request;
mod response;
mod since;

use super::enumerations::Operation;
use super::error::{Error, Fault};
use super::message::{ProtocolVersion, ResponseMessage};
use super::payloads::Response;
use super::tag::Tag;
use super::ttlv::{Document, Field as _, Item, Value};
use response::Needed;

/// A supported version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Version {
    V1_0,
    V1_1,
    V1_2,
    V1_3,
    V1_4,
    V2_0,
    V2_1,
}

impl Version {
    /// Every supported version, the newest first, as in the answer to Discover Versions.
    pub const ALL: [Self; 7] = [Self::V2_1, Self::V2_0, Self::V1_4, Self::V1_3, Self::V1_2, Self::V1_1, Self::V1_0];

    /// The version with these numbers, if it is supported.
    #[must_use]
    pub fn of(protocol: ProtocolVersion) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.protocol() == protocol)
    }

    /// The version in which a client of these numbers is answered: the newest one that is not newer, else the oldest.
    #[must_use]
    pub fn nearest(protocol: ProtocolVersion) -> Self {
        Self::ALL.into_iter().find(|version| version.protocol() <= protocol).unwrap_or(Self::V1_0)
    }

    /// Its numbers.
    #[must_use]
    pub fn protocol(self) -> ProtocolVersion {
        let (major, minor) = match self {
            Self::V1_0 => (1, 0),
            Self::V1_1 => (1, 1),
            Self::V1_2 => (1, 2),
            Self::V1_3 => (1, 3),
            Self::V1_4 => (1, 4),
            Self::V2_0 => (2, 0),
            Self::V2_1 => (2, 1),
        };
        ProtocolVersion { major, minor }
    }

    /// The first version with this operation.
    #[must_use]
    pub fn of_operation(operation: Operation) -> Self {
        since::operation(operation)
    }

    /// Whether an authentication tag is an item of its own. Earlier versions have no such item: the tag is the end of the
    /// ciphertext, in answers and in requests.
    #[must_use]
    pub fn has_authentication_tags(self) -> bool {
        since::tag(Tag::AuthenticatedEncryptionTag) <= self
    }

    /// Whether clients can say whether a key may leave the server: Sensitive and Extractable are attributes.
    #[must_use]
    pub fn has_protection(self) -> bool {
        since::tag(Tag::Sensitive).max(since::tag(Tag::Extractable)) <= self
    }

    /// Whether attributes are structures of name, index and value, in template attributes.
    fn has_templates(self) -> bool {
        self < Self::V2_0
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ProtocolVersion { major, minor } = self.protocol();
        write!(formatter, "{major}.{minor}")
    }
}

/// Converts a request message to one of KMIP 2.1, whose header still names the client's version. Returns also that
/// version, in which the client expects the answer.
///
/// A fault of one batch item is stored in the item, and is reported when the item is read.
///
/// # Errors
/// The header has no version, or one that is not supported ([`Fault::UnsupportedVersion`]).
pub fn upgrade(document: Document) -> Result<(Version, Document), Error> {
    let version = version_of(&document.value)?;
    let Document { name, value } = document;
    let value = request::upgrade(version, value);
    Ok((version, Document { name, value }))
}

/// Converts a response message to one of another version.
#[must_use]
pub fn downgrade(version: Version, mut answer: ResponseMessage) -> Document {
    let needed = answer.items.iter_mut().map(|item| {
        let mut own = Needed::default();
        match &mut item.response {
            Some(Response::AddAttribute(response)) => own.changed = std::mem::take(&mut response.instance).into_inner(),
            Some(Response::ModifyAttribute(response)) => {
                own.changed = std::mem::take(&mut response.instance).into_inner();
            }
            Some(Response::DeleteAttribute(response)) => {
                own.changed = std::mem::take(&mut response.instance).into_inner();
            }
            Some(Response::GetAttributes(response)) => own.asked = std::mem::take(&mut response.asked).0,
            Some(Response::GetAttributeList(response)) => own.listed = response.attributes.0.to_items(),
            _ => {}
        }
        own
    });
    let needed = needed.collect();
    let Document { name, value } = answer.into_document();
    Document { name, value: response::downgrade(version, value, needed) }
}

/// The version that the header of a message names.
///
/// # Errors
/// As [`upgrade`].
fn version_of(message: &Value) -> Result<Version, Error> {
    let missing = |tag| Error::from(Fault::Missing(tag));
    let header = message.part(Tag::RequestHeader).ok_or_else(|| missing(Tag::RequestHeader))?;
    let named =
        header.part(Tag::ProtocolVersion).ok_or_else(|| missing(Tag::ProtocolVersion).within(Tag::RequestHeader))?;
    let protocol = ProtocolVersion::read(named.clone())
        .map_err(|error| error.within(Tag::ProtocolVersion).within(Tag::RequestHeader))?;
    Version::of(protocol)
        .ok_or_else(|| Fault::UnsupportedVersion { major: protocol.major, minor: protocol.minor }.into())
}

/// The operation of a batch item; `None` if it names none that the standard has.
fn operation_of(batch_item: &Value) -> Option<Operation> {
    match batch_item.part(Tag::Operation) {
        Some(Value::Enumeration(code)) => Operation::from_code(*code),
        _ => None,
    }
}

/// The structure with each of its values changed; any other value as it is.
fn mapped(structure: Value, mut change: impl FnMut(Tag, Value) -> Value) -> Value {
    let Value::Structure(items) = structure else { return structure };
    let changed = items.into_iter().map(|Item { tag, value }| Item { tag, value: change(tag, value) });
    Value::Structure(changed.collect())
}

/// A value for a fault: reading its item fails with it.
fn invalid(fault: Fault) -> Value {
    Value::Invalid(Box::new(fault))
}

#[cfg(test)]
mod tests;
