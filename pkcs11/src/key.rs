//! Handles of keys, bound to the device that gave them, and what becomes of them when nobody holds them any more.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cryptoki::object::ObjectHandle;

use crate::error::Error;

/// Which device a key belongs to. Unique in the process, so that neither a later device of the same token nor one of another
/// token takes it for its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(pub(crate) u64);

/// A key inside the token: a handle, never material. Clones are the same key.
///
/// A session key is destroyed some time after its last clone is dropped, in the next call that needs the anchor session or in
/// [`crate::Device::reap`]; dropping never calls the token. A token key stays.
#[derive(Clone)]
pub struct Key(Arc<Held>);

struct Held {
    handle: ObjectHandle,
    generation: Generation,
    bytes: Option<usize>,
    destroyed: AtomicBool,
    /// Of session keys only: token keys outlive their handles.
    graveyard: Option<Arc<Graveyard>>,
}

impl Key {
    pub(crate) fn session(
        handle: ObjectHandle,
        generation: Generation,
        bytes: Option<usize>,
        graveyard: &Arc<Graveyard>,
    ) -> Self {
        Self(Arc::new(Held {
            handle,
            generation,
            bytes,
            destroyed: AtomicBool::new(false),
            graveyard: Some(Arc::clone(graveyard)),
        }))
    }

    pub(crate) fn token(handle: ObjectHandle, generation: Generation, bytes: Option<usize>) -> Self {
        Self(Arc::new(Held { handle, generation, bytes, destroyed: AtomicBool::new(false), graveyard: None }))
    }

    /// The handle, for the device of this generation only: a later one may have given the number to another object.
    pub(crate) fn handle(&self, generation: Generation) -> Result<ObjectHandle, Error> {
        if self.0.generation == generation && !self.0.destroyed.load(Ordering::Acquire) {
            Ok(self.0.handle)
        } else {
            Err(Error::Stale)
        }
    }

    /// Length of the key in bytes; `None` for private keys, and for a token object that does not tell (CKA_VALUE_LEN).
    pub fn bytes(&self) -> Option<usize> {
        self.0.bytes
    }

    /// Whether this is a token object, which stays when the process ends.
    pub fn is_token_object(&self) -> bool {
        self.0.graveyard.is_none()
    }

    /// From here on every clone is stale, before the token can give the handle to another object.
    pub(crate) fn mark_destroyed(&self) {
        self.0.destroyed.store(true, Ordering::Release);
    }

    /// The token says that it does not have the object: from here on every clone is stale, and nothing is destroyed by the handle,
    /// which may be that of another object by then.
    pub fn mark_lost(&self) {
        self.mark_destroyed();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("handle", &self.0.handle.handle())
            .field("generation", &self.0.generation.0)
            .field("bytes", &self.0.bytes)
            .field("token", &self.is_token_object())
            .finish()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let (Some(graveyard), false) = (&self.graveyard, self.destroyed.load(Ordering::Acquire)) {
            graveyard.bury(self.handle);
        }
    }
}

/// Session objects that nobody can name any more and that are still to be destroyed. It outlives its device harmlessly: the
/// objects ended with the anchor session.
#[derive(Default)]
pub(crate) struct Graveyard(Mutex<Vec<ObjectHandle>>);

impl Graveyard {
    fn bury(&self, handle: ObjectHandle) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
    }

    /// Takes out at most `limit` handles, so that one caller does not pay for everybody.
    pub(crate) fn exhume(&self, limit: usize) -> Vec<ObjectHandle> {
        let mut buried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = buried.len().saturating_sub(limit);
        buried.split_off(rest)
    }
}

/// CKA_ID of a token key: 20 random bytes, which make it unique without asking the token (C_FindObjects is a linear scan).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 20]);

impl KeyId {
    /// The bytes as they stand in CKA_ID.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl From<[u8; 20]> for KeyId {
    fn from(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A key found on the token.
#[derive(Debug, Clone)]
pub struct TokenKey {
    /// CKA_ID, whoever gave it.
    pub id: Vec<u8>,
    /// CKA_LABEL; bytes that are not UTF-8 are replaced.
    pub label: String,
    /// The key.
    pub key: Key,
}
