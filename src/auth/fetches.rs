//! How often the keys of one place may be fetched because a JWT asks for it: whoever sends JWTs by unknown keys must neither
//! flood the issuer nor keep others from a key that is new.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The shortest time between the last fetch, whatever its cause, and one that a JWT asks for: so late is a new key known.
const APART: Duration = Duration::from_secs(30);

/// So many fetches in such a span, of which a JWT asks for the last.
const MOST: (usize, Duration) = (10, Duration::from_secs(300));

/// The last fetches of the keys of one place. What asks for a fetch and causes none is not counted.
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

    /// When the next fetch may begin that a JWT asks for; that may be in the past.
    pub(super) fn next(&self) -> Option<Instant> {
        let begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let apart = *begun.back()? + APART;
        let oldest = begun.front().filter(|_| begun.len() == MOST.0).map(|oldest| *oldest + MOST.1);
        Some(oldest.map_or(apart, |oldest| oldest.max(apart)))
    }

    /// Whether a fetch that a JWT asks for may begin now.
    pub(super) fn is_due(&self) -> bool {
        self.next().is_none_or(|next| next <= Instant::now())
    }
}
