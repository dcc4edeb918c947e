//! Requests and unfinished answers of a connection.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The requests of a connection, and its answers that the client has not read yet.
#[derive(Default)]
pub(super) struct Activity {
    begun: AtomicU64,
    ended: AtomicU64,
    next: AtomicU64,
    /// The answers that are being sent, with the time when each began.
    sending: Mutex<BTreeMap<u64, Instant>>,
}

/// A request whose answer is not ready yet.
pub(super) struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// An answer that is being sent. It counts until this is dropped.
pub(super) struct Sending {
    activity: Arc<Activity>,
    number: u64,
}

/// The time that a connection has been without requests.
pub(super) struct Quiet {
    since: Instant,
    /// The number of ended requests at the last check.
    ended: u64,
}

impl Activity {
    /// Counts a request as begun. It ends when the returned value is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Answering {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }

    /// Counts an answer as being sent from now on.
    pub(super) fn send(self: &Arc<Self>) -> Sending {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, Instant::now());
        Sending { activity: Arc::clone(self), number }
    }

    /// Returns whether sending an answer has taken longer than `allowed`.
    pub(super) fn is_stuck(&self, allowed: Duration) -> bool {
        self.lock().first_key_value().is_some_and(|(_, since)| since.elapsed() > allowed)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Instant>> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Quiet {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), ended: u64::MAX }
    }

    /// Returns whether the connection had no request for at least `span`, as far as the calls of this function can
    /// tell.
    pub(super) fn lasts(&mut self, activity: &Activity, span: Duration) -> bool {
        let ended = activity.ended.load(Ordering::Relaxed);
        if activity.begun.load(Ordering::Relaxed) != ended || self.ended != ended {
            (self.since, self.ended) = (Instant::now(), ended);
        }
        self.since.elapsed() >= span
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.activity.lock().remove(&self.number);
    }
}
