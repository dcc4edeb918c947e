//! Whether the writer's thread moves: since when it has been doing its present step.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What the thread is doing.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// It waits for work, or for the HSM. The calls of the HSM have their own time limit.
    Waits,
    Works(Instant),
    Ended,
}

/// The present step of the writer's thread.
#[derive(Debug)]
pub struct Pulse(Mutex<Step>);

impl Default for Pulse {
    fn default() -> Self {
        Self(Mutex::new(Step::Waits))
    }
}

thread_local! {
    /// The pulse of this thread, if it is the writer's.
    static OWN: RefCell<Option<Arc<Pulse>>> = const { RefCell::new(None) };
}

/// The life of the writer's thread. Its end, also by a panic, is the end of the pulse.
pub(super) struct Living(Arc<Pulse>);

impl Drop for Living {
    fn drop(&mut self) {
        self.0.set(Step::Ended);
    }
}

impl Pulse {
    /// Begins the pulse of this thread.
    pub(super) fn begin(self: &Arc<Self>) -> Living {
        OWN.set(Some(Arc::clone(self)));
        Living(Arc::clone(self))
    }

    /// A step of the work begins now.
    pub(super) fn works(&self) {
        self.set(Step::Works(Instant::now()));
    }

    /// The thread waits for work.
    pub(super) fn waits(&self) {
        self.set(Step::Waits);
    }

    /// Returns whether the thread has ended, or has been doing one step of its work for longer than `limit`.
    #[must_use]
    pub fn is_stuck(&self, limit: Duration) -> bool {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Step::Waits => false,
            Step::Works(since) => since.elapsed() > limit,
            Step::Ended => true,
        }
    }

    fn set(&self, step: Step) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }
}

/// Calls the HSM. In the writer's thread, the time of the call does not count as time of the step.
pub(super) fn outside<T>(call: impl FnOnce() -> T) -> T {
    let own = OWN.with_borrow(Clone::clone);
    if let Some(own) = &own {
        own.waits();
    }
    let answer = call();
    if let Some(own) = &own {
        own.works();
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_step_and_the_end_are_stuck() {
        let pulse = Arc::new(Pulse::default());
        assert!(!pulse.is_stuck(Duration::ZERO));
        let own = Arc::clone(&pulse);
        let seen = std::thread::spawn(move || {
            let _living = own.begin();
            own.works();
            let works = (own.is_stuck(Duration::MAX), own.is_stuck(Duration::ZERO));
            let calls = outside(|| own.is_stuck(Duration::ZERO));
            let after = own.is_stuck(Duration::ZERO);
            own.waits();
            (works, calls, after, own.is_stuck(Duration::ZERO))
        });
        assert_eq!(seen.join().unwrap(), ((false, true), false, true, false));
        assert!(pulse.is_stuck(Duration::MAX), "the thread has ended");
        // Another thread has no pulse.
        assert_eq!(outside(|| 7), 7);
    }
}
