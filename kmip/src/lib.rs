//! The data model and the encodings of KMIP 2.1.
//!
//! The data model is in `tag`, `enumerations`, `attributes`, `objects`, `payloads`, `message` and `state`, which do no
//! input or output. `ttlv` contains the tree that this model is read from and written to, and one module for each
//! encoding of that tree.

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
