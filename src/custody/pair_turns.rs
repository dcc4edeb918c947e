//! The queue of callers that make RSA pairs.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::error::Error;

/// The maximum number of callers that wait until another RSA pair is made.
const MAX_WAITING: usize = 4;

/// The time for which a caller waits. SoftHSM needs some seconds for a pair of 4096 bits.
const DEADLINE: Duration = Duration::from_secs(10);

/// Allows one RSA pair at a time, because each holds a session and a processor for seconds.
#[derive(Default)]
pub(super) struct Turns {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    taken: bool,
    waiting: usize,
}

/// The right to make an RSA pair.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(super) fn take(&self) -> Result<Turn<'_>, Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.taken && state.waiting >= MAX_WAITING {
            return Err(Error::PairsUnderWay);
        }
        state.waiting += 1;
        let waited = self.freed.wait_timeout_while(state, DEADLINE, |state| state.taken);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        if state.taken {
            return Err(Error::PairsUnderWay);
        }
        state.taken = true;
        Ok(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).taken = false;
        self.0.freed.notify_one();
    }
}
