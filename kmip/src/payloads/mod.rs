//! The requests and responses of the operations (KMIP 2.1, section 6.1).

pub mod activate;
pub mod add_attribute;
pub mod adjust_attribute;
pub mod check;
pub mod create;
pub mod create_key_pair;
pub mod decrypt;
pub mod delete_attribute;
pub mod derive_key;
pub mod destroy;
pub mod discover_versions;
pub mod encrypt;
pub mod export;
pub mod get;
pub mod get_attribute_list;
pub mod get_attributes;
pub mod get_usage_allocation;
pub mod hash;
pub mod import;
pub mod instance;
pub mod interop;
pub mod locate;
pub mod log;
pub mod mac;
pub mod mac_verify;
pub mod modify_attribute;
pub mod multi_part;
pub mod obtain_lease;
pub mod ping;
pub mod protection_storage_masks;
pub mod query;
pub mod re_key;
pub mod re_key_key_pair;
pub mod register;
pub mod revoke;
pub mod rng_retrieve;
pub mod rng_seed;
pub mod set_attribute;
pub mod sign;
pub mod signature_verify;

use std::borrow::Cow;

use super::attributes::Attributes;
use super::dialect::Dialect;
use super::enumerations::Operation;
use super::error::{Error, Fault, excerpt};
use super::ttlv::{Document, Field, Value};
use super::unique_identifier::UniqueIdentifier;

pub use instance::Instance;
pub use multi_part::MultiPart;
pub use protection_storage_masks::ProtectionStorageMasks;

/// The request of one operation, with the type of its response.
pub trait OperationRequest: Field + Into<Request> {
    /// The operation.
    const OPERATION: Operation;

    /// The type of the response.
    type Response: Field + Into<Response>;

    /// The field that names the object of the request, if the operation concerns an existing object and the field is
    /// present.
    fn named(&self) -> Option<&UniqueIdentifier> {
        None
    }

    /// The same field, for changes.
    fn named_mut(&mut self) -> Option<&mut UniqueIdentifier> {
        None
    }

    /// The attributes that the request gives to the objects that it adds.
    fn added(&self) -> Vec<&Attributes> {
        Vec::new()
    }

    /// The object that the operation sets as ID placeholder (section 8.3).
    fn left(_response: &Self::Response) -> Option<&str> {
        None
    }

    /// Writes a bare operation, without a message.
    fn into_document(self) -> Document {
        Document { name: Cow::Borrowed(Self::OPERATION.name(Dialect::Oasis)), value: self.write() }
    }

    /// Reads the response to a bare operation.
    ///
    /// # Errors
    /// The document is not a response to this operation, or it cannot be read.
    fn read_response(document: Document) -> Result<Self::Response, Error> {
        let asked = Self::OPERATION.name(Dialect::Oasis);
        let answered = document.name.strip_suffix("Response").and_then(Operation::from_name);
        if answered != Some(Self::OPERATION) {
            return Err(Fault::OtherDocument { asked, answered: excerpt(&document.name) }.into());
        }
        Self::Response::read(document.value).map_err(|error| error.within_document(asked))
    }
}

/// The requests of all operations, or their responses.
macro_rules! payloads {
    ($(#[$meta:meta])* $name:ident: $($operation:ident $module:ident)*) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $(#[doc = concat!("`", stringify!($operation), "`")] $operation($module::$name),)*
        }

        $(
            impl From<$module::$name> for $name {
                fn from(payload: $module::$name) -> Self {
                    Self::$operation(payload)
                }
            }
        )*

        impl $name {
            /// The operation.
            #[must_use]
            pub fn operation(&self) -> Operation {
                match self { $(Self::$operation(_) => Operation::$operation),* }
            }

            /// Reads the payload of an operation.
            pub fn from_payload(operation: Operation, payload: Value) -> Result<Self, Error> {
                match operation {
                    $(Operation::$operation => $module::$name::read(payload).map(Self::$operation),)*
                    other => Err(Fault::UnsupportedOperation(other.name(Dialect::Oasis)).into()),
                }
            }

            /// Writes the payload.
            #[must_use]
            pub fn into_payload(self) -> Value {
                match self { $(Self::$operation(payload) => payload.write()),* }
            }
        }
    };
}

