//! Keys that come wrapped under a key of a caller, and are unwrapped inside the token.

use claviger_pkcs11::{
    Cipher, Error as TokenError, InvalidInput, KeyWrap, PairKind, SecretKeyKind, SecretKeySpec, Uses,
};

use super::error::Error;
use super::key::{KeyKind, ManagedKey};
use super::state::Custody;
use crate::store::object::{Class, Material};

/// What an unwrapped AES key encrypts, to show that it works.
const TRIAL: [u8; 32] = [8; 32];

impl Custody {
    /// Whether keys are unwrapped for callers: not if each key is an object of the token.
    #[must_use]
    pub fn unwraps(&self) -> bool {
        !self.is_placing()
    }

    /// Unwraps a blob by `wrapping` inside the token, and keeps the key. Its value does not leave the token.
    ///
    /// # Errors
    /// The token is unavailable, or does not unwrap so; `BlobInvalid` and others if the blob is damaged, was wrapped under
    /// another key, or holds a key of another length; [`Error::NotWrappable`] if the token would have to keep the key as an
    /// object of its own.
    pub fn unwrap_brought(
        &self,
        wrapping: &ManagedKey,
        blob: &[u8],
        class: Class,
        kind: SecretKeyKind,
        how: KeyWrap<'_>,
    ) -> Result<Material, Error> {
        match (how, wrapping.kind) {
            (KeyWrap::Oaep(_), KeyKind::Private(PairKind::Rsa { .. })) => {}
            (KeyWrap::Oaep(_), _) => return Err(Error::KeyType),
            (KeyWrap::Aes(_), _) => wrapping.expect_aes()?,
        }
        if self.is_placing() {
            return Err(Error::NotWrappable(kind.bytes()));
        }
        // SoftHSM fills a key up with zeros to whole 8 bytes. An AES key of another length does not encrypt.
        let is_aes = matches!(kind, SecretKeyKind::Aes { .. });
        self.made_from(wrapping, class, kind, |device, wrapping, spec| {
            let uses = Uses { encrypt: is_aes, ..spec.uses };
            let key = device.unwrap_given(wrapping, blob, &SecretKeySpec { uses, ..*spec }, how)?;
            if is_aes && let Err(error) = device.encrypt(&key, &Cipher::AesEcb, &TRIAL) {
                tracing::debug!(%error, "an unwrapped AES key does not encrypt");
                device.check(&[])?;
                return Err(Error::Token(TokenError::InvalidInput(InvalidInput::BlobLength)));
            }
            Ok(key)
        })
    }
}
