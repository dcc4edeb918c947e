//! The public key that verifies checkpoints.

use openssl::md::Md;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::sha::sha256;

use crate::audit::line::{Hash, hash};
use crate::hexadecimal;
use crate::signature::{Scheme, is_of_digest};

/// The reason why a text is not a usable key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is not a public key in PEM.
    #[error("it is not a public key in PEM (`BEGIN PUBLIC KEY`)")]
    Pem,
    /// It is a key of another kind.
    #[error("it is not a key on the curve P-256")]
    Curve,
}

/// A public key on the curve P-256.
pub struct PublicKey {
    key: PKey<Public>,
    id: Hash,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo (RFC 5480) in PEM.
    ///
    /// # Errors
    /// It is not a public key, or a key of another kind.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let key = PKey::public_key_from_pem(pem).map_err(|_| KeyError::Pem)?;
        let id = sha256(&key.public_key_to_der().map_err(|_| KeyError::Pem)?);
        let own = key.ec_key().map_err(|_| KeyError::Curve)?;
        if own.group().curve_name() != Some(Nid::X9_62_PRIME256V1) {
            return Err(KeyError::Curve);
        }
        Ok(Self { key, id })
    }

    /// The SHA-256 of the SubjectPublicKeyInfo.
    #[must_use]
    pub fn id(&self) -> &Hash {
        &self.id
    }

    pub(super) fn is_named(&self, hexadecimal: &[u8]) -> bool {
        hexadecimal::lower(&self.id).as_bytes() == hexadecimal
    }

    pub(super) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        // Not `is_of_message`, which looks the algorithm up for each line.
        is_of_digest(&self.key, Scheme::Ecdsa, Md::sha256(), &hash(signed), signature)
    }
}
