//! A managed key in custody: its place, its kind, and the handle that was last used for it.

use std::sync::Arc;

use claviger_pkcs11::{
    Cipher, MacMechanism, PairKind, PrivateKeySpec, SecretKeyKind, SecretKeySpec, SignatureMechanism as Signature, Uses,
};

use super::error::Error;
use super::slot::Slot;
use crate::store::object::{Class, Material};

/// The kind of a managed key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A secret key.
    Secret(SecretKeyKind),
    /// A private key, which signs, decrypts or derives.
    Private(PairKind),
    /// A public key, which needs no token.
    Public,
}

/// A key that can be used without reading the database again. Its handle is destroyed with the last clone.
pub struct ManagedKey {
    pub(super) class: Class,
    pub(super) material: Material,
    pub(super) kind: KeyKind,
    pub(super) uses: Uses,
    pub(super) slot: Arc<Slot>,
}

impl ManagedKey {
    /// Makes a key from a row whose binding was checked.
    #[must_use]
    pub fn new(class: Class, material: Material, kind: KeyKind, uses: Uses) -> Self {
        Self { class, material, kind, uses, slot: Arc::default() }
    }

    /// Shares the handle of `former` if that is the same key with the same uses.
    pub(crate) fn inherit(&mut self, former: &Self) {
        let Self { class, material, kind, uses, slot } = former;
        if (self.class, self.kind, self.uses) == (*class, *kind, *uses) && self.material == *material {
            self.slot = Arc::clone(slot);
        }
    }

    /// Checks that the key fits `cipher`.
    pub(super) fn expect_cipher(&self, cipher: &Cipher<'_>) -> Result<(), Error> {
        match self.kind {
            KeyKind::Secret(kind) if cipher.takes(kind) => Ok(()),
            _ => Err(Error::KeyType),
        }
    }

    /// Checks that the key is an AES key. The token does not check this reliably: Kryoptic wraps keys with a generic
    /// secret as if it were AES.
    pub(super) fn expect_aes(&self) -> Result<(), Error> {
        match self.kind {
            KeyKind::Secret(SecretKeyKind::Aes { .. }) => Ok(()),
            _ => Err(Error::KeyType),
        }
    }

    /// Checks that the key fits `mechanism`.
    pub(super) fn expect_mac(&self, mechanism: MacMechanism) -> Result<(), Error> {
        match (mechanism, self.kind) {
            (MacMechanism::AesCmac, _) => self.expect_aes(),
            (_, KeyKind::Secret(SecretKeyKind::Generic { .. })) => Ok(()),
            _ => Err(Error::KeyType),
        }
    }

    /// Checks that the key fits `mechanism`.
    pub(super) fn expect_signing(&self, mechanism: Signature) -> Result<(), Error> {
        let KeyKind::Private(kind) = self.kind else { return Err(Error::KeyType) };
        let fits = match (mechanism, kind) {
            (Signature::Ecdsa { curve, .. }, PairKind::Ec(own)) => curve == own,
            (Signature::Pkcs1v15(_) | Signature::Pss { .. }, PairKind::Rsa { .. })
            | (Signature::Ed25519, PairKind::Ed25519) => true,
            _ => false,
        };
        if fits { Ok(()) } else { Err(Error::KeyType) }
    }
}

/// Returns what the token must allow for a secret key. It must allow nothing else.
pub(super) fn spec(class: Class, kind: SecretKeyKind, uses: Uses) -> SecretKeySpec {
    SecretKeySpec { kind, sensitive: class.is_sensitive(), extractable: class.is_extractable(), uses }
}

/// Returns what the token must allow for a private key. It must allow nothing else.
pub(super) fn private_spec(class: Class, kind: PairKind, uses: Uses) -> PrivateKeySpec {
    PrivateKeySpec { kind, sensitive: class.is_sensitive(), extractable: class.is_extractable(), uses }
}

/// Whether AES key wrap carries a key of this length, in bytes, unchanged (RFC 3394). SoftHSM pads other keys without
/// an error, which changes their HMAC.
pub(super) fn is_wrappable(bytes: usize) -> bool {
    bytes >= 16 && bytes.is_multiple_of(8)
}
