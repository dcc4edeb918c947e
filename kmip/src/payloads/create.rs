//! Create (KMIP 2.1, section 6.1.8).

use super::ProtectionStorageMasks;
use crate::Attributes;
use crate::enumerations::ObjectType;
use crate::structure::structure;

structure! {
    /// The request.
    pub struct Request {
        /// What to create.
        object_type: ObjectType = ObjectType,
        /// Its attributes; may hold the unique identifier that the caller wants.
        attributes: Box<Attributes> = Attributes,
        /// Where it may be kept.
        protection_storage_masks: Option<ProtectionStorageMasks> = ProtectionStorageMasks,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// What was created.
        object_type: ObjectType = ObjectType,
        /// The new object.
        unique_identifier: String = UniqueIdentifier,
    }
}
