//! The server's own keys for trials. They show whether the device fails, the data is damaged, or only one key fails.

use std::sync::{Mutex, PoisonError};

use cryptoki::session::Session;

use crate::cipher::Cipher;
use crate::device::Device;
use crate::enciphering::Encrypted;
use crate::error::{Error, Loss};
use crate::key::Key;
use crate::mac::MacMechanism;
use crate::secret_key::{Placement, SecretKeyKind, SecretKeySpec, Uses};

/// The text that is encrypted. Each key encrypts once, so that the IV may always be the same.
const TEXT: &[u8] = b"claviger: does the device decrypt?";

const KIND: SecretKeyKind = SecretKeyKind::Aes { bytes: 32 };

/// The specification of a key that encrypts and never leaves.
const SPEC: SecretKeySpec = SecretKeySpec { kind: KIND, sensitive: true, extractable: false, uses: Uses::CIPHER };

/// A key and a text that it has encrypted. Both are made at the first use.
#[derive(Default)]
pub(crate) struct Canary(Mutex<Option<(Key, Encrypted)>>);

impl Device {
    /// Makes the device do its work with keys of its own. Makes a key that is SENSITIVE and not EXTRACTABLE, by
    /// wrapping and unwrapping it with `kek` if there is one; encrypts and decrypts with it; and makes a MAC with `mac`
    /// (HMAC-SHA256).
    pub fn exercise(&self, kek: Option<&Key>, mac: &Key) -> Result<(), Error> {
        let key = match kek {
            Some(kek) => self.wrapped_and_back(kek, (true, false), Uses::CIPHER)?,
            None => self.generate(&SPEC)?,
        };
        let sealed = self.seal(key)?;
        let is_opened = self.opens(&sealed)?;
        self.mac(mac, MacMechanism::HmacSha256, TEXT)?;
        if is_opened { Ok(()) } else { Err(Error::Binding(cryptoki::error::Error::InvalidValue)) }
    }

    /// Whether the device decrypts what it has encrypted itself. An error means that the device is too busy to find
    /// out.
    pub(crate) fn decrypts(&self) -> Result<bool, Error> {
        let canary = self.canary.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(canary) = canary
            && proves_failure(self.opens(&canary))?
        {
            return Ok(true);
        }
        // The key of the canary may be the one that is lost.
        let renewed = self.make_canary().and_then(|canary| Ok((self.opens(&canary)?, canary)));
        let (is_well, kept) = match renewed {
            Ok((true, canary)) => (Ok(true), Some(canary)),
            Ok((false, _)) => (Ok(false), None),
            Err(error) => (proves_failure(Err(error)), None),
        };
        *self.canary.0.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        is_well
    }

    fn make_canary(&self) -> Result<(Key, Encrypted), Error> {
        self.seal(self.generate(&SPEC)?)
    }

    fn seal(&self, key: Key) -> Result<(Key, Encrypted), Error> {
        let sealed = self.encrypt_afresh(&key, &cipher(self.only_iv()), TEXT)?;
        Ok((key, sealed))
    }

    fn opens(&self, (key, sealed): &(Key, Encrypted)) -> Result<bool, Error> {
        let iv = sealed.own_iv.as_deref().unwrap_or(self.only_iv());
        Ok(*self.decipher(key, &cipher(iv), &sealed.data)? == TEXT)
    }

    /// Whether the device unwraps what it has wrapped itself, to a key with these values of CKA_SENSITIVE and
    /// CKA_EXTRACTABLE. An error means that the device is too busy to find out.
    pub(crate) fn unwraps(&self, wrapping: &Key, protection: (bool, bool)) -> Result<bool, Error> {
        proves_failure(self.wrapped_and_back(wrapping, protection, Uses::default()).map(|_| true))
    }

    fn wrapped_and_back(&self, kek: &Key, (sensitive, extractable): (bool, bool), uses: Uses) -> Result<Key, Error> {
        let spec = SecretKeySpec { kind: KIND, sensitive: true, extractable: true, uses: Uses::default() };
        let blob = self.wrap(kek, &self.generate(&spec)?)?;
        let template = SecretKeySpec { kind: KIND, sensitive, extractable, uses }.template(Placement::Session);
        let by = kek.handle(self.generation)?;
        let unwrap = |session: &Session| self.module.functions.unwrap(session, self.plain_wrap, by, &blob, &template);
        let handle = self.own(unwrap)?;
        Ok(self.session_key(handle, KIND.bytes()))
    }
}

fn cipher(iv: &[u8]) -> Cipher<'_> {
    Cipher::AesGcm { iv, aad: &[], tag_bits: 128 }
}

/// Interprets a trial of the device: a refusal means that it fails, and a lack of sessions or room proves nothing.
fn proves_failure(tried: Result<bool, Error>) -> Result<bool, Error> {
    match tried {
        Err(error) if !matches!(error, Error::Busy) && error.loss() != Some(Loss::Room) => Ok(false),
        told => told,
    }
}
