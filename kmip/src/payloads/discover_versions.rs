//! Discover Versions (KMIP 2.1, section 6.1.16).

use crate::message::ProtocolVersion;
use crate::structure::structure;

structure! {
    /// The request.
    #[derive(Eq)]
    pub struct Request {
        /// What the client speaks, best first.
        protocol_versions: Vec<ProtocolVersion> = ProtocolVersion,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// What both speak, best first.
        protocol_versions: Vec<ProtocolVersion> = ProtocolVersion,
    }
}
