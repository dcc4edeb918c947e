//! The bell that any operation rings when the device may be gone, and that the owner of recovery waits for.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Whether some operation met an answer that a missing or broken device gives.
///
/// Rings between two calls of [`Suspicion::wait`] count as one: a burst of failures makes the owner look once.
#[derive(Debug, Default)]
pub struct Suspicion {
    raised: Mutex<bool>,
    rung: Condvar,
}

impl Suspicion {
    /// Rings. Also the way to wake the owner for another reason, such as shutdown.
    pub fn raise(&self) {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        if !*raised {
            *raised = true;
            self.rung.notify_one();
        }
    }

    /// Waits until somebody rings, at most for `timeout`; true if so. Takes the ring back: one waiter sees it.
    pub fn wait(&self, timeout: Duration) -> bool {
        let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut raised, _) =
            self.rung.wait_timeout_while(raised, timeout, |raised| !*raised).unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *raised)
    }
}
