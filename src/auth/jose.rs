//! The OpenSSL provider of jsonwebtoken: signatures of JOSE (RFC 7518 section 3, RFC 8037) by the one
//! cryptographic library of the tree.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, Result};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Verifier};

/// Verifies only: this program signs no JWT with jsonwebtoken.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(Error::from(ErrorKind::UnsupportedAlgorithm)),
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Whether `signature` (base64url, RFC 7515 section 2) is that of `message`.
pub(super) fn verify(signature: &str, message: &[u8], key: &DecodingKey, algorithm: Algorithm) -> bool {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // Nobody else in this process installs one; if somebody did, theirs would be asked.
        let _ = PROVIDER.install_default();
    });
    jsonwebtoken::crypto::verify(signature, message, key, algorithm).unwrap_or(false)
}

struct OpenSslVerifier {
    algorithm: Algorithm,
    key: PKey<Public>,
}

impl JwtVerifier for OpenSslVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl signature::Verifier<Vec<u8>> for OpenSslVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        match self.is_valid(message, signature) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(signature::Error::new()),
        }
    }
}

impl OpenSslVerifier {
    fn is_valid(&self, message: &[u8], signature: &[u8]) -> std::result::Result<bool, ErrorStack> {
        use Algorithm as A;
        let (digest, half) = match self.algorithm {
            A::RS256 | A::PS256 | A::ES256 => (MessageDigest::sha256(), 32),
            A::RS384 | A::PS384 | A::ES384 => (MessageDigest::sha384(), 48),
            A::RS512 | A::PS512 => (MessageDigest::sha512(), 64),
            A::EdDSA => return Verifier::new_without_digest(&self.key)?.verify_oneshot(signature, message),
            _ => return Ok(false),
        };
        match self.algorithm.family() {
            // As long as the modulus (RFC 8017 sections 8.1.2 and 8.2.2): OpenSSL takes a PSS signature without its leading zeros.
            AlgorithmFamily::Rsa if signature.len() != self.key.size() => Ok(false),
            AlgorithmFamily::Ec => {
                // r and s, each as long as the curve's order (RFC 7518 section 3.4), not DER.
                let (Some(r), Some(s)) = (signature.get(..half), signature.get(half..)) else { return Ok(false) };
                if s.len() != half {
                    return Ok(false);
                }
                let der =
                    EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?.to_der()?;
                Verifier::new(digest, &self.key)?.verify_oneshot(&der, message)
            }
            _ if matches!(self.algorithm, A::PS256 | A::PS384 | A::PS512) => {
                let mut verifier = Verifier::new(digest, &self.key)?;
                verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
                verifier.set_rsa_mgf1_md(digest)?;
                // The salt is as long as the hash (RFC 7518 section 3.5).
                verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
                verifier.verify_oneshot(signature, message)
            }
            _ => Verifier::new(digest, &self.key)?.verify_oneshot(signature, message),
        }
    }
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    // A public key must never be taken for the secret of an HMAC.
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let bad = |_: ErrorStack| Error::from(ErrorKind::InvalidKeyFormat);
    let key = match (algorithm.family(), key.kind()) {
        (AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => rsa(n, e).map_err(bad)?,
        (AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) => {
            let curve = match algorithm {
                Algorithm::ES256 if point.len() == 65 => Nid::X9_62_PRIME256V1,
                Algorithm::ES384 if point.len() == 97 => Nid::SECP384R1,
                _ => return Err(ErrorKind::InvalidEcdsaKey.into()),
            };
            elliptic_curve(curve, point).map_err(bad)?
        }
        (AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(point)) => {
            PKey::public_key_from_raw_bytes(point, Id::ED25519).map_err(bad)?
        }
        _ => return Err(ErrorKind::InvalidKeyFormat.into()),
    };
    Ok(Box::new(OpenSslVerifier { algorithm: *algorithm, key }))
}

fn rsa(n: &[u8], e: &[u8]) -> std::result::Result<PKey<Public>, ErrorStack> {
    PKey::from_rsa(Rsa::from_public_components(BigNum::from_slice(n)?, BigNum::from_slice(e)?)?)
}

fn elliptic_curve(curve: Nid, point: &[u8]) -> std::result::Result<PKey<Public>, ErrorStack> {
    let group = EcGroup::from_curve_name(curve)?;
    let mut context = BigNumContext::new()?;
    let point = EcPoint::from_bytes(&group, point, &mut context)?;
    let key = EcKey::from_public_key(&group, &point)?;
    key.check_key()?;
    PKey::from_ec_key(key)
}
