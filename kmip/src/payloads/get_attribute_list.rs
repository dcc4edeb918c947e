//! Get Attribute List (KMIP 2.1, section 6.1.21).

use super::Unwritten;
use crate::structure::structure;
use crate::{AttributeReference, Attributes, UniqueIdentifier};

structure! {
    /// The request.
    #[derive(Eq)]
    pub struct Request {
        /// The object; the ID placeholder if absent.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
        /// The attributes that the object has, each once.
        attribute_references: Vec<AttributeReference> = AttributeReference,
        /// The attributes with their values. Earlier versions do not have all values, and name only the attributes that
        /// they have.
        attributes: Unwritten<Box<Attributes>>,
    }
}
