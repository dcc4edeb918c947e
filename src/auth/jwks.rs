//! The keys of an issuer: a JWK Set (RFC 7517), or the map of key id to X.509 certificate that Firebase publishes.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use openssl::bn::BigNumContext;
use openssl::ec::PointConversionForm;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, PKeyRef, Public};
use openssl::x509::X509;
use serde_json::{Map, Value};

use super::strict_json;

/// The most keys of one issuer.
const MAX_KEYS: usize = 100;

/// The shortest RSA modulus, in bits (RFC 7518 section 3.3).
const MIN_RSA_BITS: usize = 2048;

/// The longest RSA modulus, in bits: beyond it a signature is a way to keep the server busy.
const MAX_RSA_BITS: usize = 8192;

/// The keys of one issuer that can verify its tokens.
#[derive(Default)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
    /// Its keys have no ids, and a token that names one may be signed by any of them.
    nameless: bool,
}

/// A public key and the algorithms that it is for.
pub(super) struct VerificationKey {
    pub(super) id: Option<String>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) key: DecodingKey,
}

/// Why a document gives no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Neither of the two forms.
    #[error("neither a JWK Set nor a map of key ids to X.509 certificates")]
    Form,
    /// Neither a key nor a set of them.
    #[error("neither a JWK nor a JWK Set")]
    JwkForm,
    /// Something that is no PEM of a public key.
    #[error("not public keys or X.509 certificates in PEM")]
    Pem,
    /// More keys than an issuer has.
    #[error("more than {MAX_KEYS} keys")]
    TooMany,
    /// None that verifies signatures of an algorithm that is served.
    #[error("no key that is usable: RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519, for signatures")]
    NoKey,
}

impl KeySet {
    /// Reads either form. Keys for other uses and algorithms are left out, as RFC 7517 section 5 asks.
    ///
    /// # Errors
    /// The document has no usable key.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        let document = strict_json::object(json).ok_or(KeySetError::Form)?;
        let keys: Vec<VerificationKey> = match document.get("keys") {
            Some(Value::Array(keys)) if keys.len() > MAX_KEYS => return Err(KeySetError::TooMany),
            Some(Value::Array(keys)) => keys.iter().filter_map(|key| jwk(key.as_object()?)).collect(),
            Some(_) => return Err(KeySetError::Form),
            None if document.is_empty() => return Err(KeySetError::Form),
            None if document.len() > MAX_KEYS => return Err(KeySetError::TooMany),
            None => document.iter().filter_map(|(id, pem)| certificate(id, pem)).collect(),
        };
        if keys.is_empty() { Err(KeySetError::NoKey) } else { Ok(Self::of(keys)) }
    }

    /// These keys.
    pub(super) fn of(keys: Vec<VerificationKey>) -> Self {
        Self { keys, nameless: false }
    }

    /// Reads one JWK (RFC 7517 section 4) or a JWK Set.
    ///
    /// # Errors
    /// The document is neither, or has no usable key.
    pub fn of_jwk_or_set(json: &[u8]) -> Result<Self, KeySetError> {
        let document = strict_json::object(json).ok_or(KeySetError::JwkForm)?;
        if document.contains_key("keys") {
            return Self::parse(json);
        }
        document.contains_key("kty").then_some(()).ok_or(KeySetError::JwkForm)?;
        Ok(Self::of(vec![jwk(&document).ok_or(KeySetError::NoKey)?]))
    }

    /// Reads public keys or X.509 certificates in PEM, one or several in each text.
    ///
    /// # Errors
    /// A text holds something else, or a key that is not usable.
    pub fn of_pem_list<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, KeySetError> {
        let mut keys = Vec::new();
        for text in texts {
            let mut rest = text.trim();
            while !rest.is_empty() {
                // One block after the other: OpenSSL reads the first alone.
                let end = rest.find("-----END ").and_then(|at| Some(at + 9 + rest.get(at + 9..)?.find("-----")? + 5));
                let (block, after) = end.and_then(|end| rest.split_at_checked(end)).ok_or(KeySetError::Pem)?;
                let certificate = || X509::from_pem(block.as_bytes())?.public_key();
                let key = PKey::public_key_from_pem(block.as_bytes()).or_else(|_| certificate());
                let key = key.map_err(|_| KeySetError::Pem)?;
                let (key, family) = public_key(&key).ok_or(KeySetError::NoKey)?;
                keys.push(VerificationKey { id: None, algorithms: family.to_vec(), key });
                rest = after.trim();
            }
        }
        match keys.len() {
            0 => Err(KeySetError::NoKey),
            1..=MAX_KEYS => Ok(Self { keys, nameless: true }),
            _ => Err(KeySetError::TooMany),
        }
    }

    /// The keys that may have made a signature: of this id, or any if the token names none.
    pub(super) fn candidates(&self, id: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &VerificationKey> {
        self.keys
            .iter()
            .filter(move |key| self.nameless || id.is_none() || key.id.as_deref() == id)
            .filter(move |key| key.algorithms.contains(&algorithm))
    }

    /// Whether a key has this id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.nameless || self.keys.iter().any(|key| key.id.as_deref() == Some(id))
    }

    /// The ids of the keys that have one.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(|key| key.id.as_deref())
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeySet").field("keys", &self.keys.len()).finish()
    }
}

