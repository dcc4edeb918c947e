//! The handles that keys keep from one use to the next, the one used least recently first to go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use claviger_pkcs11::Key;
use lru::LruCache;

use super::ManagedKey;

/// The part of the handles that goes when the token has no room for another object, one in so many, by how often it had none.
const PARTS: [usize; ROOMS] = [8, 4, 2, 1];

/// How often room is made for one call.
pub(super) const ROOMS: usize = 4;

/// How many go at least: others make objects at the same time.
const LEAST: usize = 16;

/// The handles of session objects. Those of token objects take no room in the token that could be freed.
pub(super) struct Handles(Arc<Registry>);

struct Registry {
    most: usize,
    used: Mutex<LruCache<u64, Weak<Slot>>>,
}

/// Where a key keeps its handle.
pub(super) struct Slot {
    number: u64,
    handle: Mutex<Option<Key>>,
    registry: OnceLock<Weak<Registry>>,
}

impl Default for Slot {
    fn default() -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self { number, handle: Mutex::default(), registry: OnceLock::new() }
    }
}

impl Slot {
    fn get(&self) -> Option<Key> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, handle: Option<Key>) {
        let former = std::mem::replace(&mut *self.handle.lock().unwrap_or_else(PoisonError::into_inner), handle);
        drop(former);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.get().and_then(Weak::upgrade) {
            registry.remove(self.number);
        }
    }
}

impl Registry {
    fn remove(&self, number: u64) {
        let removed = self.used.lock().unwrap_or_else(PoisonError::into_inner).pop(&number);
        drop(removed);
    }

    /// Lets the handles used least recently go until at most `most` are left; false if none went.
    fn evict(&self, most: usize) -> bool {
        let mut evicted = false;
        loop {
            let next = {
                let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
                if used.len() <= most { None } else { used.pop_lru() }
            };
            // Without the lock: a key that goes with its slot asks for it.
            let Some((_, slot)) = next else { return evicted };
            if let Some(slot) = slot.upgrade() {
                slot.set(None);
                evicted = true;
            }
        }
    }
}

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
