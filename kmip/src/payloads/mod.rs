//! The requests and responses of the operations (KMIP 2.1, section 6.1).

pub mod activate;
pub mod create;
pub mod create_key_pair;
pub mod decrypt;
pub mod destroy;
pub mod discover_versions;
pub mod encrypt;
pub mod export;
pub mod get;
pub mod get_attributes;
pub mod import;
pub mod locate;
pub mod mac;
pub mod mac_verify;
pub mod multi_part;
pub mod protection_storage_masks;
pub mod query;
pub mod register;
pub mod revoke;
pub mod rng_retrieve;
pub mod sign;
pub mod signature_verify;

use std::borrow::Cow;

use super::dialect::Dialect;
use super::enumerations::Operation;
use super::error::{Error, Fault, excerpt};
use super::ttlv::{Document, Field, Value};
use super::unique_identifier::UniqueIdentifier;

pub use multi_part::MultiPart;
pub use protection_storage_masks::ProtectionStorageMasks;

macro_rules! operations {
    ($($operation:ident $module:ident),* $(,)?) => {
        /// The request of an operation.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Request {
            $(#[doc = concat!("`", stringify!($operation), "`")] $operation($module::Request),)*
        }

        /// The response of an operation.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Response {
            $(#[doc = concat!("`", stringify!($operation), "`")] $operation($module::Response),)*
        }

        $(
            impl From<$module::Request> for Request {
                fn from(request: $module::Request) -> Self {
                    Self::$operation(request)
                }
            }

            impl From<$module::Response> for Response {
                fn from(response: $module::Response) -> Self {
                    Self::$operation(response)
                }
            }
        )*

        /// The operations whose payloads are defined here.
        pub const OPERATIONS: &[Operation] = &[$(Operation::$operation),*];

        impl Request {
            /// The operation.
            #[must_use]
            pub fn operation(&self) -> Operation {
                match self { $(Self::$operation(_) => Operation::$operation),* }
            }

            /// Reads the payload of an operation.
            pub fn from_payload(operation: Operation, payload: Value) -> Result<Self, Error> {
                match operation {
                    $(Operation::$operation => $module::Request::read(payload).map(Self::$operation),)*
                    other => Err(Fault::UnsupportedOperation(other.name(Dialect::Oasis)).into()),
                }
            }

            /// Writes the payload.
            #[must_use]
            pub fn into_payload(self) -> Value {
                match self { $(Self::$operation(request) => request.write()),* }
            }

            /// Writes a bare operation.
            #[must_use]
            pub fn into_document(self) -> Document {
                let name = match &self { $(Self::$operation(_) => stringify!($operation)),* };
                Document { name: Cow::Borrowed(name), value: self.into_payload() }
            }
        }

        impl Response {
            /// The operation.
            #[must_use]
            pub fn operation(&self) -> Operation {
                match self { $(Self::$operation(_) => Operation::$operation),* }
            }

            /// Reads the payload of an operation.
            pub fn from_payload(operation: Operation, payload: Value) -> Result<Self, Error> {
                match operation {
                    $(Operation::$operation => $module::Response::read(payload).map(Self::$operation),)*
                    other => Err(Fault::UnsupportedOperation(other.name(Dialect::Oasis)).into()),
                }
            }

            /// Writes the payload.
            #[must_use]
            pub fn into_payload(self) -> Value {
                match self { $(Self::$operation(response) => response.write()),* }
            }

            /// Writes the answer to a bare operation.
            #[must_use]
            pub fn into_document(self) -> Document {
                let name = match &self { $(Self::$operation(_) => concat!(stringify!($operation), "Response")),* };
                Document { name: Cow::Borrowed(name), value: self.into_payload() }
            }
        }
    };
}

operations! {
    Create create,
    CreateKeyPair create_key_pair,
    Register register,
    Locate locate,
    Get get,
    GetAttributes get_attributes,
    Activate activate,
    Revoke revoke,
    Destroy destroy,
    Query query,
    DiscoverVersions discover_versions,
    Encrypt encrypt,
    Decrypt decrypt,
    MAC mac,
    MACVerify mac_verify,
    Sign sign,
    SignatureVerify signature_verify,
    RNGRetrieve rng_retrieve,
    Import import,
    Export export,
}

impl Request {
    /// Returns the identifier of the object that the request concerns. `None` if the request concerns no existing
    /// object, or has no identifier.
    pub fn named_mut(&mut self) -> Option<&mut UniqueIdentifier> {
        match self {
            Self::Get(request) => request.unique_identifier.as_mut(),
            Self::GetAttributes(request) => request.unique_identifier.as_mut(),
            Self::Activate(request) => request.unique_identifier.as_mut(),
            Self::Revoke(request) => request.unique_identifier.as_mut(),
            Self::Destroy(request) => request.unique_identifier.as_mut(),
            Self::Encrypt(request) => request.unique_identifier.as_mut(),
            Self::Decrypt(request) => request.unique_identifier.as_mut(),
            Self::MAC(request) => request.unique_identifier.as_mut(),
            Self::MACVerify(request) => request.unique_identifier.as_mut(),
            Self::Sign(request) => request.unique_identifier.as_mut(),
            Self::SignatureVerify(request) => request.unique_identifier.as_mut(),
            Self::Export(request) => request.unique_identifier.as_mut(),
            Self::Create(_)
            | Self::CreateKeyPair(_)
            | Self::Register(_)
            | Self::Import(_)
            | Self::Locate(_)
            | Self::Query(_)
            | Self::DiscoverVersions(_)
            | Self::RNGRetrieve(_) => None,
        }
    }

    /// Reads a bare operation. The name of the document is that of the operation.
    pub fn from_document(document: Document) -> Result<Self, Error> {
        let operation =
            Operation::from_name(&document.name).ok_or_else(|| Fault::UnknownDocument(excerpt(&document.name)))?;
        Self::from_payload(operation, document.value)
            .map_err(|error| error.within_document(operation.name(super::Dialect::Oasis)))
    }
}

impl Response {
    /// Reads the answer to a bare operation.
    pub fn from_document(document: Document) -> Result<Self, Error> {
        let unknown = || Fault::UnknownDocument(excerpt(&document.name));
        let name = document.name.strip_suffix("Response").ok_or_else(unknown)?;
        let operation = Operation::from_name(name).ok_or_else(unknown)?;
        Self::from_payload(operation, document.value)
            .map_err(|error| error.within_document(operation.name(super::Dialect::Oasis)))
    }
}

#[cfg(test)]
mod tests;
