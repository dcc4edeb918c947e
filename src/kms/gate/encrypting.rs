//! Encryption; each use is counted.

use super::super::error::Error;
use super::super::object::Object;
use super::service::Kms;
use crate::custody::{Cipher, Direction, Encrypted};

impl Kms {
    /// Encrypts by an object's key in the HSM token, and counts the use. No other code encrypts by a key that callers
    /// can use.
    pub(super) fn encrypt(&self, object: &Object, cipher: &Cipher<'_>, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.count_use(object, cipher, data)?;
        Ok(self.custody.encrypt(&object.key, cipher, data)?)
    }

    /// Encrypts under a new IV that the caller did not choose, and counts the use.
    pub(super) fn encrypt_afresh(&self, object: &Object, cipher: &Cipher<'_>, data: &[u8]) -> Result<Encrypted, Error> {
        self.count_use(object, cipher, data)?;
        Ok(self.custody.encrypt_afresh(&object.key, cipher, data)?)
    }

    /// Input that the HSM will refuse because of its length is not counted.
    fn count_use(&self, object: &Object, cipher: &Cipher<'_>, data: &[u8]) -> Result<(), Error> {
        self.custody.expect_fits(cipher, Direction::Encrypt, data.len())?;
        match cipher {
            Cipher::AesGcm { .. } => {
                let counted = self.invocations.count(&self.store, &self.custody, &object.id);
                counted.map_err(|error| match error {
                    Error::GcmLimit { limit, .. } if object.kind.values().is_some() => {
                        Error::GcmLimitOfSecret { limit }
                    }
                    error => error,
                })
            }
            _ => Ok(()),
        }
    }
}
