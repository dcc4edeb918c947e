//! Revoke (KMIP 2.1, section 6.1.44).

use crate::UniqueIdentifier;
use crate::attributes::RevocationReason;
use crate::structure::structure;
use crate::ttlv::DateTime;

structure! {
    /// The request.
    #[derive(Eq)]
    pub struct Request {
        /// The object; the ID placeholder if absent.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// The reason for the revocation.
        revocation_reason: RevocationReason = RevocationReason,
        /// The time at which the key is thought to have been compromised.
        compromise_occurrence_date: Option<DateTime> = CompromiseOccurrenceDate,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
    }
}
