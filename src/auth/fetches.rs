//! The limit for fetches of an issuer's keys that JWTs cause. A sender of JWTs with unknown keys must neither flood the
//! issuer nor delay the fetch of a new key.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The shortest time between the last fetch, whatever its cause, and a fetch that a JWT causes. A new key is known
/// after this time.
const APART: Duration = Duration::from_secs(30);

/// A JWT causes a fetch only if there were fewer than this many fetches in this span.
const MOST: (usize, Duration) = (10, Duration::from_secs(300));

/// The last fetches of the keys of one source. Requests that caused no fetch are not counted.
#[derive(Debug, Default)]
pub(super) struct Fetches(Mutex<VecDeque<Instant>>);

impl Fetches {
    /// Counts a fetch that begins now.
    pub(super) fn begin(&self) -> Instant {
        let now = Instant::now();
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun.push_back(now);
        if begun.len() > MOST.0 {
            begun.pop_front();
        }
        now
    }

    /// Returns when the next fetch that a JWT causes may begin. It may be in the past. `None`: there was no fetch yet.
    pub(super) fn next(&self) -> Option<Instant> {
        let begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let apart = *begun.back()? + APART;
        let oldest = begun.front().filter(|_| begun.len() == MOST.0).map(|oldest| *oldest + MOST.1);
        Some(oldest.map_or(apart, |oldest| oldest.max(apart)))
    }

    /// Whether a fetch that a JWT causes may begin now.
    pub(super) fn is_due(&self) -> bool {
        self.next().is_none_or(|next| next <= Instant::now())
    }
}
