//! Objects whose row was read and whose binding was checked, with the handles of their keys.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::object::Object;
use crate::store::object::Object as Row;

/// What an object takes beside what its row holds, in bytes: attributes, two keys, their handles, and what those are in a token
/// within this process (SoftHSM): 10 KiB in all were measured.
const FIXED: usize = 12 << 10;

/// The cache. Its objects, and so the keys that are unwrapped in the token, take so many bytes at most; the one used least
/// recently goes. This server is the only writer of its database, so what it changes is all that changes.
pub(super) struct Cache {
    /// In bytes.
    capacity: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    objects: LruCache<String, Kept>,
    /// What they take.
    bytes: usize,
    /// How often an object was there when it was asked for, and how often not.
    hits: u64,
    misses: u64,
    /// Counts changes: what was read from the database before one is not put in after it.
    changes: u64,
}

struct Kept {
    object: Arc<Object>,
    size: usize,
}

/// What the cache of objects, and so of handles, holds and has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheFigures {
    /// Objects in it.
    pub objects: usize,
    /// What they take, in bytes.
    pub bytes: usize,
    /// Objects found in it.
    pub hits: u64,
    /// Objects asked for that were not in it, those that do not exist among them.
    pub misses: u64,
}

/// The moment before a row was read.
#[derive(Clone, Copy)]
pub(super) struct Before(u64);

/// What the object of a row takes in memory, in bytes: its JSON is longer than what is read from it, and the key is there three times.
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

    /// What the cache has done so far.
    pub(super) fn figures(&self) -> CacheFigures {
        let inner = self.lock();
        CacheFigures { objects: inner.objects.len(), bytes: inner.bytes, hits: inner.hits, misses: inner.misses }
    }

    /// Puts in what was read and takes so many bytes, unless something changed since: it may be this object.
    pub(super) fn put(&self, object: &Arc<Object>, size: usize, before: Before) {
        let mut inner = self.lock();
        if inner.changes != before.0 || size > self.capacity {
            return;
        }
        let kept = Kept { object: Arc::clone(object), size };
        // What goes is dropped after the lock: it may hold the last handle of a key.
        let mut gone: Vec<Kept> =
            inner.objects.push(object.id.clone(), kept).map(|(_, former)| former).into_iter().collect();
        inner.bytes += size;
        inner.bytes -= gone.iter().map(|kept| kept.size).sum::<usize>();
        gone.extend(inner.shrink(self.capacity));
        drop(inner);
        drop(gone);
    }

    /// Puts an object in the place of the one with its identifier, if that is there, after its change is on disk.
    pub(super) fn replace(&self, object: &Arc<Object>, size: usize) {
        let mut inner = self.lock();
        inner.changes += 1;
        let Some(kept) = inner.objects.peek_mut(&object.id) else { return };
        let former = std::mem::replace(kept, Kept { object: Arc::clone(object), size });
        inner.bytes = inner.bytes + size - former.size;
        let gone = inner.shrink(self.capacity);
        drop(inner);
        drop((former, gone));
    }

    /// Forgets an object, after its change is on disk.
    pub(super) fn forget(&self, id: &str) {
        let mut inner = self.lock();
        inner.changes += 1;
        let forgotten = inner.objects.pop(id);
        inner.bytes -= forgotten.as_ref().map_or(0, |kept| kept.size);
        drop(inner);
        drop(forgotten);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Takes out what was used least recently, until the rest takes at most so many bytes.
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
