//! JSON Web Signatures in the compact serialization (RFC 7515 section 7.1), read strictly.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::jose::{self, Algorithm};
use super::jwk::VerificationKey;
use super::jwks::KeySet;
use super::strict_json;

/// The maximum length of a token, in bytes.
pub const MAX_TOKEN: usize = 16_384;

/// The maximum number of keys that are tried for one token. A token that names its key is tried only with that one.
const MAX_TRIED: usize = 8;

/// The reason for which a JWS is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// The token is longer than [`MAX_TOKEN`] bytes.
    #[error("it is longer than {MAX_TOKEN} bytes")]
    TooLong,
    /// The token is not three parts of base64url, or its header is not a JSON object without repeated members.
    #[error("it is not a well-formed JWS")]
    Malformed,
    /// The algorithm is `none`, an HMAC, or unknown.
    #[error("its algorithm is not served")]
    Algorithm,
    /// `crit` or `b64`: extensions that must be understood (RFC 7515 section 4.1.11, RFC 7797).
    #[error("its header has a critical extension")]
    Critical,
    /// The issuer has no key with that id.
    #[error("the issuer has no key of its key id")]
    UnknownKey,
    /// The key with that id is not for that algorithm.
    #[error("the issuer's key is not for its algorithm")]
    WrongKey,
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Signature,
}

/// A JWS whose signature is not verified yet.
pub struct Jws<'a> {
    signing_input: &'a str,
    signature: &'a str,
    algorithm: Algorithm,
    key_id: Option<String>,
    payload: Vec<u8>,
}

/// Whether a bearer token has the shape of a JWS: three parts.
#[must_use]
pub fn is_compact(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() == 2
}

impl<'a> Jws<'a> {
    /// Reads header and payload. Keys in the header (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
    ///
    /// # Errors
    /// The token is malformed, or needs something that is not served.
    pub fn parse(token: &'a str) -> Result<Self, JwsError> {
        if token.len() > MAX_TOKEN {
            return Err(JwsError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Malformed)?;
        if payload.contains('.') {
            return Err(JwsError::Malformed);
        }
        // No padding is allowed, and the spare bits of the last character must be zero, so that one signature has one
        // spelling.
        let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| JwsError::Malformed);
        let mut header = strict_json::object(&decode(header)?).ok_or(JwsError::Malformed)?;
        // A member that is null counts as absent, because some libraries write null for a value that they do not have.
        header.retain(|_, value| !value.is_null());
        let payload = decode(payload)?;
        decode(signature)?;
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(JwsError::Critical);
        }
        let algorithm = algorithm(&header)?;
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) if id.len() <= 1024 => Some(id.clone()),
            Some(_) => return Err(JwsError::Malformed),
        };
        Ok(Self { signing_input, signature, algorithm, key_id, payload })
    }

    /// Returns the payload, which must not be trusted before [`Self::verify`].
    #[must_use]
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Returns the algorithm that the header names.
    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the key id of the header.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Verifies the signature by the keys of one issuer. The key determines which algorithms may be used with it.
    ///
    /// # Errors
    /// No key has that id and algorithm, or the signature is wrong.
    pub fn verify(&self, keys: &KeySet) -> Result<(), JwsError> {
        let id = self.key_id.as_deref();
        if id.is_some_and(|id| !keys.has(id)) {
            return Err(JwsError::UnknownKey);
        }
        let mut candidates = keys.candidates(id, self.algorithm).take(MAX_TRIED).peekable();
        if candidates.peek().is_none() {
            return Err(JwsError::WrongKey);
        }
        let made = |key: &VerificationKey| {
            jose::verify(self.signature, self.signing_input.as_bytes(), &key.key, self.algorithm)
        };
        if candidates.any(made) { Ok(()) } else { Err(JwsError::Signature) }
    }
}

fn algorithm(header: &Map<String, Value>) -> Result<Algorithm, JwsError> {
    let name = header.get("alg").and_then(Value::as_str).ok_or(JwsError::Malformed)?;
    Algorithm::named(name).ok_or(JwsError::Algorithm)
}
