//! Leases (KMIP 2.1 sections 4.30 and 6.1.35): how long a client may use what it got before it asks again.

use super::service::Grant;
use crate::kmip::state::Dates;
use crate::kmip::ttlv::Interval;

/// The Lease Time of every object: the longest lease.
pub(super) const LEASE: Interval = Interval(60 * 60);

impl Grant<'_> {
    /// The lease that the object has now. It ends at the next date that changes the state or the uses of the object.
    pub(in crate::kms) fn lease(&self) -> Interval {
        let (now, dates) = (self.call.now, Dates::of(&self.object.attributes));
        let dates = [dates.activation, dates.process_start, dates.protect_stop, dates.deactivation];
        let seconds = dates.into_iter().flatten().filter_map(|date| u32::try_from(date.0.saturating_sub(now.0)).ok());
        Interval(seconds.filter(|seconds| *seconds > 0).fold(LEASE.0, u32::min))
    }
}