/// One JWK, if it is a public key for signatures.
fn jwk(jwk: &Map<String, Value>) -> Option<VerificationKey> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    if let Some(operations) = jwk.get("key_ops")
        && !operations.as_array()?.iter().any(|operation| operation == "verify")
    {
        return None;
    }
    let (key, family) = match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let (n, e) = (decode(text("n")?)?, decode(text("e")?)?);
            is_sound_rsa(&n).then_some(())?;
            (DecodingKey::from_rsa_raw_components(&n, &e), RSA)
        }
        ("EC", Some("P-256")) => (point(text("x")?, text("y")?, 32)?, ES256),
        ("EC", Some("P-384")) => (point(text("x")?, text("y")?, 48)?, ES384),
        ("OKP", Some("Ed25519")) => {
            (decode(text("x")?)?.len() == 32).then_some(())?;
            (DecodingKey::from_ed_components(text("x")?).ok()?, ED25519)
        }
        _ => return None,
    };
    let algorithms = match jwk.get("alg") {
        None => family.to_vec(),
        // A key is for one algorithm if it says so, and never for one of another family.
        Some(name) => {
            let named: Algorithm = name.as_str()?.parse().ok()?;
            family.contains(&named).then(|| vec![named])?
        }
    };
    Some(VerificationKey { id: text("kid").map(str::to_owned), algorithms, key })
}

const RSA: &[Algorithm] =
    &[Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];
const ES256: &[Algorithm] = &[Algorithm::ES256];
const ES384: &[Algorithm] = &[Algorithm::ES384];
const ED25519: &[Algorithm] = &[Algorithm::EdDSA];

fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

fn is_sound_rsa(n: &[u8]) -> bool {
    let significant = n.iter().skip_while(|byte| **byte == 0).count() * 8;
    (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&significant)
}

/// An uncompressed point; both coordinates have their full length (RFC 7518 section 6.2.1.2).
fn point(x: &str, y: &str, length: usize) -> Option<DecodingKey> {
    (decode(x)?.len() == length && decode(y)?.len() == length).then_some(())?;
    DecodingKey::from_ec_components(x, y).ok()
}

/// One entry of Firebase's map.
fn certificate(id: &str, pem: &Value) -> Option<VerificationKey> {
    let certificate = X509::from_pem(pem.as_str()?.as_bytes()).ok()?;
    let (key, family) = certificate.public_key().ok().and_then(|key| public_key(&key))?;
    Some(VerificationKey { id: Some(id.to_owned()), algorithms: family.to_vec(), key })
}

fn public_key(key: &PKeyRef<Public>) -> Option<(DecodingKey, &'static [Algorithm])> {
    match key.id() {
        Id::RSA => {
            let rsa = key.rsa().ok()?;
            let n = rsa.n().to_vec();
            is_sound_rsa(&n).then_some(())?;
            Some((DecodingKey::from_rsa_raw_components(&n, &rsa.e().to_vec()), RSA))
        }
        Id::EC => {
            let key = key.ec_key().ok()?;
            let (form, mut context) = (PointConversionForm::UNCOMPRESSED, BigNumContext::new().ok()?);
            let point = key.public_key().to_bytes(key.group(), form, &mut context).ok()?;
            let family = match key.group().curve_name()? {
                Nid::X9_62_PRIME256V1 => ES256,
                Nid::SECP384R1 => ES384,
                _ => return None,
            };
            Some((DecodingKey::from_ec_der(&point), family))
        }
        Id::ED25519 => {
            let x = BASE64URL_NOPAD.encode(&key.raw_public_key().ok()?);
            Some((DecodingKey::from_ed_components(&x).ok()?, ED25519))
        }
        _ => None,
    }
}
