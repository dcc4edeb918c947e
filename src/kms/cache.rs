//! The cache of objects whose row was read and whose binding was checked, with the handles of their keys.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::object::Object;
use crate::store::object::Object as Row;

/// The memory of an object in addition to the content of its row, in bytes: attributes, two keys, their handles, and
/// the objects of an HSM token in the same process (SoftHSM). 10 KiB were measured.
const FIXED: usize = 12 << 10;

/// The cache. Its objects, and therefore also the keys that are unwrapped in the HSM token, take at most `capacity`
/// bytes; the least recently used object is evicted first. An object that another server over the same database changes is
/// forgotten as soon as this server hears of it ([`super::gate`]).
pub(super) struct Cache {
    /// In bytes.
    capacity: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    objects: LruCache<String, Kept>,
    /// The size of the objects, in bytes.
    bytes: usize,
    /// The number of look-ups that found an object; `misses`: that found none.
    hits: u64,
    misses: u64,
    /// The number of changes. What was read from the database before a change is not put into the cache after it.
    changes: u64,
}

struct Kept {
    object: Arc<Object>,
    size: usize,
}

/// The figures of the cache of objects and handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheFigures {
    /// Number of objects in it.
    pub objects: usize,
    /// Their size, in bytes.
    pub bytes: usize,
    /// Number of look-ups that found the object.
    pub hits: u64,
    /// Number of look-ups that did not, including those of objects that do not exist.
    pub misses: u64,
}

/// The number of changes when a row was read.
#[derive(Clone, Copy)]
pub(super) struct Before(u64);

/// The memory that the object of a row takes, in bytes. The JSON text is longer than what is parsed from it, and the
/// key exists three times.
pub(super) fn size(row: &Row) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let material = row.material.bytes().map_or(0, <[u8]>::len);
    FIXED + row.attributes.len() + 4 * (material + text(&row.grants) + text(&row.pending))
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        let inner = Inner { objects: LruCache::unbounded(), bytes: 0, hits: 0, misses: 0, changes: 0 };
        Self { capacity, inner: Mutex::new(inner) }
    }

    pub(super) fn get(&self, id: &str) -> Result<Arc<Object>, Before> {
        let mut inner = self.lock();
        let found = inner.objects.get(id).map(|kept| Arc::clone(&kept.object));
        match found {
            Some(object) => {
                inner.hits += 1;
                Ok(object)
            }
            None => {
                inner.misses += 1;
                Err(Before(inner.changes))
            }
        }
    }

    /// The figures of the cache.
    pub(super) fn figures(&self) -> CacheFigures {
        let inner = self.lock();
        CacheFigures { objects: inner.objects.len(), bytes: inner.bytes, hits: inner.hits, misses: inner.misses }
    }

    /// Puts in an object of `size` bytes that was read from the database, unless an object was changed since then: it
    /// may be this one.
    pub(super) fn put(&self, object: &Arc<Object>, size: usize, before: Before) {
        let mut inner = self.lock();
        if inner.changes != before.0 || size > self.capacity {
            return;
        }
        let kept = Kept { object: Arc::clone(object), size };
        // Evicted objects are dropped after the lock is released, because they may hold the last handle of a key.
        let mut gone: Vec<Kept> =
            inner.objects.push(object.id.clone(), kept).map(|(_, former)| former).into_iter().collect();
        inner.bytes += size;
        inner.bytes -= gone.iter().map(|kept| kept.size).sum::<usize>();
        gone.extend(inner.shrink(self.capacity));
        drop(inner);
        drop(gone);
    }

    /// Replaces the cached object with this identifier, if there is one. Called after the change is on disk.
    pub(super) fn replace(&self, object: &Arc<Object>, size: usize) {
        let mut inner = self.lock();
        inner.changes += 1;
        let Some(kept) = inner.objects.peek_mut(&object.id) else { return };
        // Another server may have changed the object since, and another thread may have read that.
        if kept.object.version > object.version {
            return;
        }
        let former = std::mem::replace(kept, Kept { object: Arc::clone(object), size });
        inner.bytes = inner.bytes + size - former.size;
        let gone = inner.shrink(self.capacity);
        drop(inner);
        drop((former, gone));
    }

    /// Removes an object. Called after its change is on disk.
    pub(super) fn forget(&self, id: &str) {
        let mut inner = self.lock();
        inner.changes += 1;
        let forgotten = inner.objects.pop(id);
        inner.bytes -= forgotten.as_ref().map_or(0, |kept| kept.size);
        drop(inner);
        drop(forgotten);
    }

    /// Removes all objects.
    pub(super) fn clear(&self) {
        let mut inner = self.lock();
        inner.changes += 1;
        inner.bytes = 0;
        let gone = std::mem::replace(&mut inner.objects, LruCache::unbounded());
        drop(inner);
        drop(gone);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Removes the least recently used objects until the rest takes at most `capacity` bytes.
    fn shrink(&mut self, capacity: usize) -> Vec<Kept> {
        let mut gone = Vec::new();
        while self.bytes > capacity
            && let Some((_, kept)) = self.objects.pop_lru()
        {
            self.bytes -= kept.size;
            gone.push(kept);
        }
        gone
    }
}
