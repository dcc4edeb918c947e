//! Interop (KMIP 2.1, section 6.1.26).

use crate::enumerations::InteropFunction;
use crate::structure::structure;

structure! {
    /// The request.
    #[derive(Eq)]
    pub struct Request {
        /// What the test suite is about to do.
        interop_function: InteropFunction = InteropFunction,
        /// The name of the test case.
        interop_identifier: Option<String> = InteropIdentifier,
    }
}

structure! {
    /// The response.
    pub struct Response {}
}
