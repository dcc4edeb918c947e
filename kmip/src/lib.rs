//! The language of the product: KMIP 2.1, its words and its spellings.
//!
//! The words (`tag`, `enumerations`, `attributes`, `objects`, `payloads`, `message`, `state`) know no input or output.
//! `ttlv` holds the tree they are read from and written to, and one file per spelling of that tree.

pub mod attributes;
pub mod bare;
mod bounds;
mod bytes;
pub mod cryptographic_parameters;
pub mod dialect;
pub mod enumerations;
pub mod error;
pub mod hexadecimal;
pub mod key_block;
pub mod mask;
pub mod message;
pub mod objects;
pub mod payloads;
mod reason;
pub mod state;
mod structure;
pub mod tag;
pub mod ttlv;
pub mod unique_identifier;
pub mod versions;

pub use attributes::{AttributeReference, Attributes};
pub use bytes::Bytes;
pub use cryptographic_parameters::CryptographicParameters;
pub use dialect::Dialect;
pub use error::{Error, Fault};
pub use mask::{ProtectionStorageMask, StorageStatusMask, UsageMask};
pub use objects::ManagedObject;
pub use tag::Tag;
pub use unique_identifier::UniqueIdentifier;
