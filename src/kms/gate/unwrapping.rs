//! Keys that come wrapped under a key that the caller may use.

use super::super::error::Error;
use super::service::{NewGrant, Usable};
use crate::custody::{self, SecretKeyKind, TokenError};
use crate::store::object::{Class, Material};

impl NewGrant<'_> {
    /// Unwraps a key inside the HSM token (AES key wrap, RFC 3394).
    ///
    /// # Errors
    /// The blob is damaged, was wrapped under another key, or holds a key of another length.
    pub(in crate::kms) fn unwrap(
        &self,
        wrapping: &Usable<'_>,
        blob: &[u8],
        class: Class,
        kind: SecretKeyKind,
    ) -> Result<Material, Error> {
        let unwrapped = self.kms.custody.unwrap_brought(&wrapping.0.object.key, blob, class, kind);
        unwrapped.map_err(|error| match error {
            custody::Error::Token(TokenError::BlobInvalid(_) | TokenError::InvalidInput(_)) => Error::Decryption,
            error => error.into(),
        })
    }
}
