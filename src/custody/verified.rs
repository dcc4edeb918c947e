//! Rows whose binding this process has made or checked. Reading them again needs no call of the token.

use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use openssl::sha::Sha256;

/// The maximum number of remembered bindings, at about 90 bytes each.
const MOST: usize = 65_536;

/// Digests of pairs: the SHA-256 of what a MAC covers, and the MAC. The least recently used one is evicted.
pub(super) struct Verified(Mutex<LruCache<[u8; 32], ()>>);

impl Default for Verified {
    fn default() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl Verified {
    /// Whether `mac` was seen to be the MAC of the bytes with this digest.
    pub(super) fn knows(&self, digest: &[u8; 32], mac: &[u8]) -> bool {
        self.lock().get(&both(digest, mac)).is_some()
    }

    /// Notes that `mac` is the MAC of the bytes with this digest.
    pub(super) fn remember(&self, digest: &[u8; 32], mac: &[u8]) {
        let mut seen = self.lock();
        seen.put(both(digest, mac), ());
        if seen.len() > MOST {
            seen.pop_lru();
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<[u8; 32], ()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn both(digest: &[u8; 32], mac: &[u8]) -> [u8; 32] {
    let mut state = Sha256::new();
    state.update(digest);
    state.update(mac);
    state.finish()
}
