//! The suspicion that the device is unavailable. Any operation can raise it. The owner of the recovery waits for it,
//! looks at the device, and reports the result to operations that wait.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whether an operation got an answer that a missing or broken device gives.
///
/// All raises between two calls of [`Suspicion::wait`] count as one, so that a burst of failures makes the owner look
/// once.
#[derive(Debug, Default)]
pub struct Suspicion {
    state: Mutex<State>,
    rung: Condvar,
    looked: Condvar,
}

#[derive(Debug, Default)]
struct State {
    raised: bool,
    /// The number of looks of the owner that have begun, and that have ended.
    begun: u64,
    ended: u64,
    /// Whether the device failed at the end of the last look.
    failed: bool,
}

impl Suspicion {
    /// Raises the suspicion. This also wakes the owner for another reason, such as shutdown.
    pub fn raise(&self) {
        self.ring(&mut self.lock());
    }

    /// Waits until the suspicion is raised, at most for `timeout`. Returns whether it was, and lowers it: only one
    /// waiter sees it. A look begins, which [`Self::looked`] ends.
    pub fn wait(&self, timeout: Duration) -> bool {
        let (mut state, _) = self
            .rung
            .wait_timeout_while(self.lock(), timeout, |state| !state.raised)
            .unwrap_or_else(PoisonError::into_inner);
        state.begun += 1;
        std::mem::take(&mut state.raised)
    }

    /// Ends the look and wakes the operations that wait for it. The result counts until the next look.
    pub fn looked(&self, is_well: bool) {
        let mut state = self.lock();
        state.ended = state.begun;
        state.failed = !is_well;
        drop(state);
        self.looked.notify_all();
    }

    /// Notes that the owner begins to recover the device. Operations that fail from now on wait for the result.
    pub fn hope(&self) {
        self.lock().failed = false;
    }

    /// Raises the suspicion and waits until the owner has looked and has replaced what was lost, at most for `timeout`.
    /// Returns false if the device fails. Does not wait if the last look found that it fails.
    pub fn settle(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        // A look that is running now may have begun before the caller's call failed.
        let awaited = state.begun + 1;
        self.ring(&mut state);
        while !state.failed && state.ended < awaited {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let (woken, _) = self.looked.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            state = woken;
        }
        !state.failed
    }

    fn ring(&self, state: &mut State) {
        if !state.raised {
            state.raised = true;
            self.rung.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "allowed in tests")]

    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn who_settles_waits_for_a_look_that_began_afterwards() {
        let bell = Suspicion::default();
        // A look is running.
        bell.wait(Duration::ZERO);
        thread::scope(|scope| {
            let settled = scope.spawn(|| bell.settle(LONG));
            assert!(bell.wait(LONG), "it rings");
            bell.looked(true);
            assert!(settled.join().unwrap());
        });
    }

    #[test]
    fn rings_count_once() {
        let bell = Suspicion::default();
        bell.raise();
        bell.raise();
        assert!(bell.wait(Duration::ZERO));
        assert!(!bell.wait(Duration::ZERO));
    }

    #[test]
    fn nobody_waits_for_a_device_that_is_known_to_fail() {
        let bell = Suspicion::default();
        bell.wait(Duration::ZERO);
        bell.looked(false);
        let began = Instant::now();
        assert!(!bell.settle(LONG));
        assert!(began.elapsed() < LONG / 2);
        // It raises the suspicion nevertheless.
        assert!(bell.wait(Duration::ZERO));
        bell.looked(true);
        assert!(!bell.settle(Duration::ZERO), "no look has ended since");
    }
}
