//! Register (KMIP 2.1, section 6.1.43).

use super::ProtectionStorageMasks;
use crate::enumerations::ObjectType;
use crate::structure::structure;
use crate::{Attributes, ManagedObject};

structure! {
    /// The request.
    pub struct Request {
        /// The type of the object.
        object_type: ObjectType = ObjectType,
        /// The attributes of the object.
        attributes: Box<Attributes> = Attributes,
        /// The object itself.
        object: ManagedObject,
        /// Where the object may be stored.
        protection_storage_masks: Option<ProtectionStorageMasks> = ProtectionStorageMasks,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The new object.
        unique_identifier: String = UniqueIdentifier,
    }
}
