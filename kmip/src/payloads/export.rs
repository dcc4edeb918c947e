//! Export (KMIP 2.1, section 6.1.18).

use crate::enumerations::{KeyCompressionType, KeyFormatType, KeyWrapType, ObjectType};
use crate::key_block::KeyWrappingSpecification;
use crate::structure::structure;
use crate::{Attributes, ManagedObject, UniqueIdentifier};

structure! {
    /// The request.
    pub struct Request {
        /// The object; the ID placeholder if absent.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// The format in which the key is wanted.
        key_format_type: Option<KeyFormatType> = KeyFormatType,
        /// Whether a key that was registered wrapped is wanted so.
        key_wrap_type: Option<KeyWrapType> = KeyWrapType,
        /// The format in which an elliptic curve point is wanted.
        key_compression_type: Option<KeyCompressionType> = KeyCompressionType,
        /// How the key is to be wrapped.
        key_wrapping_specification: Option<Box<KeyWrappingSpecification>> = KeyWrappingSpecification,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// What it is.
        object_type: ObjectType = ObjectType,
        /// The object.
        unique_identifier: String = UniqueIdentifier,
        /// All its attributes.
        attributes: Box<Attributes> = Attributes,
        /// The object itself; absent when it is destroyed.
        object: Option<ManagedObject>,
    }
}
