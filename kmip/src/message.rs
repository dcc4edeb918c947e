//! Messages: a header and a batch of operations (KMIP 2.1, sections 8 and 9).

mod authentication;
mod request;
mod response;

use super::structure::structure;

pub use authentication::{Authentication, Credential};
pub use request::{MessageExtension, RequestBatchItem, RequestHeader, RequestMessage};
pub use response::{ResponseBatchItem, ResponseHeader, ResponseMessage};

/// The largest number of items in a batch.
pub const BATCH_ITEMS: usize = 64;

structure! {
    /// Section 9.16.
    #[derive(Copy, Eq, PartialOrd, Ord, Hash)]
    pub struct ProtocolVersion {
        /// The major version.
        major: i32 = ProtocolVersionMajor,
        /// The minor version.
        minor: i32 = ProtocolVersionMinor,
    }
}

impl ProtocolVersion {
    /// KMIP 2.1, the version that this crate implements.
    pub const V2_1: Self = Self { major: 2, minor: 1 };
}

#[cfg(test)]
mod tests;
