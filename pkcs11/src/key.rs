//! Handles of keys. A handle is bound to the device that gave it, and its session object is destroyed after its
//! last clone is dropped.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cryptoki::object::ObjectHandle;

use crate::error::Error;

/// The device that a key belongs to. It is unique in the process, so that no later device of the same token and no
/// device of another token accepts the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(pub(crate) u64);

/// A key inside the token: a handle without key material. Clones are the same key.
///
/// A session key is destroyed some time after its last clone is dropped: in the next call that needs the anchor
/// session, or in [`crate::Device::reap`]. Dropping a key never calls the token. A token key is not destroyed.
#[derive(Clone)]
pub struct Key(Arc<Held>);

struct Held {
    handle: ObjectHandle,
    generation: Generation,
    bytes: Option<usize>,
    destroyed: AtomicBool,
    /// Only for session keys. Token keys outlive their handles.
    graveyard: Option<Arc<DeadObjects>>,
}

impl Key {
    pub(crate) fn session(
        handle: ObjectHandle,
        generation: Generation,
        bytes: Option<usize>,
        graveyard: &Arc<DeadObjects>,
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

    /// Returns the handle, only for the device of this generation. A later device may have given the number to another
    /// object.
    pub(crate) fn handle(&self, generation: Generation) -> Result<ObjectHandle, Error> {
        if self.0.generation == generation && !self.0.destroyed.load(Ordering::Acquire) {
            Ok(self.0.handle)
        } else {
            Err(Error::Stale)
        }
    }

    /// Returns the length of the key in bytes. `None` for private keys, and for a token object that does not report it
    /// (CKA_VALUE_LEN).
    pub fn bytes(&self) -> Option<usize> {
        self.0.bytes
    }

    /// Whether this is a token object, which remains when the process ends.
    pub fn is_token_object(&self) -> bool {
        self.0.graveyard.is_none()
    }

    /// Makes every clone stale, before the token can give the handle to another object.
    pub(crate) fn mark_destroyed(&self) {
        self.0.destroyed.store(true, Ordering::Release);
    }

    /// Notes that the token no longer has the object. Every clone becomes stale, and the handle is not used to destroy
    /// anything, because it may belong to another object by then.
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

/// Session objects that no key refers to any longer and that must still be destroyed. The list may outlive its device,
/// because the objects end with the anchor session.
#[derive(Default)]
pub(crate) struct DeadObjects(Mutex<Vec<ObjectHandle>>);

impl DeadObjects {
    fn bury(&self, handle: ObjectHandle) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
    }

    /// Removes at most `limit` handles and returns them, so that one caller does not do the work of all.
    pub(crate) fn exhume(&self, limit: usize) -> Vec<ObjectHandle> {
        let mut buried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = buried.len().saturating_sub(limit);
        buried.split_off(rest)
    }
}

/// CKA_ID of a token key: 20 random bytes, which are unique without a search in the token (C_FindObjects is a linear
/// scan).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 20]);

impl KeyId {
    /// Returns the bytes of CKA_ID.
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

/// A key that was found on the token.
#[derive(Debug, Clone)]
pub struct TokenKey {
    /// CKA_ID. It may be one that another application chose.
    pub id: Vec<u8>,
    /// CKA_LABEL; bytes that are not UTF-8 are replaced.
    pub label: String,
    /// The key.
    pub key: Key,
}
