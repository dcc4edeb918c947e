//! Discover Versions (KMIP 2.1, section 6.1.16).

use crate::message::ProtocolVersion;
use crate::structure::structure;

structure! {
    /// The request.
    #[derive(Eq)]
    pub struct Request {
        /// The versions that the client supports, in order of preference.
        protocol_versions: Vec<ProtocolVersion> = ProtocolVersion,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The versions that both support, in order of preference.
        protocol_versions: Vec<ProtocolVersion> = ProtocolVersion,
    }
}
