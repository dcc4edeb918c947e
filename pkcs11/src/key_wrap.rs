//! Keys of callers, wrapped under keys of callers: by AES key wrap with and without padding, by AES-CBC and by RSA-OAEP.

use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki_sys::CKA_VALUE_LEN;

use crate::device::Device;
use crate::error::{Error, InvalidInput};
use crate::key::Key;
use crate::protection;
use crate::raw::Wrapping;
use crate::rsa::Oaep;
use crate::secret_key::{Placement, SecretKeySpec};

/// The bytes that AES key wrap adds to a key, or to a padded one.
const INTEGRITY: usize = 8;

/// Length in bytes of an AES block.
const BLOCK: usize = 16;

/// A way of wrapping by an AES key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AesWrap {
    /// RFC 3394 (CKM_AES_KEY_WRAP).
    Plain,
    /// RFC 5649, with padding (CKM_AES_KEY_WRAP_KWP).
    Padded,
    /// CBC with the padding of PKCS#7 (CKM_AES_CBC_PAD). Nothing shows that a blob was changed.
    Cbc {
        /// The IV.
        iv: [u8; BLOCK],
    },
}

/// A way of wrapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyWrap<'a> {
    /// By an AES key.
    Aes(AesWrap),
    /// By the public half of a pair: RSAES-OAEP (CKM_RSA_PKCS_OAEP).
    Oaep(Oaep<'a>),
}

impl From<AesWrap> for KeyWrap<'_> {
    fn from(how: AesWrap) -> Self {
        Self::Aes(how)
    }
}

impl AesWrap {
    /// Returns the length of the blob of a key, both in bytes.
    pub fn blob(self, bytes: usize) -> usize {
        match self {
            Self::Plain => bytes + INTEGRITY,
            Self::Padded => bytes.next_multiple_of(INTEGRITY) + INTEGRITY,
            Self::Cbc { .. } => (bytes / BLOCK + 1) * BLOCK,
        }
    }
}

impl Device {
    /// Wraps `key` under `wrapping`, a key of a caller. Its length must be 16 bytes or more and a multiple of 8, as for
    /// [`Self::wrap`].
    ///
    /// [`Error::MechanismUnsupported`] if the token does not wrap so.
    pub fn wrap_given(&self, wrapping: &Key, key: &Key, how: AesWrap) -> Result<Vec<u8>, Error> {
        if how == AesWrap::Plain {
            return self.wrap(wrapping, key);
        }
        let bytes = key
            .bytes()
            .filter(|bytes| *bytes >= 16 && bytes.is_multiple_of(INTEGRITY))
            .ok_or(Error::InvalidInput(InvalidInput::WrapLength))?;
        let (by, of) = (wrapping.handle(self.generation)?, key.handle(self.generation)?);
        let expected = how.blob(bytes);
        let blob = self.by_aes(how, |mechanism| {
            self.work(|session| self.module.functions.wrap(session, mechanism, by, of, expected))
        })?;
        if blob.len() == expected { Ok(blob) } else { Err(Error::WrapFormat { bytes, found: blob.len(), expected }) }
    }

    /// Unwraps a blob from outside by a key of a caller. It may not wrap, so that another key shows whether the device works.
    ///
    /// [`Error::BlobInvalid`] or [`Error::DecryptionFailed`] if the blob is damaged, was wrapped under another key, or holds a
    /// key of another length; [`Error::MechanismUnsupported`] if the token does not unwrap so.
    pub fn unwrap_given(
        &self,
        wrapping: &Key,
        blob: &[u8],
        spec: &SecretKeySpec,
        how: KeyWrap<'_>,
    ) -> Result<Key, Error> {
        spec.kind.validate()?;
        let bytes = spec.kind.bytes();
        if let KeyWrap::Aes(how) = how
            && blob.len() != how.blob(bytes)
        {
            return Err(Error::InvalidInput(InvalidInput::BlobLength));
        }
        let handle = self.unwrap_so(wrapping, blob, &spec.template(Placement::Session), how)?;
        let key = self.session_key(handle, bytes);
        // SoftHSM does not note the length of a key that it unwrapped.
        match self.value_length(handle) {
            Some(found) if found != 0 && found != bytes => Err(Error::InvalidInput(InvalidInput::BlobLength)),
            _ => Ok(key),
        }
    }

    fn unwrap_so(
        &self,
        wrapping: &Key,
        blob: &[u8],
        template: &[Attribute],
        how: KeyWrap<'_>,
    ) -> Result<ObjectHandle, Error> {
        let (by, functions) = (wrapping.handle(self.generation)?, &self.module.functions);
        let unwrap = |mechanism: Wrapping<'_>| {
            self.read(
                || self.try_own(|session| functions.unwrap(session, mechanism, by, blob, template)),
                || self.unwraps(&protection::kek(self)?, (true, false)),
                Error::BlobInvalid,
            )
        };
        match how {
            KeyWrap::Aes(how) => self.by_aes(how, unwrap),
            KeyWrap::Oaep(oaep) => {
                let answer = unwrap(Wrapping::Known(&self.oaep_mechanism(oaep)?));
                answer.map_err(|error| match error {
                    // SoftHSM's answer to a hash that it does not have.
                    Error::BlobInvalid(answer) if matches!(answer.value, RvError::ArgumentsBad) => {
                        Error::MechanismUnsupported(answer)
                    }
                    error => error,
                })
            }
        }
    }

    fn by_aes<T>(&self, how: AesWrap, call: impl FnOnce(Wrapping<'_>) -> Result<T, Error>) -> Result<T, Error> {
        match how {
            AesWrap::Plain => call(self.plain_wrap.into()),
            AesWrap::Padded => call(self.padded.first()?.into()),
            AesWrap::Cbc { iv } => call(Wrapping::Known(&Mechanism::AesCbcPad(iv))),
        }
    }

    /// Returns CKA_VALUE_LEN, in bytes; `None` if the token does not tell it.
    fn value_length(&self, key: ObjectHandle) -> Option<usize> {
        let read = self.work(|session| self.module.functions.bytes(session, key, CKA_VALUE_LEN));
        let bytes: [u8; size_of::<cryptoki_sys::CK_ULONG>()] = read.ok()?.as_slice().try_into().ok()?;
        usize::try_from(cryptoki_sys::CK_ULONG::from_ne_bytes(bytes)).ok()
    }
}
