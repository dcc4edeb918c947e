//! Get Attributes (KMIP 2.1, section 6.1.20).

use super::Unwritten;
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
        /// The references of the request. An answer of KMIP 1.x has some attributes in two forms, of which the client
        /// gets those that it has named.
        asked: Unwritten<Vec<AttributeReference>>,
    }
}
