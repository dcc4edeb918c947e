//! Check (KMIP 2.1, section 6.1.7).

use crate::structure::structure;
use crate::ttlv::Interval;
use crate::{UniqueIdentifier, UsageMask};

structure! {
    /// The request.
    pub struct Request {
        /// The object; the ID placeholder if absent.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// The number of units that the client needs.
        usage_limits_count: Option<i64> = UsageLimitsCount,
        /// The uses that the client intends.
        cryptographic_usage_mask: Option<UsageMask> = CryptographicUsageMask,
        /// The lease that the client needs.
        lease_time: Option<Interval> = LeaseTime,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
    }
}
