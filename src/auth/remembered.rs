//! Credentials that verified recently. Failures are never remembered.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use openssl::sha::sha256;

use super::access_token::Live;
use crate::principal::Caller;

/// The time for which a credential is remembered.
const MEMORY: Duration = Duration::from_secs(60);

/// The maximum number of remembered credentials.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// The state on which a remembered credential depends.
#[derive(Debug, Clone)]
pub(super) enum Basis {
    /// The keys of an issuer, by their generation.
    Issuer(u64),
    /// The object whose value the API token is, by version.
    ApiToken(i64),
    /// An access token of this server.
    AccessToken {
        /// The row of the token.
        live: Arc<Live>,
        /// The time at which this form of the token was issued, in seconds since 1970-01-01 UTC.
        issued: i64,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Memory {
    pub(super) caller: Caller,
    pub(super) basis: Basis,
    /// The time at which the credential expires, in seconds since 1970-01-01 UTC.
    pub(super) expires: i64,
    since: Instant,
}

/// The remembered credentials, by the SHA-256 of the whole credential, which reveals nothing about it.
pub(super) struct Remembered(Mutex<LruCache<[u8; 32], Memory>>);

impl Remembered {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(CAPACITY)))
    }

    pub(super) fn find(&self, credential: &str, now: i64) -> Option<Memory> {
        let key = sha256(credential.as_bytes());
        let mut memories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = memories.get(&key)?.clone();
        if memory.since.elapsed() > MEMORY || memory.expires <= now {
            memories.pop(&key);
            return None;
        }
        Some(memory)
    }

    pub(super) fn put(&self, credential: &str, caller: Caller, basis: Basis, expires: i64) {
        let memory = Memory { caller, basis, expires, since: Instant::now() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(sha256(credential.as_bytes()), memory);
    }

    pub(super) fn forget(&self, credential: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop(&sha256(credential.as_bytes()));
    }
}
