//! Delete Attribute (KMIP 2.1, section 6.1.13).

use super::Instance;
use crate::attributes::SingleAttribute;
use crate::structure::structure;
use crate::{AttributeReference, UniqueIdentifier};

structure! {
    /// The request.
    pub struct Request {
        /// The object; the ID placeholder if absent.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// The value of the instance to delete.
        current_attribute: Option<SingleAttribute> = CurrentAttribute,
        /// The attribute whose instances are deleted, if no instance is given.
        attribute_reference: Option<AttributeReference> = AttributeReference,
        /// The index of the instance, counted from 0, in place of its value. From requests of KMIP 1.x (KMIP 1.4,
        /// section 4.16).
        attribute_index: Option<i32> = AttributeIndex,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
        /// The deleted instance.
        instance: Instance,
    }
}
