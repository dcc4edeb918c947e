//! Obtain Lease (KMIP 2.1, section 6.1.35).

use crate::UniqueIdentifier;
use crate::structure::structure;
use crate::ttlv::{DateTime, Interval};

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
        /// The time until the client needs another lease.
        lease_time: Interval = LeaseTime,
        /// The time of the last change of the object.
        last_change_date: DateTime = LastChangeDate,
    }
}
