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
    /// How often an object was there when it was asked for, and how often not.
    hits: u64,
    misses: u64,
    /// Counts changes: what was read from the database before one is not put in after it.
    changes: u64,
}

/// What the cache of objects, and so of handles, holds and has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheFigures {
    /// Objects in it.
    pub objects: usize,
    /// Objects found in it.
    pub hits: u64,
    /// Objects asked for that were not in it, those that do not exist among them.
    pub misses: u64,
}

/// The moment before a row was read.
#[derive(Clone, Copy)]
pub(super) struct Before(u64);

impl Cache {
    pub(super) fn new() -> Self {
        Self { inner: Mutex::new(Inner { objects: LruCache::new(CAPACITY), hits: 0, misses: 0, changes: 0 }) }
    }

    pub(super) fn get(&self, id: &str) -> Result<Arc<Object>, Before> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let found = inner.objects.get(id).map(Arc::clone);
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
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        CacheFigures { objects: inner.objects.len(), hits: inner.hits, misses: inner.misses }
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
