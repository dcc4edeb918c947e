//! When the call of the HSM that a request makes has to be back. A call may never return, and the thread that makes it cannot be
//! interrupted: the one who waits for the answer looks here, and gives both up.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::ticket::{Name, Ticket};

tokio::task_local! {
    /// That of the request which this task is about.
    static TICKET: Arc<Ticket>;
}

/// Runs what is done for a request, whose name is then in each line of the log, and whose calls of the HSM are known.
pub async fn on_behalf<T>(ticket: &Arc<Ticket>, work: impl Future<Output = T>) -> T {
    TICKET.scope(Arc::clone(ticket), work).await
}

/// The name of the request which this task is about; `None` outside of one.
pub fn asking<T>(show: impl FnOnce(&Name) -> T) -> Option<T> {
    TICKET.try_with(|ticket| ticket.name().map(show)).ok().flatten()
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
    pub(super) fn new() -> Self {
        Self { origin: Instant::now(), due: AtomicU64::new(NONE) }
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
    ticket: Option<Arc<Ticket>>,
    /// What was due before: a call may be part of another one.
    outer: u64,
}

/// Says that a call of the HSM begins, which may take so long. Outside a request nobody looks.
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
