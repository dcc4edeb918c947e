//! Signatures of JOSE (RFC 7518 section 3, RFC 8037), verified by the one cryptographic library of the tree. Nothing here signs.

use data_encoding::BASE64URL_NOPAD;
use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};

/// An algorithm of signatures that is served (RFC 7518 section 3.1, RFC 8037 section 3.1). HMAC is not among them: an issuer's key
/// is public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256 and MGF1 with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384 and MGF1 with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512 and MGF1 with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// Ed25519.
    EdDSA,
}

impl Algorithm {
    /// The algorithm of a name. Of the two names of Ed25519 signatures, `EdDSA` (RFC 8037) and `Ed25519` (RFC 9864), either will do
    /// for a key that says the other.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::RS256,
            "RS384" => Self::RS384,
            "RS512" => Self::RS512,
            "PS256" => Self::PS256,
            "PS384" => Self::PS384,
            "PS512" => Self::PS512,
            "ES256" => Self::ES256,
            "ES384" => Self::ES384,
            "ES512" => Self::ES512,
            "EdDSA" | "Ed25519" => Self::EdDSA,
            _ => return None,
        })
    }

    /// The kind of key that it is for.
    fn kind(self) -> Id {
        match self {
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512 => Id::RSA,
            Self::ES256 | Self::ES384 | Self::ES512 => Id::EC,
            Self::EdDSA => Id::ED25519,
        }
    }
}

/// Whether `signature` (base64url, RFC 7515 section 2) is that of `message`.
pub(super) fn verify(signature: &str, message: &[u8], key: &PKey<Public>, algorithm: Algorithm) -> bool {
    // A key must never be taken for one of another kind.
    if key.id() != algorithm.kind() {
        return false;
    }
    let Ok(signature) = BASE64URL_NOPAD.decode(signature.as_bytes()) else { return false };
    is_valid(&signature, message, key, algorithm).unwrap_or(false)
}

fn is_valid(signature: &[u8], message: &[u8], key: &PKey<Public>, algorithm: Algorithm) -> Result<bool, ErrorStack> {
    use Algorithm as A;
    match algorithm {
        A::RS256 => pkcs1(MessageDigest::sha256(), signature, message, key),
        A::RS384 => pkcs1(MessageDigest::sha384(), signature, message, key),
        A::RS512 => pkcs1(MessageDigest::sha512(), signature, message, key),
        A::PS256 => pss(MessageDigest::sha256(), signature, message, key),
        A::PS384 => pss(MessageDigest::sha384(), signature, message, key),
        A::PS512 => pss(MessageDigest::sha512(), signature, message, key),
        A::ES256 => ecdsa((MessageDigest::sha256(), 32), signature, message, key),
        A::ES384 => ecdsa((MessageDigest::sha384(), 48), signature, message, key),
        A::ES512 => ecdsa((MessageDigest::sha512(), 66), signature, message, key),
        A::EdDSA => Verifier::new_without_digest(key)?.verify_oneshot(signature, message),
    }
}

fn pkcs1(digest: MessageDigest, signature: &[u8], message: &[u8], key: &PKey<Public>) -> Result<bool, ErrorStack> {
    Ok(signature.len() == key.size() && Verifier::new(digest, key)?.verify_oneshot(signature, message)?)
}

fn pss(digest: MessageDigest, signature: &[u8], message: &[u8], key: &PKey<Public>) -> Result<bool, ErrorStack> {
    // As long as the modulus (RFC 8017 sections 8.1.2 and 8.2.2): OpenSSL takes a PSS signature without its leading zeros.
    if signature.len() != key.size() {
        return Ok(false);
    }
    let mut verifier = Verifier::new(digest, key)?;
    verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
    verifier.set_rsa_mgf1_md(digest)?;
    // The salt is as long as the hash (RFC 7518 section 3.5).
    verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
    verifier.verify_oneshot(signature, message)
}

/// r and s, each of so many bytes, as long as the curve's order (RFC 7518 section 3.4), not DER.
fn ecdsa(
    (digest, half): (MessageDigest, usize),
    signature: &[u8],
    message: &[u8],
    key: &PKey<Public>,
) -> Result<bool, ErrorStack> {
    let (Some(r), Some(s)) = (signature.get(..half), signature.get(half..)) else { return Ok(false) };
    if s.len() != half {
        return Ok(false);
    }
    let der = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?.to_der()?;
    Verifier::new(digest, key)?.verify_oneshot(&der, message)
}
