//! The time until which the HSM must answer a request's call. A call may never return, and its thread cannot be
//! interrupted. The task that waits for the answer therefore reads this time, and abandons the call and its thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The value of `due` while no call is in progress.
const NONE: u64 = 0;

/// The clock of one request.
#[derive(Debug)]
pub(super) struct Clock {
    origin: Instant,
    /// The time in milliseconds from `origin`, or [`NONE`].
    due: AtomicU64,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { origin: Instant::now(), due: AtomicU64::new(NONE) }
    }

    /// The time until which the present call must return; `None` if no call is in progress.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.due.load(Ordering::Relaxed) {
            NONE => None,
            due => Some(self.origin + Duration::from_millis(due)),
        }
    }

    /// Records that a call begins that may take this long, and returns what was recorded before it, for [`Self::end`].
    pub(super) fn begin(&self, limit: Duration) -> u64 {
        let due = milliseconds(self.origin.elapsed() + limit).max(1);
        self.due.swap(due, Ordering::Relaxed)
    }

    /// Records that the call has ended.
    pub(super) fn end(&self, outer: u64) {
        self.due.store(outer, Ordering::Relaxed);
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
