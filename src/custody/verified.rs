//! Rows whose binding this process has made or checked: read again, they cost no call of the token.

use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use openssl::sha::Sha256;

/// The most that are remembered, at about 90 bytes each.
const MOST: usize = 65_536;

/// Digests of rows (SHA-256 of what their bindings cover) with their bindings; the one met least recently goes.
pub(super) struct Verified(Mutex<LruCache<[u8; 32], ()>>);

impl Default for Verified {
    fn default() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl Verified {
    /// Whether this binding was seen to be that of the row with this digest.
    pub(super) fn knows(&self, row: &[u8; 32], binding: &[u8]) -> bool {
        self.lock().get(&both(row, binding)).is_some()
    }

    /// The binding is that of the row with this digest.
    pub(super) fn remember(&self, row: &[u8; 32], binding: &[u8]) {
        let mut seen = self.lock();
        seen.put(both(row, binding), ());
        if seen.len() > MOST {
            seen.pop_lru();
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<[u8; 32], ()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn both(row: &[u8; 32], binding: &[u8]) -> [u8; 32] {
    let mut state = Sha256::new();
    state.update(row);
    state.update(binding);
    state.finish()
}
