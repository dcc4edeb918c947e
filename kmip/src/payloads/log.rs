//! Log (KMIP 2.1, section 6.1.29).

use crate::structure::structure;

structure! {
    /// The request.
    #[derive(Eq)]
    pub struct Request {
        /// The text for the server's log.
        log_message: String = LogMessage,
    }
}

structure! {
    /// The response.
    pub struct Response {}
}
