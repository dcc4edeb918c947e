//! Get Usage Allocation (KMIP 2.1, section 6.1.23).

use crate::UniqueIdentifier;
use crate::structure::structure;

structure! {
    /// The request.
    #[derive(Eq)]
    pub struct Request {
        /// The object; the ID placeholder if absent.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// The number of units that the client needs.
        usage_limits_count: i64 = UsageLimitsCount,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
    }
}