/// One row for each operation: its file; the field that names its object, if it concerns an existing one; the
/// attributes of the objects that it adds; and the object that it sets as ID placeholder.
macro_rules! operations {
    ($(
        $operation:ident $module:ident
        $(names $named:ident)?
        $(adds $added:expr)?
        $(, leaves $left:expr)?;
    )*) => {
        payloads! {
            /// The request of an operation.
            Request: $($operation $module)*
        }

        payloads! {
            /// The response of an operation.
            Response: $($operation $module)*
        }

        /// The operations whose payloads are defined here.
        pub const OPERATIONS: &[Operation] = &[$(Operation::$operation),*];

        $(
            impl OperationRequest for $module::Request {
                const OPERATION: Operation = Operation::$operation;

                type Response = $module::Response;

                $(
                    fn named(&self) -> Option<&UniqueIdentifier> {
                        self.$named.as_ref()
                    }

                    fn named_mut(&mut self) -> Option<&mut UniqueIdentifier> {
                        self.$named.as_mut()
                    }
                )?

                $(
                    fn added(&self) -> Vec<&Attributes> {
                        let added: fn(&Self) -> Vec<&Attributes> = $added;
                        added(self)
                    }
                )?

                $(
                    fn left(response: &Self::Response) -> Option<&str> {
                        let left: fn(&Self::Response) -> Option<&str> = $left;
                        left(response)
                    }
                )?
            }
        )*

        impl Request {
            /// See [`OperationRequest::named`].
            #[must_use]
            pub fn named(&self) -> Option<&UniqueIdentifier> {
                match self { $(Self::$operation(request) => request.named()),* }
            }

            /// See [`OperationRequest::named_mut`].
            pub fn named_mut(&mut self) -> Option<&mut UniqueIdentifier> {
                match self { $(Self::$operation(request) => request.named_mut()),* }
            }

            /// See [`OperationRequest::added`].
            #[must_use]
            pub fn added(&self) -> Vec<&Attributes> {
                match self { $(Self::$operation(request) => request.added()),* }
            }
        }

        impl Response {
            /// See [`OperationRequest::left`].
            #[must_use]
            pub fn left(&self) -> Option<&str> {
                match self { $(Self::$operation(response) => $module::Request::left(response)),* }
            }

            /// Writes the response to a bare operation.
            #[must_use]
            pub fn into_document(self) -> Document {
                let name = match &self { $(Self::$operation(_) => concat!(stringify!($operation), "Response")),* };
                Document { name: Cow::Borrowed(name), value: self.into_payload() }
            }
        }
    };
}

operations! {
    Create create adds |own| vec![&*own.attributes], leaves |answer| Some(&answer.unique_identifier);
    CreateKeyPair create_key_pair
        adds create_key_pair::Request::templates, leaves |answer| Some(&answer.private_key_unique_identifier);
    DeriveKey derive_key adds |own| vec![&*own.attributes], leaves |answer| Some(&answer.unique_identifier);
    Register register adds |own| vec![&*own.attributes], leaves |answer| Some(&answer.unique_identifier);
    ReKey re_key names unique_identifier
        adds re_key::Request::given, leaves |answer| Some(&answer.unique_identifier);
    ReKeyKeyPair re_key_key_pair names private_key_unique_identifier
        adds re_key_key_pair::Request::given, leaves |answer| Some(&answer.private_key_unique_identifier);
    Locate locate, leaves locate::Response::only;
    Get get names unique_identifier;
    GetAttributes get_attributes names unique_identifier;
    GetAttributeList get_attribute_list names unique_identifier;
    AddAttribute add_attribute names unique_identifier;
    ModifyAttribute modify_attribute names unique_identifier;
    DeleteAttribute delete_attribute names unique_identifier;
    SetAttribute set_attribute names unique_identifier;
    AdjustAttribute adjust_attribute names unique_identifier;
    ObtainLease obtain_lease names unique_identifier;
    GetUsageAllocation get_usage_allocation names unique_identifier;
    Activate activate names unique_identifier;
    Revoke revoke names unique_identifier;
    Destroy destroy names unique_identifier;
    Query query;
    DiscoverVersions discover_versions;
    Encrypt encrypt names unique_identifier;
    Decrypt decrypt names unique_identifier;
    MAC mac names unique_identifier;
    MACVerify mac_verify names unique_identifier;
    Sign sign names unique_identifier;
    SignatureVerify signature_verify names unique_identifier;
    RNGRetrieve rng_retrieve;
    Import import adds |own| vec![&*own.attributes], leaves |answer| Some(&answer.unique_identifier);
    Export export names unique_identifier;
    Check check names unique_identifier;
    Hash hash;
    RNGSeed rng_seed;
    Log log;
    Ping ping;
    Interop interop;
}

impl Request {
    /// Reads a bare operation; the name of the document is that of the operation.
    pub fn from_document(document: Document) -> Result<Self, Error> {
        let operation =
            Operation::from_name(&document.name).ok_or_else(|| Fault::UnknownDocument(excerpt(&document.name)))?;
        Self::from_payload(operation, document.value)
            .map_err(|error| error.within_document(operation.name(Dialect::Oasis)))
    }
}

#[cfg(test)]
mod tests;
