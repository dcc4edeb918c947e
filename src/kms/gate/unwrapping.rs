//! Keys that come wrapped under a key that the caller may use.

use super::super::error::Error;
use super::service::{Kms, NewGrant, Usable};
use super::wrapping::name_of;
use crate::custody::{self, AesWrap, KeyWrap, SecretKeyKind, TokenError};
use crate::kmip::{UniqueIdentifier, UsageMask};
use crate::store::object::{Class, Material};

impl Kms {
    /// Whether the object is a key of this server whose mask has Unwrap Key. Nothing is decided by it about the caller.
    pub(in crate::kms) fn has_unwrapping_key(&self, id: &UniqueIdentifier) -> Result<bool, Error> {
        let Some(id) = id.as_text() else { return Ok(false) };
        Ok(self.load(id)?.is_some_and(|object| object.permits(UsageMask::UNWRAP_KEY)))
    }
}

impl NewGrant<'_> {
    /// Refuses to unwrap where each key is an object of the HSM token.
    pub(in crate::kms) fn check_unwraps(&self) -> Result<(), Error> {
        if self.kms.custody.unwraps() {
            return Ok(());
        }
        Err(Error::KeyWrap(
            "this server keeps every key in the HSM token (--placement token), and unwraps none: register it in clear",
        ))
    }

    /// Unwraps a key inside the HSM token.
    ///
    /// # Errors
    /// The HSM token does not unwrap so; the blob is damaged, was wrapped under another key, or holds a key of another
    /// length: one error for all of these.
    pub(in crate::kms) fn unwrap(
        &self,
        wrapping: &Usable<'_>,
        blob: &[u8],
        class: Class,
        kind: SecretKeyKind,
        how: KeyWrap<'_>,
    ) -> Result<Material, Error> {
        let unwrapped = self.kms.custody.unwrap_brought(&wrapping.0.object.key, blob, class, kind, how);
        unwrapped.map_err(|error| self.not_unwrapped(error, how))
    }

    fn not_unwrapped(&self, error: custody::Error, how: KeyWrap<'_>) -> Error {
        use custody::Error as E;
        match error {
            E::Token(
                TokenError::BlobInvalid(_)
                | TokenError::DecryptionFailed
                | TokenError::InvalidInput(_)
                | TokenError::KeySizeRange(_)
                | TokenError::DataInvalid(_)
                | TokenError::WrapFormat { .. },
            ) => Error::Decryption,
            // An answer that differs for a key of another length would tell about the padding.
            E::Token(TokenError::TemplateRefused(_))
                if matches!(how, KeyWrap::Oaep(_) | KeyWrap::Aes(AesWrap::Cbc { .. })) =>
            {
                Error::Decryption
            }
            E::Token(TokenError::TemplateRefused(_)) => {
                Error::UnsupportedParameters("this HSM does not unwrap keys of this type (C_UnwrapKey)")
            }
            error => self.kms.lacking(name_of(how), error),
        }
    }
}
