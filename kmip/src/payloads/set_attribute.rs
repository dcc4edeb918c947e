//! Set Attribute (KMIP 2.1, section 6.1.51).

use crate::UniqueIdentifier;
use crate::attributes::SingleAttribute;
use crate::structure::structure;

structure! {
    /// The request.
    pub struct Request {
        /// The object; the ID placeholder if absent.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// The value to add, or to put in the place of the only instance.
        new_attribute: SingleAttribute = NewAttribute,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
    }
}
