//! The place where a key keeps its handle.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, Weak};

use claviger_pkcs11::Key;
use lru::LruCache;

/// The handles that keys keep, by the number of their slot.
pub(super) struct Registry {
    pub(super) most: usize,
    pub(super) used: Mutex<LruCache<u64, Weak<Slot>>>,
}

/// The place where a key keeps its handle.
pub(super) struct Slot {
    pub(super) number: u64,
    handle: Mutex<Option<Key>>,
    pub(super) registry: OnceLock<Weak<Registry>>,
}

impl Default for Slot {
    fn default() -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self { number, handle: Mutex::default(), registry: OnceLock::new() }
    }
}

impl Slot {
    pub(super) fn get(&self) -> Option<Key> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, handle: Option<Key>) {
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
    pub(super) fn remove(&self, number: u64) {
        let removed = self.used.lock().unwrap_or_else(PoisonError::into_inner).pop(&number);
        drop(removed);
    }

    /// Evicts the least recently used handles until at most `most` are left. Returns false if none was evicted.
    pub(super) fn evict(&self, most: usize) -> bool {
        let mut evicted = false;
        loop {
            let next = {
                let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
                if used.len() <= most { None } else { used.pop_lru() }
            };
            // Not under the lock: dropping a key's slot takes the lock too.
            let Some((_, slot)) = next else { return evicted };
            if let Some(slot) = slot.upgrade() {
                slot.set(None);
                evicted = true;
            }
        }
    }
}
