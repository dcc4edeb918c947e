//! Signatures of JOSE (RFC 7518 section 3, RFC 8037). OpenSSL verifies them, as the provider of jsonwebtoken; ES512,
//! which jsonwebtoken does not know, is verified without it. Nothing is signed here.

use std::sync::Once;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, PKeyRef, Public};
use openssl::rsa::Rsa;

use crate::signature::{Scheme, is_ed25519, is_of_message, is_of_message_in_parts};

/// The provider only verifies, because this program signs no JWT with jsonwebtoken.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(Error::from(ErrorKind::UnsupportedAlgorithm)),
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// A signature algorithm that is served (RFC 7518 section 3.1, RFC 8037 section 3.1). HMAC is not served, because the
/// key of an issuer is public.
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
    /// Returns the algorithm of a name. Ed25519 signatures have two names, `EdDSA` (RFC 8037) and `Ed25519` (RFC 9864).
    /// A token may use one and its key the other.
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

    /// Returns the algorithm in jsonwebtoken, which does not have ES512.
    fn known(self) -> Option<jsonwebtoken::Algorithm> {
        use jsonwebtoken::Algorithm as Known;
        Some(match self {
            Self::RS256 => Known::RS256,
            Self::RS384 => Known::RS384,
            Self::RS512 => Known::RS512,
            Self::PS256 => Known::PS256,
            Self::PS384 => Known::PS384,
            Self::PS512 => Known::PS512,
            Self::ES256 => Known::ES256,
            Self::ES384 => Known::ES384,
            Self::ES512 => return None,
            Self::EdDSA => Known::EdDSA,
        })
    }
}

/// A public key that verifies signatures.
pub(super) enum Key {
    /// A key of a kind that jsonwebtoken knows.
    Known(DecodingKey),
    /// A key of P-521, which jsonwebtoken does not know.
    P521(PKey<Public>),
}

impl Key {
    /// Makes a key of RSA, P-256, P-384, P-521 or Ed25519.
    ///
    /// # Errors
    /// OpenSSL cannot read the components of the key.
    pub(super) fn new(key: &PKeyRef<Public>) -> Result<Self, ErrorStack> {
        Ok(match key.id() {
            Id::RSA => {
                let rsa = key.rsa()?;
                Self::Known(DecodingKey::from_rsa_raw_components(&rsa.n().to_vec(), &rsa.e().to_vec()))
            }
            Id::EC => {
                let own = key.ec_key()?;
                if own.group().curve_name() == Some(Nid::SECP521R1) {
                    return Ok(Self::P521(PKey::from_ec_key(own)?));
                }
                let (form, mut context) = (PointConversionForm::UNCOMPRESSED, BigNumContext::new()?);
                Self::Known(DecodingKey::from_ec_der(&own.public_key().to_bytes(own.group(), form, &mut context)?))
            }
            _ => Self::Known(DecodingKey::from_ed_der(&key.raw_public_key()?)),
        })
    }
}

/// Whether `signature` (base64url, RFC 7515 section 2) is a signature of `message` by the key.
pub(super) fn verify(signature: &str, message: &[u8], key: &Key, algorithm: Algorithm) -> bool {
    static INSTALLED: Once = Once::new();
    match (key, algorithm.known()) {
        (Key::Known(key), Some(algorithm)) => {
            INSTALLED.call_once(|| {
                // No other code in this process installs a provider. If it did, that provider would be used.
                let _ = PROVIDER.install_default();
            });
            jsonwebtoken::crypto::verify(signature, message, key, algorithm).unwrap_or(false)
        }
        (Key::P521(key), None) => {
            let Ok(signature) = BASE64URL_NOPAD.decode(signature.as_bytes()) else { return false };
            is_of_message_in_parts(key, Md::sha512(), message, &signature)
        }
        // A key must never be used as one of another kind.
        (Key::Known(_), None) | (Key::P521(_), Some(_)) => false,
    }
}

struct OpenSslVerifier {
    algorithm: jsonwebtoken::Algorithm,
    key: PKey<Public>,
}

impl JwtVerifier for OpenSslVerifier {
    fn algorithm(&self) -> jsonwebtoken::Algorithm {
        self.algorithm
    }
}

impl signature::Verifier<Vec<u8>> for OpenSslVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        if self.is_valid(message, signature) { Ok(()) } else { Err(signature::Error::new()) }
    }
}

impl OpenSslVerifier {
    fn is_valid(&self, message: &[u8], signature: &[u8]) -> bool {
        use jsonwebtoken::Algorithm as A;
        let key = &*self.key;
        let rsa = |scheme, hash| is_of_message(key, scheme, hash, message, signature);
        match self.algorithm {
            A::RS256 => rsa(Scheme::Pkcs1v15, Md::sha256()),
            A::RS384 => rsa(Scheme::Pkcs1v15, Md::sha384()),
            A::RS512 => rsa(Scheme::Pkcs1v15, Md::sha512()),
            A::PS256 => rsa(Scheme::Pss, Md::sha256()),
            A::PS384 => rsa(Scheme::Pss, Md::sha384()),
            A::PS512 => rsa(Scheme::Pss, Md::sha512()),
            A::ES256 => is_of_message_in_parts(key, Md::sha256(), message, signature),
            A::ES384 => is_of_message_in_parts(key, Md::sha384(), message, signature),
            A::EdDSA => is_ed25519(key, message, signature),
            _ => false,
        }
    }
}

fn verifier(
    algorithm: &jsonwebtoken::Algorithm,
    key: &DecodingKey,
) -> jsonwebtoken::errors::Result<Box<dyn JwtVerifier>> {
    // A public key must never be used as the secret of an HMAC.
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let bad = |_: ErrorStack| Error::from(ErrorKind::InvalidKeyFormat);
    let key = match (algorithm.family(), key.kind()) {
        (AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => rsa(n, e).map_err(bad)?,
        (AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) => {
            let curve = match algorithm {
                jsonwebtoken::Algorithm::ES256 if point.len() == 65 => Nid::X9_62_PRIME256V1,
                jsonwebtoken::Algorithm::ES384 if point.len() == 97 => Nid::SECP384R1,
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

fn rsa(n: &[u8], e: &[u8]) -> Result<PKey<Public>, ErrorStack> {
    PKey::from_rsa(Rsa::from_public_components(BigNum::from_slice(n)?, BigNum::from_slice(e)?)?)
}

fn elliptic_curve(curve: Nid, point: &[u8]) -> Result<PKey<Public>, ErrorStack> {
    let group = EcGroup::from_curve_name(curve)?;
    let mut context = BigNumContext::new()?;
    let point = EcPoint::from_bytes(&group, point, &mut context)?;
    let key = EcKey::from_public_key(&group, &point)?;
    key.check_key()?;
    PKey::from_ec_key(key)
}
