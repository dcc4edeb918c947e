//! Keys of the server's own, by which a device that fails is told from data that is damaged, and from one key that fails by itself.

use std::sync::{Mutex, PoisonError};

use cryptoki::mechanism::Mechanism;

use crate::cipher::Cipher;
use crate::device::Device;
use crate::error::Error;
use crate::key::Key;
use crate::mac::MacMechanism;
use crate::raw::Direction;
use crate::secret_key::{Placement, SecretKeyKind, SecretKeySpec, Uses};

/// What is encrypted. Each key encrypts once, so that the IV may always be the same.
const TEXT: &[u8] = b"claviger: does the device decrypt?";

const CIPHER: Cipher<'static> = Cipher::AesGcm { iv: &[1; 12], aad: &[], tag_bits: 128 };

const KIND: SecretKeyKind = SecretKeyKind::Aes { bytes: 32 };

/// A key with what it has encrypted, made when it is needed first.
#[derive(Default)]
pub(crate) struct Canary(Mutex<Option<(Key, Vec<u8>)>>);

impl Device {
    /// Has the device do with keys of its own what it is there for: makes one, wraps it by `kek` and unwraps it again to one that is
    /// SENSITIVE and not EXTRACTABLE, encrypts and decrypts by that one, and makes a MAC by `mac` (HMAC-SHA256).
    pub fn exercise(&self, kek: &Key, mac: &Key) -> Result<(), Error> {
        let uses = Uses { encrypt: true, decrypt: true, ..Uses::default() };
        let key = self.wrapped_and_back(kek, (true, false), uses)?;
        let sealed = self.cipher(&key, &CIPHER, Direction::Encrypt, TEXT)?;
        let opened = self.cipher(&key, &CIPHER, Direction::Decrypt, &sealed)?;
        self.mac(mac, MacMechanism::HmacSha256, TEXT)?;
        if *opened == TEXT { Ok(()) } else { Err(Error::Binding(cryptoki::error::Error::InvalidValue)) }
    }

    /// Whether the device decrypts what it has encrypted itself.
    pub(crate) fn decrypts(&self) -> bool {
        let canary = self.canary.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if canary.is_some_and(|canary| self.opens(&canary)) {
            return true;
        }
        // Its key may be the one that is lost.
        let made = self.make_canary();
        let is_well = made.as_ref().is_ok_and(|canary| self.opens(canary));
        *self.canary.0.lock().unwrap_or_else(PoisonError::into_inner) = made.ok().filter(|_| is_well);
        is_well
    }

    fn make_canary(&self) -> Result<(Key, Vec<u8>), Error> {
        let uses = Uses { encrypt: true, decrypt: true, ..Uses::default() };
        let key = self.generate(&SecretKeySpec { kind: KIND, sensitive: true, extractable: false, uses })?;
        let sealed = self.encrypt(&key, &CIPHER, TEXT)?;
        Ok((key, sealed))
    }

    fn opens(&self, (key, sealed): &(Key, Vec<u8>)) -> bool {
        self.cipher(key, &CIPHER, Direction::Decrypt, sealed).is_ok_and(|opened| *opened == TEXT)
    }

    /// Whether the device unwraps what it has wrapped itself, to a key with these values of CKA_SENSITIVE and CKA_EXTRACTABLE.
    pub(crate) fn unwraps(&self, wrapping: &Key, protection: (bool, bool)) -> bool {
        self.wrapped_and_back(wrapping, protection, Uses::default()).is_ok()
    }

    fn wrapped_and_back(&self, kek: &Key, (sensitive, extractable): (bool, bool), uses: Uses) -> Result<Key, Error> {
        let uses_nothing = Uses::default();
        let spec = SecretKeySpec { kind: KIND, sensitive: true, extractable: true, uses: uses_nothing };
        let blob = self.wrap(kek, &self.generate(&spec)?)?;
        let template = SecretKeySpec { kind: KIND, sensitive, extractable, uses }.template(Placement::Session);
        let by = kek.handle(self.generation)?;
        let handle = self.own(|session| session.unwrap_key(&Mechanism::AesKeyWrap, by, &blob, &template))?;
        Ok(self.session_key(handle, KIND.bytes()))
    }
}
