//! The handles that keys keep from one use to the next. The least recently used one is evicted first.

use std::sync::{Arc, Mutex, PoisonError};

use claviger_pkcs11::Key;
use lru::LruCache;

use super::key::ManagedKey;
use super::slot::Registry;

/// The part of the handles that is evicted when the token is full: one in this many, by how often it was full for one
/// call.
const PARTS: [usize; ROOMS] = [8, 4, 2, 1];

/// The number of times that one call makes room.
pub(super) const ROOMS: usize = 4;

/// The minimum number of evicted handles, because other calls make objects at the same time.
const LEAST: usize = 16;

/// The handles of session objects. Handles of token objects are not counted, because evicting them would free no room
/// in the token.
pub(super) struct Handles(Arc<Registry>);

impl Handles {
    /// Makes a registry that keeps at most this many handles. `None`: no limit.
    pub(super) fn new(most: Option<usize>) -> Self {
        let used = Mutex::new(LruCache::unbounded());
        Self(Arc::new(Registry { most: most.unwrap_or(usize::MAX), used }))
    }

    /// Returns the handle that the key keeps.
    pub(super) fn of(&self, key: &ManagedKey) -> Option<Key> {
        let handle = key.slot.get()?;
        let mut used = self.0.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.promote(&key.slot.number);
        drop(used);
        Some(handle)
    }

    /// Makes the key keep this handle.
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

    /// Removes the handle of the key.
    pub(super) fn forget(&self, key: &ManagedKey) {
        key.slot.set(None);
        self.0.remove(key.slot.number);
    }

    /// Makes room for one more handle.
    pub(super) fn make_room(&self) {
        self.0.evict(self.0.most.saturating_sub(1));
    }

    /// Evicts a part of the handles, because the token is full. Returns false if none was evicted. `time`: how often
    /// the token was full for this call before.
    pub(super) fn evict_some(&self, time: usize) -> bool {
        let count = self.0.used.lock().unwrap_or_else(PoisonError::into_inner).len();
        let part = PARTS.get(time).map_or(count, |part| count.div_ceil(*part));
        self.0.evict(count.saturating_sub(part.max(LEAST)))
    }
}
