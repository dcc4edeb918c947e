//! Ping (KMIP 2.1, section 6.1.37).

use crate::structure::structure;

structure! {
    /// The request.
    #[derive(Eq)]
    pub struct Request {}
}

structure! {
    /// The response.
    pub struct Response {}
}
