//! When the call of the HSM that a request makes has to be back. A call may never return, and the thread that makes it cannot be
//! interrupted: the one who waits for the answer looks here, and gives both up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    /// The clock of the request that this task is about.
    pub(super) static CLOCK: Arc<Clock>;
}

/// No call is under way.
const NONE: u64 = 0;

/// Belongs to one request.
#[derive(Debug)]
pub(super) struct Clock {
    origin: Instant,
    /// In milliseconds from `origin`, or [`NONE`].
    due: AtomicU64,
}

impl Clock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { origin: Instant::now(), due: AtomicU64::new(NONE) })
    }

    /// When the call that is under way has to be back.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.due.load(Ordering::Relaxed) {
            NONE => None,
            due => Some(self.origin + Duration::from_millis(due)),
        }
    }
}

/// A call of the HSM; it is back when this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Calling {
    clock: Option<Arc<Clock>>,
    /// What was due before: a call may be part of another one.
    outer: u64,
}

/// Says that a call of the HSM begins, which may take so long. Outside a request nobody looks.
pub fn calling(limit: Duration) -> Calling {
    let clock = CLOCK.try_with(Arc::clone).ok();
    let outer = clock.as_ref().map_or(NONE, |clock| {
        let due = milliseconds(clock.origin.elapsed() + limit).max(1);
        clock.due.swap(due, Ordering::Relaxed)
    });
    Calling { clock, outer }
}

impl Drop for Calling {
    fn drop(&mut self) {
        if let Some(clock) = &self.clock {
            clock.due.store(self.outer, Ordering::Relaxed);
        }
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
