//! Rows whose binding this process has made or checked: read again, they cost no call of the token.

use std::sync::{Mutex, PoisonError};

use lru::LruCache;
use openssl::sha::Sha256;

/// The most that are remembered, at about 90 bytes each.
const MOST: usize = 65_536;

/// Digests of rows together with their bindings; the one met least recently goes.
pub(super) struct Verified(Mutex<LruCache<[u8; 32], ()>>);

impl Default for Verified {
    fn default() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl Verified {
    /// Whether this binding was seen to be that of this row.
    pub(super) fn knows(&self, bound: &[u8], binding: &[u8]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&digest(bound, binding)).is_some()
    }

    /// The binding is that of this row.
    pub(super) fn remember(&self, bound: &[u8], binding: &[u8]) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.put(digest(bound, binding), ());
        if seen.len() > MOST {
            seen.pop_lru();
        }
    }
}

/// SHA-256 of both, each behind its length.
fn digest(bound: &[u8], binding: &[u8]) -> [u8; 32] {
    let mut state = Sha256::new();
    for part in [bound, binding] {
        state.update(&part.len().to_le_bytes());
        state.update(part);
    }
    state.finish()
}
