//! Encrypting, each use counted.

use super::super::error::Error;
use super::super::object::Object;
use super::service::Kms;
use crate::custody::{Cipher, Direction, Encrypted};

impl Kms {
    /// Encrypts by an object's key in the token, and counts it. Nothing else encrypts by a key that callers know.
    pub(super) fn encrypt(&self, object: &Object, cipher: &Cipher<'_>, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.count_use(object, cipher, data)?;
        Ok(self.custody.encrypt(&object.key, cipher, data)?)
    }

    /// The same under an IV that nobody has chosen.
    pub(super) fn encrypt_afresh(&self, object: &Object, cipher: &Cipher<'_>, data: &[u8]) -> Result<Encrypted, Error> {
        self.count_use(object, cipher, data)?;
        Ok(self.custody.encrypt_afresh(&object.key, cipher, data)?)
    }

    /// What the HSM will refuse because of its length is not a use.
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
