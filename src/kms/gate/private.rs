//! Private keys with a grant: their values, and decryption.

use openssl::pkey::{PKey, Private};

use super::super::error::Error;
use super::super::private_numbers;
use super::service::{Grant, Usable};
use crate::custody::{self, AesWrap, PairKind, RsaPadding, Secret};

impl Grant<'_> {
    /// The private key in clear, as [`Grant::value`] gives a secret one.
    pub(in crate::kms) fn private_key(&self, kind: PairKind) -> Result<PKey<Private>, Error> {
        self.check_in_clear()?;
        let parts = self.kms.custody.private_parts(&self.object.key)?;
        private_numbers::key(&parts, kind).map_err(|error| Error::Internal(custody::Error::PublicKey(error)))
    }

    /// The private key wrapped under another, inside the HSM token, as [`Grant::wrapped_under`] wraps a secret one.
    pub(in crate::kms) fn private_wrapped_under(&self, wrapping: &Usable<'_>) -> Result<Vec<u8>, Error> {
        self.check_wrappable(wrapping, AesWrap::Padded.into())?;
        self.note_use();
        wrapping.note_wrapping(&self.object)?;
        Ok(self.kms.custody.wrap_private(&wrapping.0.object.key, &self.object.key)?)
    }
}

impl Usable<'_> {
    /// Decrypts by an RSA key in the HSM token.
    pub(in crate::kms) fn decrypt_rsa(&self, padding: RsaPadding<'_>, data: &[u8]) -> Result<Secret, Error> {
        Ok(self.0.kms.custody.decrypt_rsa(&self.0.object.key, padding, data)?)
    }

    /// The public key by which OpenSSL encrypts: a SubjectPublicKeyInfo in DER.
    pub(in crate::kms) fn public_key(&self) -> Result<&[u8], Error> {
        self.0.public_key()
    }
}
