//! The running calls of the HSM, and their time limits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The running calls. While one of them hangs, the HSM's module is not finalized, and health reports it.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<Calls>);

#[derive(Default)]
struct Calls {
    due: BTreeMap<u64, Instant>,
    next: u64,
}

/// A running call. Dropping this ends it.
pub(super) struct Mark {
    calls: Arc<UnderWay>,
    number: u64,
}

impl UnderWay {
    /// Notes that a call begins that may take this long.
    pub(super) fn begin(self: &Arc<Self>, limit: Duration) -> Mark {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = calls.next;
        calls.next += 1;
        calls.due.insert(number, Instant::now() + limit);
        Mark { calls: Arc::clone(self), number }
    }

    /// Returns how many calls have exceeded their time limit.
    pub(super) fn overdue(&self) -> usize {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        calls.due.values().filter(|due| **due <= now).count()
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.calls.0.lock().unwrap_or_else(PoisonError::into_inner).due.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_overdue_until_it_is_back() {
        let calls = Arc::<UnderWay>::default();
        let late = calls.begin(Duration::ZERO);
        let other = calls.begin(Duration::from_secs(60));
        assert_eq!(calls.overdue(), 1);
        drop(late);
        assert_eq!(calls.overdue(), 0);
        drop(other);
    }
}
