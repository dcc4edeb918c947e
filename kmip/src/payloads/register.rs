//! Register (KMIP 2.1, section 6.1.43).

use super::super::attributes::Attributes;
use super::super::enumerations::ObjectType;
use super::super::objects::ManagedObject;
use super::super::structure::structure;
use super::ProtectionStorageMasks;

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
