//! The time until which the HSM must answer a request's call. A call may never return, and its thread cannot be
//! interrupted. The task that waits for the answer therefore reads this time, and abandons the call and its thread.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::ticket::{Name, Ticket};

tokio::task_local! {
    /// The ticket of the request that this task works on.
    static TICKET: Arc<Ticket>;
}

/// Runs the work of a request. Meanwhile, each log line contains the request's name, and the ticket's clock records the
/// calls of the HSM.
pub async fn on_behalf<T>(ticket: &Arc<Ticket>, work: impl Future<Output = T>) -> T {
    TICKET.scope(Arc::clone(ticket), work).await
}

/// Calls `show` with the name of the request that this task works on, and returns its result; `None` outside of a
/// request.
pub fn asking<T>(show: impl FnOnce(&Name) -> T) -> Option<T> {
    TICKET.try_with(|ticket| ticket.name().map(show)).ok().flatten()
}

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
}

/// A call of the HSM in progress. Dropping it ends the call.
#[derive(Debug)]
#[must_use]
pub struct Calling {
    ticket: Option<Arc<Ticket>>,
    /// The value of `due` before this call, because a call may be part of another one.
    outer: u64,
}

/// Records that a call of the HSM begins, which may take this long. Outside of a request it has no effect.
pub fn calling(limit: Duration) -> Calling {
    let ticket = TICKET.try_with(Arc::clone).ok();
    let outer = ticket.as_ref().map_or(NONE, |ticket| {
        let clock = ticket.clock();
        let due = milliseconds(clock.origin.elapsed() + limit).max(1);
        clock.due.swap(due, Ordering::Relaxed)
    });
    Calling { ticket, outer }
}

impl Drop for Calling {
    fn drop(&mut self) {
        if let Some(ticket) = &self.ticket {
            ticket.clock().due.store(self.outer, Ordering::Relaxed);
        }
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
