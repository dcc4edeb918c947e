//! Token objects of managed keys: making, finding and destroying them.

use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use claviger_pkcs11::{self as pkcs11, Device, Key, KeyId};

use super::error::Error;
use super::leaving::Claim;
use super::state::Custody;
use crate::metrics::HsmCall;
use crate::store::object::Material;

/// Label of the token objects of managed keys.
pub(super) const PLACED_LABEL: &str = "claviger key";

/// The time for which an object that a listing of the token did not show is taken to be gone.
const LISTING_STANDS: Duration = Duration::from_secs(10);

impl Custody {
    /// Makes a token object, for a key that is not kept wrapped. The object is durable when this returns.
    pub(super) fn place<T>(
        &self,
        call: HsmCall,
        make: impl FnOnce(&Device, &KeyId) -> Result<(Key, T), Error>,
    ) -> Result<(Material, T), Error> {
        let mut id = [0; 20];
        openssl::rand::rand_bytes(&mut id)?;
        let disk = self.durability.begin().map_err(Error::Disk)?;
        // Registered while the device is held: a later generation of the token lists the object itself.
        let made = self.run_once(call, |device| {
            let (key, made) = make(device, &KeyId::from(id))?;
            self.placed.write().unwrap_or_else(PoisonError::into_inner).insert(id.to_vec(), key);
            Ok(made)
        })?;
        let material = Material::Token { cka_id: id.to_vec() };
        if let Err(error) = disk.settle() {
            self.discard_or_warn(&material);
            return Err(Error::Disk(error));
        }
        Ok((material, made))
    }

    /// Runs `removal`, which removes keys from the token, and returns when the removal is durable.
    ///
    /// # Errors
    /// Those of `removal`, or the disk failed.
    pub fn durably<T, E: From<Error>>(&self, removal: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let disk = self.durability.begin().map_err(Error::Disk)?;
        let removed = removal()?;
        disk.settle().map_err(Error::Disk)?;
        Ok(removed)
    }

    /// Removes from the token an object that no row needs any longer. Returns false if another thread is removing it.
    ///
    /// # Errors
    /// The token is unavailable; the object is then removed at the next start.
    pub fn discard(&self, material: &Material) -> Result<bool, Error> {
        let Material::Token { cka_id } = material else { return Ok(true) };
        let own = match self.leaving.claim(cka_id) {
            Claim::Gone => return Ok(true),
            Claim::UnderWay => return Ok(false),
            Claim::Own(own) => own,
        };
        if self.placed(cka_id).is_none() {
            // The object may have become visible after the token was recovered.
            self.list_if_old()?;
        }
        if self.placed(cka_id).is_some() {
            self.run_for(HsmCall::Discard, material, |device| {
                let key = self.placed_in(device, cka_id)?;
                device.destroy_token(key.clone()).map_err(|error| {
                    // The object may be destroyed although the call failed, and its number may belong to another object
                    // now: search by CKA_ID.
                    if !matches!(error, pkcs11::Error::Busy | pkcs11::Error::Away) {
                        self.lose(material, &key);
                    }
                    Error::Token(error)
                })
            })?;
        }
        // The order matters: a listing at the same time must not register the object again.
        own.done();
        self.placed.write().unwrap_or_else(PoisonError::into_inner).remove(cka_id);
        Ok(true)
    }

    /// Like [`Self::discard`], for callers that report another error. A failure is logged.
    pub fn discard_or_warn(&self, material: &Material) {
        if let Err(error) = self.discard(material) {
            tracing::warn!(%error, "a key that is no longer needed is still in the token");
        }
    }

    /// Returns the number of objects of managed keys in the token that `known` does not contain. These objects are not
    /// touched, because they may belong to another database, or to a later state of this one.
    #[must_use]
    pub fn unknown(&self, known: &HashSet<Vec<u8>>) -> usize {
        let placed = self.placed.read().unwrap_or_else(PoisonError::into_inner);
        placed.keys().filter(|cka_id| !known.contains(*cka_id)).count()
    }

    pub(super) fn placed(&self, cka_id: &[u8]) -> Option<Key> {
        self.placed.read().unwrap_or_else(PoisonError::into_inner).get(cka_id).cloned()
    }

    /// Lists the token's objects again if an object was missing or its handle was lost.
    pub(super) fn rescan_if_wanted(&self) -> Result<(), Error> {
        if !self.rescan.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let rescanned = self.list_again();
        if rescanned.is_err() {
            self.rescan.store(true, Ordering::Release);
        }
        rescanned
    }

    /// Whether an object that no listing has shown may be there: another server may have made it since the last one
    /// began. `called`: when the call began that needs it, and its row was known.
    pub(super) fn may_be_new(&self, called: Instant) -> bool {
        self.is_shared && *self.listed.lock().unwrap_or_else(PoisonError::into_inner) < called
    }

    /// Lists the token's objects again, unless the last listing is recent.
    fn list_if_old(&self) -> Result<(), Error> {
        let listed = *self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_shared && listed.elapsed() < LISTING_STANDS { Ok(()) } else { self.list_again() }
    }

    fn list_again(&self) -> Result<(), Error> {
        let device = self.device(HsmCall::Look)?;
        let began = Instant::now();
        let found = Self::scan(&device)?;
        // Without the login the token lists no objects and reports success.
        device.check(&[])?;
        let mut placed = self.placed.write().unwrap_or_else(PoisonError::into_inner);
        placed.retain(|_, key| device.knows(key));
        // Objects that were destroyed after the listing are left out.
        for (cka_id, key) in found.into_iter().filter(|(cka_id, _)| !self.leaving.is_gone(cka_id)) {
            placed.entry(cka_id).or_insert(key);
        }
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = began;
        Ok(())
    }

    /// Returns how many of the wanted objects the token does not hold.
    #[must_use]
    pub fn missing(&self, wanted: &[Vec<u8>]) -> usize {
        let placed = self.placed.read().unwrap_or_else(PoisonError::into_inner);
        wanted.iter().filter(|cka_id| !placed.contains_key(*cka_id)).count()
    }

    pub(super) fn scan(device: &Device) -> Result<HashMap<Vec<u8>, Key>, pkcs11::Error> {
        let found = device.token_keys()?.into_iter().chain(device.token_private_keys()?);
        Ok(found.filter(|found| found.label == PLACED_LABEL).map(|found| (found.id, found.key)).collect())
    }
}
