//! Destroy (KMIP 2.1, section 6.1.15).

use crate::UniqueIdentifier;
use crate::structure::structure;

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
    }
}
