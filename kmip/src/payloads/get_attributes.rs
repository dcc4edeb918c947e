//! Get Attributes (KMIP 2.1, section 6.1.20).

use super::Asked;
use crate::structure::structure;
use crate::{AttributeReference, Attributes, UniqueIdentifier};

structure! {
    /// The request.
    pub struct Request {
        /// The object; the ID placeholder if absent.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// The requested attributes; all if empty.
        attribute_references: Vec<AttributeReference> = AttributeReference,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
        /// The requested attributes that the object has.
        attributes: Box<Attributes> = Attributes,
        /// The references of the request.
        asked: Asked,
    }
}
