//! Register (KMIP 2.1, section 6.1.43).

use super::ProtectionStorageMasks;
use crate::enumerations::ObjectType;
use crate::structure::structure;
use crate::{Attributes, ManagedObject};

structure! {
    /// The request.
    pub struct Request {
        /// What is registered.
        object_type: ObjectType = ObjectType,
        /// Its attributes.
        attributes: Box<Attributes> = Attributes,
        /// The object itself.
        object: ManagedObject,
        /// Where it may be kept.
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
