//! Adjust Attribute (KMIP 2.1, section 6.1.3).

use crate::enumerations::AdjustmentType;
use crate::structure::structure;
use crate::ttlv::Value;
use crate::{AttributeReference, UniqueIdentifier};

structure! {
    /// The request.
    pub struct Request {
        /// The object; the ID placeholder if absent.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// The attribute to adjust.
        attribute_reference: AttributeReference = AttributeReference,
        /// The direction of the adjustment.
        adjustment_type: AdjustmentType = AdjustmentType,
        /// The amount; 1 if absent.
        adjustment_value: Option<Value> = AdjustmentValue,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
    }
}
