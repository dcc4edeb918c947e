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
        /// The format in which the key is requested.
        key_format_type: Option<KeyFormatType> = KeyFormatType,
        /// Whether a key that was registered wrapped is requested in its wrapped form.
        key_wrap_type: Option<KeyWrapType> = KeyWrapType,
        /// The format in which an elliptic curve point is requested.
        key_compression_type: Option<KeyCompressionType> = KeyCompressionType,
        /// The wrapping that is requested for the key.
        key_wrapping_specification: Option<Box<KeyWrappingSpecification>> = KeyWrappingSpecification,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The type of the object.
        object_type: ObjectType = ObjectType,
        /// The identifier of the object.
        unique_identifier: String = UniqueIdentifier,
        /// All attributes of the object.
        attributes: Box<Attributes> = Attributes,
        /// The object itself; absent if it is destroyed.
        object: Option<ManagedObject>,
    }
}
