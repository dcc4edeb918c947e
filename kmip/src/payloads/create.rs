//! Create (KMIP 2.1, section 6.1.8).

use super::ProtectionStorageMasks;
use crate::Attributes;
use crate::enumerations::ObjectType;
use crate::structure::structure;

structure! {
    /// The request.
    pub struct Request {
        /// The type of the object to create.
        object_type: ObjectType = ObjectType,
        /// The attributes of the object. They may contain the unique identifier that the caller wants.
        attributes: Box<Attributes> = Attributes,
        /// Where the object may be stored.
        protection_storage_masks: Option<ProtectionStorageMasks> = ProtectionStorageMasks,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The type of the new object.
        object_type: ObjectType = ObjectType,
        /// The new object.
        unique_identifier: String = UniqueIdentifier,
    }
}
