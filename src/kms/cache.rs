//! Objects whose row was read and whose binding was checked, with the handles of their keys.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::object::Object;

/// Objects in memory, and so keys unwrapped in the token, at most; the one used least recently goes.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// The cache. This server is the only writer of its database, so what it changes is all that changes.
pub(super) struct Cache {
    inner: Mutex<Inner>,
}

struct Inner {
    objects: LruCache<String, Arc<Object>>,
    /// Counts changes: what was read from the database before one is not put in after it.
    changes: u64,
}

/// The moment before a row was read.
#[derive(Clone, Copy)]
pub(super) struct Before(u64);

impl Cache {
    pub(super) fn new() -> Self {
        Self { inner: Mutex::new(Inner { objects: LruCache::new(CAPACITY), changes: 0 }) }
    }

    pub(super) fn get(&self, id: &str) -> Result<Arc<Object>, Before> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = inner.changes;
        inner.objects.get(id).map(Arc::clone).ok_or(Before(changes))
    }

    /// Puts in what was read, unless something changed since: it may be this object.
    pub(super) fn put(&self, object: &Arc<Object>, before: Before) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.changes == before.0 {
            // What is pushed out is dropped after the lock: it may hold the last handle of a key.
            let pushed_out = inner.objects.push(object.id.clone(), Arc::clone(object));
            drop(inner);
            drop(pushed_out);
        }
    }

    /// Forgets an object, after its change is on disk.
    pub(super) fn forget(&self, id: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.changes += 1;
        let forgotten = inner.objects.pop(id);
        drop(inner);
        drop(forgotten);
    }
}
