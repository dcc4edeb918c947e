//! The keys of an issuer: a JWK Set (RFC 7517), or the map of key id to X.509 certificate that Firebase publishes.

use std::fmt;

use serde_json::{Map, Value};

use super::jose::Algorithm;
use super::jwk::{LeftOut, NotTaken, VerificationKey, key_id};
use super::strict_json;
use crate::pem;

/// The maximum number of keys of one issuer.
const MAX_KEYS: usize = 100;

/// The maximum number of keys for which a message gives the reason of their omission.
const MAX_TOLD: usize = 8;

/// The keys of one issuer that can verify its tokens.
#[derive(Default)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
    left_out: LeftOuts,
    /// Whether the keys have no ids. A token that names a key id may then be signed by any of them.
    nameless: bool,
}

/// The keys that were left out, in the order of the document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOuts(pub Vec<LeftOut>);

impl fmt::Display for LeftOuts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, key) in self.0.iter().take(MAX_TOLD).enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(formatter, "{separator}{key}")?;
        }
        match self.0.len().saturating_sub(MAX_TOLD) {
            0 => Ok(()),
            more => write!(formatter, "; and {more} more"),
        }
    }
}

/// The reason for which a document has no usable keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// The document is neither a JWK Set nor a map of certificates.
    #[error("neither a JWK Set nor a map of key ids to X.509 certificates")]
    Form,
    /// The document is neither a JWK nor a JWK Set.
    #[error("neither a JWK nor a JWK Set")]
    JwkForm,
    /// A text is not a public key in PEM.
    #[error("key {number} is not a public key or an X.509 certificate in PEM{detail}", detail = detail(problem))]
    Pem {
        /// The position of the key in the list, from 1.
        number: usize,
        /// The problem, if it is not empty.
        problem: String,
    },
    /// The document has too many keys.
    #[error("more than {MAX_KEYS} keys")]
    TooMany,
    /// No key verifies signatures of an algorithm that is served.
    #[error(
        "no key that is usable, which is RSA of 2048 to 16384 bits, P-256, P-384, P-521 or Ed25519, for signatures{detail}",
        detail = detail(.0)
    )]
    NoKey(LeftOuts),
    /// One of several keys, all of which must be usable, is not.
    #[error("{0}")]
    Key(LeftOut),
}

fn detail(detail: &impl ToString) -> String {
    let detail = detail.to_string();
    if detail.is_empty() { detail } else { format!(": {detail}") }
}

impl KeySet {
    /// Reads either form. Keys for other uses and algorithms are left out, as RFC 7517 section 5 requires, and so are
    /// unsafe keys. The reasons are kept in the set.
    ///
    /// # Errors
    /// The document has no usable key.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        let document = strict_json::object(json).ok_or(KeySetError::Form)?;
        match document.get("keys") {
            Some(Value::Array(keys)) => {
                let id = |key: &Value| key.as_object().and_then(key_id);
                let taken = |key: &Value| VerificationKey::of_jwk(key.as_object().ok_or(NotTaken::Form)?);
                Self::sorted(keys.iter().map(|key| (id(key), taken(key))))
            }
            Some(_) => Err(KeySetError::Form),
            None if document.is_empty() => Err(KeySetError::Form),
            None => {
                let entries = document.iter();
                Self::sorted(entries.map(|(id, pem)| (Some(id.clone()), VerificationKey::of_certificate(id, pem))))
            }
        }
    }

    /// Sorts the keys into usable ones and those that are left out, with the reasons.
    fn sorted(
        all: impl ExactSizeIterator<Item = (Option<String>, Result<VerificationKey, NotTaken>)>,
    ) -> Result<Self, KeySetError> {
        if all.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let mut set = Self::default();
        for (number, (id, key)) in all.enumerate() {
            match key {
                Ok(key) => set.keys.push(key),
                Err(reason) => set.left_out.0.push(LeftOut { number: number + 1, id, reason }),
            }
        }
        if set.keys.is_empty() { Err(KeySetError::NoKey(set.left_out)) } else { Ok(set) }
    }

    /// Makes a set of these keys.
    pub(super) fn of(keys: Vec<VerificationKey>) -> Self {
        Self { keys, ..Self::default() }
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
        Self::of_jwk(&document)
    }

    fn of_jwk(jwk: &Map<String, Value>) -> Result<Self, KeySetError> {
        Self::sorted([(key_id(jwk), VerificationKey::of_jwk(jwk))].into_iter())
    }

    /// Reads public keys or X.509 certificates in PEM, one or several in each text. All of them must be usable.
    ///
    /// # Errors
    /// A text holds something else, or a key that is not usable.
    pub fn of_pem_list<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, KeySetError> {
        let mut keys = Vec::new();
        for text in texts {
            let number = keys.len() + 1;
            let unread = |problem: String| KeySetError::Pem { number, problem };
            let blocks = pem::blocks(text.as_bytes()).map_err(|error| unread(error.to_string()))?;
            if blocks.is_empty() {
                return Err(unread(String::new()));
            }
            for block in blocks {
                let number = keys.len() + 1;
                let key = VerificationKey::of_pem(&block);
                keys.push(key.map_err(|reason| KeySetError::Key(LeftOut { number, id: None, reason }))?);
            }
        }
        match keys.len() {
            0 => Err(KeySetError::NoKey(LeftOuts::default())),
            1..=MAX_KEYS => Ok(Self { keys, nameless: true, ..Self::default() }),
            _ => Err(KeySetError::TooMany),
        }
    }

    /// Returns the keys that may have made a signature: those with this id, or all if the token names none.
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

    /// Returns the ids of the keys that have one.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(|key| key.id.as_deref())
    }

    /// Returns the keys of the document that are not in the set.
    #[must_use]
    pub fn left_out(&self) -> &LeftOuts {
        &self.left_out
    }

    /// Logs which keys of `issuer` were left out and why, and warnings about the other keys.
    pub fn log_findings(&self, issuer: &str) {
        for key in &self.left_out.0 {
            if key.reason.is_for_others() {
                tracing::info!(issuer, %key, "a key of the issuer is not used");
            } else {
                tracing::warn!(issuer, %key, "a key of the issuer is refused");
            }
        }
        for key in &self.keys {
            if let Some(warning) = &key.warning {
                tracing::warn!(issuer, key = key.id.as_deref(), %warning, "a key of the issuer is weak");
            }
        }
    }

    /// Whether [`Self::log_findings`] would log the same for the other set.
    pub(super) fn reads_like(&self, other: &Self) -> bool {
        let weak = |set: &Self| -> Vec<Option<String>> {
            set.keys.iter().filter(|key| key.warning.is_some()).map(|key| key.id.clone()).collect()
        };
        self.left_out == other.left_out && weak(self) == weak(other)
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are no keys.
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
