//! Signatures by private keys.

use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::types::Ulong;

use crate::curve::Curve;
use crate::device::Device;
use crate::error::{Error, InvalidInput};
use crate::key::Key;

/// Length in bytes of the longest signature, which is that of RSA 4096.
const LONGEST_SIGNATURE: usize = 512;

/// A hash function (FIPS 180-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    /// 20 bytes.
    Sha1,
    /// 28 bytes.
    Sha224,
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

/// The mechanism of a signature. Digests are computed outside the token, because what is signed is not secret, and
/// tokens differ in the hashes that they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureMechanism {
    /// RSASSA-PKCS1-v1_5 of a digest (CKM_RSA_PKCS; RFC 8017, 8.2).
    Pkcs1v15(Hash),
    /// RSASSA-PSS of a digest (CKM_RSA_PKCS_PSS; RFC 8017, 8.1).
    Pss {
        /// The hash of the digest.
        hash: Hash,
        /// The hash of MGF1.
        mask: Hash,
        /// The length of the salt in bytes. `None`: that of the hash, and, when a signature is verified, any.
        salt: Option<usize>,
    },
    /// ECDSA of a digest (CKM_ECDSA).
    Ecdsa {
        /// The hash of the digest.
        hash: Hash,
        /// The curve of the key.
        curve: Curve,
    },
    /// Ed25519 of the data itself (CKM_EDDSA; RFC 8032, 5.1.6).
    Ed25519,
}

impl Hash {
    /// All hashes.
    pub const ALL: [Self; 5] = [Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Returns the length of its digests in bytes.
    pub fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Returns the DER of a DigestInfo up to the digest (RFC 8017, 9.2, note 1).
    fn digest_info(self) -> Vec<u8> {
        let (whole, number, bytes) = match self {
            Self::Sha1 => {
                return vec![0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];
            }
            Self::Sha224 => (0x2d, 4, 0x1c),
            Self::Sha256 => (0x31, 1, 0x20),
            Self::Sha384 => (0x41, 2, 0x30),
            Self::Sha512 => (0x51, 3, 0x40),
        };
        vec![
            0x30, whole, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, number, 0x05, 0x00,
            0x04, bytes,
        ]
    }

    pub(crate) fn mechanism(self) -> MechanismType {
        match self {
            Self::Sha1 => MechanismType::SHA1,
            Self::Sha224 => MechanismType::SHA224,
            Self::Sha256 => MechanismType::SHA256,
            Self::Sha384 => MechanismType::SHA384,
            Self::Sha512 => MechanismType::SHA512,
        }
    }

    pub(crate) fn mask_generator(self) -> PkcsMgfType {
        match self {
            Self::Sha1 => PkcsMgfType::MGF1_SHA1,
            Self::Sha224 => PkcsMgfType::MGF1_SHA224,
            Self::Sha256 => PkcsMgfType::MGF1_SHA256,
            Self::Sha384 => PkcsMgfType::MGF1_SHA384,
            Self::Sha512 => PkcsMgfType::MGF1_SHA512,
        }
    }
}

impl SignatureMechanism {
    /// RSASSA-PSS as it is used most: MGF1 with the same hash, and a salt of its length.
    pub fn pss(hash: Hash) -> Self {
        Self::Pss { hash, mask: hash, salt: None }
    }

    /// Returns the hash whose digests this mechanism signs; `None` if it signs the data itself.
    pub fn hash(self) -> Option<Hash> {
        match self {
            Self::Pkcs1v15(hash) | Self::Pss { hash, .. } | Self::Ecdsa { hash, .. } => Some(hash),
            Self::Ed25519 => None,
        }
    }

    /// Returns the mechanism and the data for the token.
    fn signing(self, data: &[u8]) -> Result<(Mechanism<'static>, Vec<u8>), Error> {
        Ok(match self {
            Self::Pkcs1v15(hash) => (Mechanism::RsaPkcs, [hash.digest_info().as_slice(), data].concat()),
            Self::Pss { hash, mask, salt } => {
                let s_len = Ulong::try_from(salt.unwrap_or(hash.bytes())).map_err(Error::from_binding)?;
                let parameters = PkcsPssParams { hash_alg: hash.mechanism(), mgf: mask.mask_generator(), s_len };
                (Mechanism::RsaPkcsPss(parameters), data.to_vec())
            }
            // The leftmost bits, as many as the order has (FIPS 186-5, 6.4.1). Not every token truncates the digest
            // itself. No digest is longer than the order of P-521.
            Self::Ecdsa { curve, .. } => (Mechanism::Ecdsa, data.get(..curve.bytes()).unwrap_or(data).to_vec()),
            Self::Ed25519 => (Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519)), data.to_vec()),
        })
    }
}

impl Device {
    /// Signs a digest, or, for Ed25519, the data itself. A digest must have the length of the mechanism's hash. An RSA
    /// signature is as long as the modulus. An ECDSA signature is the numbers r and s, each as long as
    /// [`Curve::bytes`]; one of Ed25519 has 64 bytes.
    pub fn sign(&self, key: &Key, mechanism: SignatureMechanism, data: &[u8]) -> Result<Vec<u8>, Error> {
        if let Some(expected) = mechanism.hash().map(Hash::bytes)
            && data.len() != expected
        {
            return Err(Error::InvalidInput(InvalidInput::DigestLength { found: data.len(), expected }));
        }
        let handle = key.handle(self.generation)?;
        let (mechanism, data) = mechanism.signing(data)?;
        let functions = &self.module.functions;
        self.work(|session| functions.sign(session, &mechanism, handle, &data, LONGEST_SIGNATURE))
    }
}
