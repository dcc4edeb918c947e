//! The API token: a managed key whose value a caller presents. The comparison is made inside the HSM token, so the
//! value of the key is never exported for it.

use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rand::rand_bytes;
use openssl::sign::Signer;

use super::clock::now;
use super::disabled;
use super::error::Error;
use super::gate::Kms;
use super::object::Object;
use crate::auth::CredentialState;
use crate::custody::{Error as CustodyError, Mac};
use crate::kmip::enumerations::{CryptographicAlgorithm, State};
use crate::kmip::state::{Dates, Refusal, effective};
use crate::kmip::ttlv::DateTime;
use crate::policy::Terms;
use crate::principal::Username;
use crate::secret::is_equal;
use crate::store::object::Lifecycle;

/// Whether the API token of a key can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiTokenKey {
    /// It can be used.
    Active,
    /// The key is disabled: its API token is refused until the key is enabled.
    Disabled,
    /// The key was revoked or destroyed, or its deactivation date has passed: its API token is refused. Other ways of
    /// authentication still work.
    Ended(State),
}

/// Refuses a key that does not exist or is not active yet, as [`Kms::check_api_token`] does, but only by its row:
/// neither the row's binding is checked, nor whether the HSM token can compare such a key.
///
/// # Errors
/// The database never had such an object, or the object is not active yet.
pub fn check_api_token_row(id: &str, row: Option<Lifecycle>) -> Result<ApiTokenKey, Error> {
    let state = row.and_then(|row| {
        let date = |seconds: Option<i64>| seconds.map(DateTime);
        let (activation, deactivation) = (date(row.activation_date), date(row.deactivation_date));
        let dates = Dates { activation, process_start: None, protect_stop: None, deactivation };
        let stored = u32::try_from(row.state).ok().and_then(State::from_code)?;
        Some(effective(stored, &dates, DateTime(now())))
    });
    standing(state.ok_or_else(|| Error::NotFound(id.to_owned()))?)
}

fn standing(state: State) -> Result<ApiTokenKey, Error> {
    match state {
        State::Active => Ok(ApiTokenKey::Active),
        State::PreActive => Err(Refusal::State(state).into()),
        ended => Ok(ApiTokenKey::Ended(ended)),
    }
}

impl Kms {
    /// Refuses a key that could never be used as an API token. Reports a key that cannot be used any more.
    ///
    /// # Errors
    /// The database never had such an object, the object is not active yet, or the HSM token cannot compare with this
    /// key.
    pub fn check_api_token(&self, id: &str) -> Result<ApiTokenKey, Error> {
        let (object, state) =
            self.api_token_object(id, DateTime(now()))?.ok_or_else(|| Error::NotFound(id.to_owned()))?;
        let standing = standing(state)?;
        if standing == ApiTokenKey::Active {
            // A key that was made in the HSM and never left it is known to no caller.
            let is_unknown =
                object.attributes.always_sensitive == Some(true) || object.attributes.never_extractable == Some(true);
            if is_unknown {
                return Err(Error::UnknownApiToken);
            }
            let key = length(&object).and_then(|length| self.fits(&object, length));
            key.ok_or(Error::UnsupportedParameters("the HSM cannot compare an API token with this key"))?;
        }
        let is_disabled = standing == ApiTokenKey::Active && disabled::is_disabled(&object.attributes);
        Ok(if is_disabled { ApiTokenKey::Disabled } else { standing })
    }

    fn fits(&self, object: &Object, length: usize) -> Option<Mac> {
        let mac = mechanism(object);
        self.api_token_key_size(mac).ok()?.contains(&length).then_some(mac)
    }
}

impl CredentialState for Kms {
    type Error = Error;

    fn terms(&self, subject: &Username, basis: &str) -> Option<Arc<Terms>> {
        self.terms_of(subject.as_str(), basis)
    }

    fn version(&self, id: &str) -> Result<Option<i64>, Error> {
        Ok(self.api_token_key(id, DateTime(now()))?.map(|object| object.version))
    }

    fn compare(&self, id: &str, presented: &[u8]) -> Result<Option<i64>, Error> {
        let Some(object) = self.api_token_key(id, DateTime(now()))? else { return Ok(None) };
        // HMAC pads a short key with zeros, so `token` and `token` + NUL would make the same MAC.
        if length(&object) != Some(presented.len()) {
            return Ok(None);
        }
        let mechanism = mechanism(&object);
        let mut nonce = [0; 32];
        rand_bytes(&mut nonce).map_err(CustodyError::Random)?;
        let expected = self.api_token_mac(&object, mechanism, &nonce)?;
        let made = software_mac(mechanism, presented, &nonce).map_err(CustodyError::Random)?;
        let is_right = is_equal(&expected, &made);
        if is_right {
            self.note_use_of(&object, DateTime(now()));
        }
        Ok(is_right.then_some(object.version))
    }
}

/// The length of the key in bytes; `None` if the object is not a secret key.
fn length(object: &Object) -> Option<usize> {
    if !object.kind.has_known_value() {
        return None;
    }
    usize::try_from(object.attributes.cryptographic_length?).ok().map(|bits| bits / 8)
}

/// AES keys make a CMAC. All other keys make an HMAC with SHA-256, whatever their algorithm.
fn mechanism(object: &Object) -> Mac {
    if object.algorithm() == Some(CryptographicAlgorithm::AES) { Mac::AesCmac } else { Mac::HmacSha256 }
}

/// Computes the same MAC by the presented bytes.
fn software_mac(mechanism: Mac, key: &[u8], data: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    if mechanism != Mac::AesCmac {
        return Signer::new(MessageDigest::sha256(), &*PKey::hmac(key)?)?.sign_oneshot_to_vec(data);
    }
    let cipher = match key.len() {
        16 => openssl::symm::Cipher::aes_128_cbc(),
        24 => openssl::symm::Cipher::aes_192_cbc(),
        _ => openssl::symm::Cipher::aes_256_cbc(),
    };
    let key = PKey::cmac(&cipher, key)?;
    let mut signer = Signer::new_without_digest(&key)?;
    signer.update(data)?;
    signer.sign_to_vec()
}
