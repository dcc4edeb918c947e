//! Token objects that are destroyed, each once: the number of a handle that has ended may be that of another key.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;

/// How many of the last that were destroyed are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// How long one waits for another who is at it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Those that are being destroyed, and the last that were, by their `CKA_ID`s.
pub(super) struct Leaving {
    state: Mutex<State>,
    left: Condvar,
}

struct State {
    under_way: HashSet<Vec<u8>>,
    gone: LruCache<Vec<u8>, ()>,
}

/// What becomes of one that is to be destroyed.
pub(super) enum Claim<'a> {
    /// It is destroyed.
    Gone,
    /// Somebody else is at it, for longer than anybody waits.
    UnderWay,
    /// The caller may do it.
    Own(Own<'a>),
}

/// The right to destroy one; given up when dropped.
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

    /// Whether it is one of the last that were destroyed.
    pub(super) fn is_gone(&self, cka_id: &[u8]) -> bool {
        self.lock().gone.contains(cka_id)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Own<'_> {
    /// It is destroyed.
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
