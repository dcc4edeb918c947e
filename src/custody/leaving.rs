//! Destruction of token objects. Each object is destroyed only once, because the number of a destroyed object may
//! belong to another key.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;

/// The number of the last destroyed objects that are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// The time for which a caller waits for another caller that destroys the same object.
const PATIENCE: Duration = Duration::from_secs(2);

/// The objects that are being destroyed, and the last destroyed ones, by `CKA_ID`.
pub(super) struct Leaving {
    state: Mutex<State>,
    left: Condvar,
}

struct State {
    under_way: HashSet<Vec<u8>>,
    gone: LruCache<Vec<u8>, ()>,
}

/// The answer to a caller that wants to destroy an object.
pub(super) enum Claim<'a> {
    /// The object is destroyed already.
    Gone,
    /// Another caller is destroying it, and did not finish in time.
    UnderWay,
    /// The caller may destroy it.
    Own(Own<'a>),
}

/// The right to destroy an object. Dropping it gives the right up.
pub(super) struct Own<'a> {
    leaving: &'a Leaving,
    cka_id: &'a [u8],
}

impl Leaving {
    pub(super) fn new() -> Self {
        let state = State { under_way: HashSet::new(), gone: LruCache::new(REMEMBERED) };
        Self { state: Mutex::new(state), left: Condvar::new() }
    }

    pub(super) fn claim<'a>(&'a self, cka_id: &'a [u8]) -> Claim<'a> {
        let is_under_way = |state: &mut State| state.under_way.contains(cka_id);
        let waited = self.left.wait_timeout_while(self.lock(), PATIENCE, is_under_way);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.gone.contains(cka_id) {
            return Claim::Gone;
        }
        if !state.under_way.insert(cka_id.to_vec()) {
            return Claim::UnderWay;
        }
        Claim::Own(Own { leaving: self, cka_id })
    }

    /// Whether the object is one of the last destroyed ones.
    pub(super) fn is_gone(&self, cka_id: &[u8]) -> bool {
        self.lock().gone.contains(cka_id)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Own<'_> {
    /// Notes that the object is destroyed.
    pub(super) fn done(self) {
        self.leaving.lock().gone.put(self.cka_id.to_vec(), ());
    }
}

impl Drop for Own<'_> {
    fn drop(&mut self) {
        self.leaving.lock().under_way.remove(self.cka_id);
        self.leaving.left.notify_all();
    }
}
