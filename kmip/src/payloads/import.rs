//! Import (KMIP 2.1, section 6.1.25).

use crate::enumerations::{KeyWrapType, ObjectType};
use crate::structure::structure;
use crate::{Attributes, ManagedObject, UniqueIdentifier};

structure! {
    /// The request.
    pub struct Request {
        /// The identifier that the object will have; the server chooses it if absent. The ID placeholder has no meaning
        /// here.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// The type of the object.
        object_type: ObjectType = ObjectType,
        /// Whether to replace an existing object of this identifier.
        replace_existing: Option<bool> = ReplaceExisting,
        /// Whether the server unwraps the object before it stores it.
        key_wrap_type: Option<KeyWrapType> = KeyWrapType,
        /// The attributes of the object.
        attributes: Box<Attributes> = Attributes,
        /// The object itself.
        object: ManagedObject,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
    }
}
