//! The keys that sign access tokens. The newest one signs. Former keys are kept until the access tokens that they
//! signed have expired.

use std::sync::{Arc, PoisonError};

use super::error::{Error, RootError};
use super::state::Custody;
use super::{root, signing};
use crate::metrics::HsmCall;
use crate::store::{Store, audit_head, root_key};

/// The maximum number of these keys at one time.
const MAX_KEYS: usize = 16;

/// The public half of a key that signs access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// Its name among the root keys.
    pub name: String,
    /// SubjectPublicKeyInfo of P-256, DER (RFC 5480).
    pub public_key: Vec<u8>,
}

impl Custody {
    /// Returns all keys that sign access tokens. The last one signs.
    #[must_use]
    pub fn token_keys(&self) -> Vec<TokenKey> {
        let roots = self.roots();
        let key = |(number, key): &root::NumberedKey| TokenKey {
            name: signing::token_name(*number),
            public_key: key.public_key.clone(),
        };
        roots.tokens().iter().map(key).collect()
    }

    /// Signs `message` with the key of this name: ECDSA with SHA-256 on P-256. Returns r followed by s (RFC 7518
    /// section 3.4).
    ///
    /// # Errors
    /// The token is unavailable, or has no key of this name.
    pub fn sign_token(&self, name: &str, message: &[u8]) -> Result<[u8; 64], Error> {
        self.run(HsmCall::Sign, |device| {
            let roots = self.roots();
            let named = |own: &&root::NumberedKey| signing::token_number(name) == Some(own.0);
            let (_, key) = roots.tokens().iter().find(named).ok_or(Error::NoTokenObject)?;
            key.sign_jws(device, message)
        })
    }

    /// Reads the root keys again, because one was recorded or forgotten.
    ///
    /// # Errors
    /// The token or the store is unavailable, or the token does not have the keys.
    pub fn read_root_keys(&self, store: &Store) -> Result<(), RootError> {
        let recorded = root_key::all(store)?;
        let device = self.device(HsmCall::Look)?;
        let roots = root::find(&device, &recorded)?;
        *self.roots.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(roots);
        Ok(())
    }

    /// Makes a new key at the time `now`; it signs from now on. Former keys that `needed` names are kept, and the last
    /// one is; the others are forgotten. The caller must not make two calls at the same time.
    ///
    /// # Errors
    /// The token or the store is unavailable, or too many keys are needed.
    pub fn rotate_token_key(
        self: &Arc<Self>,
        store: &Store,
        needed: &[String],
        now: i64,
    ) -> Result<TokenKey, RootError> {
        let roots = self.roots();
        let numbers: Vec<u32> = roots.tokens().iter().map(|(number, _)| *number).collect();
        let last = numbers.last().copied().unwrap_or(0);
        let is_needed = |number: &u32| *number == last || needed.contains(&signing::token_name(*number));
        let (kept, gone): (Vec<u32>, Vec<u32>) = numbers.into_iter().partition(is_needed);
        if kept.len() >= MAX_KEYS {
            return Err(RootError::TooManyTokenKeys(kept.len()));
        }
        let disk = self.durability.begin().map_err(RootError::Disk)?;
        let made = {
            let device = self.device(HsmCall::Make)?;
            signing::make(&device, &signing::token_name(last + 1), roots.terms().weak)?
        };
        // The key must be durable before the database records it.
        disk.settle().map_err(RootError::Disk)?;
        // Without the device: the database's writer may need it to get here.
        let recording = root_key::record(vec![made.clone()], now);
        let forgetting = root_key::forget(gone.into_iter().map(signing::token_name).collect());
        store.write(recording.then(forgetting).then(audit_head::cover_records(self.head_binder())))?;
        // What was away meanwhile has been found again by the same record.
        self.read_root_keys(store)?;
        Ok(TokenKey { name: made.name, public_key: made.check_value })
    }
}
