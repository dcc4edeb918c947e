//! The handles that keys keep from one use to the next, the one used least recently first to go.

use std::sync::{Arc, Mutex, PoisonError};

use claviger_pkcs11::Key;
use lru::LruCache;

use super::key::ManagedKey;
use super::slot::Registry;

/// The part of the handles that goes when the token has no room for another object, one in so many, by how often it had none.
const PARTS: [usize; ROOMS] = [8, 4, 2, 1];

/// How often room is made for one call.
pub(super) const ROOMS: usize = 4;

/// How many go at least: others make objects at the same time.
const LEAST: usize = 16;

/// The handles of session objects. Those of token objects take no room in the token that could be freed.
pub(super) struct Handles(Arc<Registry>);

impl Handles {
    /// At most so many are kept, if there is a number.
    pub(super) fn new(most: Option<usize>) -> Self {
        let used = Mutex::new(LruCache::unbounded());
        Self(Arc::new(Registry { most: most.unwrap_or(usize::MAX), used }))
    }

    /// The handle that the key has kept.
    pub(super) fn of(&self, key: &ManagedKey) -> Option<Key> {
        let handle = key.slot.get()?;
        let mut used = self.0.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.promote(&key.slot.number);
        drop(used);
        Some(handle)
    }

    /// The key keeps this handle.
    pub(super) fn keep(&self, key: &ManagedKey, handle: Key) {
        let is_session_object = !handle.is_token_object();
        key.slot.set(Some(handle));
        if is_session_object {
            key.slot.registry.get_or_init(|| Arc::downgrade(&self.0));
            let mut used = self.0.used.lock().unwrap_or_else(PoisonError::into_inner);
            let former = used.put(key.slot.number, Arc::downgrade(&key.slot));
            drop(used);
            drop(former);
            self.0.evict(self.0.most);
        }
    }

    /// The key has no handle any longer.
    pub(super) fn forget(&self, key: &ManagedKey) {
        key.slot.set(None);
        self.0.remove(key.slot.number);
    }

    /// Makes room for one more.
    pub(super) fn make_room(&self) {
        self.0.evict(self.0.most.saturating_sub(1));
    }

    /// Lets a part of the handles go, because the token is full; false if no handle went. `time`: how often that was so before, for one
    /// call.
    pub(super) fn evict_some(&self, time: usize) -> bool {
        let count = self.0.used.lock().unwrap_or_else(PoisonError::into_inner).len();
        let part = PARTS.get(time).map_or(count, |part| count.div_ceil(*part));
        self.0.evict(count.saturating_sub(part.max(LEAST)))
    }
}
