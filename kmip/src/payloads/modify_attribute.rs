//! Modify Attribute (KMIP 2.1, section 6.1.34).

use super::Instance;
use crate::UniqueIdentifier;
use crate::attributes::SingleAttribute;
use crate::structure::structure;

structure! {
    /// The request.
    pub struct Request {
        /// The object; the ID placeholder if absent.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// The present value of the instance to change; the only instance if absent.
        current_attribute: Option<SingleAttribute> = CurrentAttribute,
        /// The new value.
        new_attribute: SingleAttribute = NewAttribute,
        /// The index of the instance, counted from 0, in place of its present value. From requests of KMIP 1.x (KMIP
        /// 1.4, section 4.15).
        attribute_index: Option<i32> = AttributeIndex,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
        /// The changed instance.
        instance: Instance,
    }
}
