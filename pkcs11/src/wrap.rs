//! AES key wrap (RFC 3394), by CKM_AES_KEY_WRAP or a vendor's own mechanism number.

use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki_sys::{CK_MECHANISM_TYPE, CKM_AES_KEY_WRAP};

use crate::cipher::Cipher;
use crate::device::Device;
use crate::error::{Answer, Error, InvalidInput};
use crate::key::Key;
use crate::secret_key::{Placement, SecretKeyKind, SecretKeySpec, Uses};

/// The block of 8 bytes that RFC 3394 adds and checks.
const INTEGRITY_BYTES: usize = 8;

/// The value of that block (RFC 3394, 2.2.3.1).
const INTEGRITY: [u8; INTEGRITY_BYTES] = [0xa6; INTEGRITY_BYTES];

/// Length in bytes of an AES block, which holds the integrity block and as many bytes of the key.
const BLOCK: usize = 16;

/// The key that is wrapped in a trial.
const TRIED: SecretKeySpec = SecretKeySpec {
    kind: SecretKeyKind::Aes { bytes: BLOCK },
    sensitive: true,
    extractable: true,
    uses: Uses {
        encrypt: false,
        decrypt: false,
        sign: false,
        verify: false,
        wrap: false,
        unwrap: false,
        derive: false,
    },
};

/// The mechanism numbers under which the token has AES key wrap, if they differ from those of PKCS#11.
#[derive(Debug, Clone, Copy, Default)]
pub struct WrapMechanisms {
    /// Used instead of CKM_AES_KEY_WRAP: RFC 3394, without padding.
    pub plain: Option<u32>,
    /// Used instead of CKM_AES_KEY_WRAP_PAD and CKM_AES_KEY_WRAP_KWP: RFC 5649, with padding.
    pub padded: Option<u32>,
}

impl WrapMechanisms {
    pub(crate) fn plain(self) -> CK_MECHANISM_TYPE {
        self.plain.map_or(CKM_AES_KEY_WRAP, CK_MECHANISM_TYPE::from)
    }

    pub(crate) fn padded(self) -> Option<CK_MECHANISM_TYPE> {
        self.padded.map(CK_MECHANISM_TYPE::from)
    }
}

impl Device {
    /// Wraps `key` under `wrapping`. The blob must be 8 bytes longer than the key ([`Error::WrapFormat`]).
    ///
    /// Only keys of known length can be wrapped, and only if the length is 16 bytes or more and a multiple of 8.
    /// SoftHSM pads other keys without an error, and such a key is longer after unwrapping and has another HMAC
    /// ([`InvalidInput::WrapLength`]).
    pub fn wrap(&self, wrapping: &Key, key: &Key) -> Result<Vec<u8>, Error> {
        let bytes = key
            .bytes()
            .filter(|bytes| *bytes >= 16 && bytes.is_multiple_of(8))
            .ok_or(Error::InvalidInput(InvalidInput::WrapLength))?;
        let (by, of) = (wrapping.handle(self.generation)?, key.handle(self.generation)?);
        let expected = bytes + INTEGRITY_BYTES;
        let blob = self.work(|session| self.module.functions.wrap(session, self.plain_wrap, by, of, expected))?;
        if blob.len() == expected { Ok(blob) } else { Err(Error::WrapFormat { bytes, found: blob.len(), expected }) }
    }

    /// Unwraps `blob` to a session key, which lives until its last clone is dropped, or the device.
    ///
    /// [`Error::BlobInvalid`] if the blob is damaged or was wrapped by another key. [`Error::TemplateRefused`] if
    /// CKA_UNWRAP_TEMPLATE of `wrapping` does not allow what `spec` requests.
    pub fn unwrap(&self, wrapping: &Key, blob: &[u8], spec: &SecretKeySpec) -> Result<Key, Error> {
        spec.kind.validate()?;
        if blob.len() != spec.kind.bytes() + INTEGRITY_BYTES {
            return Err(Error::InvalidInput(InvalidInput::BlobLength));
        }
        // No CKA_VALUE_LEN: SoftHSM refuses it here, and the length of the blob implies it.
        let (template, protection) = (spec.template(Placement::Session), (spec.sensitive, spec.extractable));
        let handle = self.unwrap_by(self.plain_wrap, wrapping, blob, &template, protection)?;
        Ok(self.session_key(handle, spec.kind.bytes()))
    }

    /// Unwraps a blob to a key with these values of CKA_SENSITIVE and CKA_EXTRACTABLE, which the template contains too.
    /// Distinguishes a damaged blob from a failing device: if the token gives the same answer for both, it has to
    /// unwrap something else by the same key.
    pub(crate) fn unwrap_by(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        wrapping: &Key,
        blob: &[u8],
        template: &[Attribute],
        protection: (bool, bool),
    ) -> Result<ObjectHandle, Error> {
        let by = wrapping.handle(self.generation)?;
        let functions = &self.module.functions;
        self.read(
            || self.try_own(|session| functions.unwrap(session, mechanism, by, blob, template)),
            || self.unwraps(wrapping, protection),
            Error::BlobInvalid,
        )
    }

    /// Tries the given mechanism numbers, and returns the first one that the token does not know, with its answer. The
    /// numbers of PKCS#11 are not tried.
    pub fn unknown_wrap_mechanism(&self, given: WrapMechanisms) -> Result<Option<(u32, Answer)>, Error> {
        let numbers = [given.plain, given.padded].into_iter().flatten();
        for number in numbers {
            let (kek, key) = (self.generate(&wrapping(false))?, self.generate(&TRIED)?);
            let (by, of) = (kek.handle(self.generation)?, key.handle(self.generation)?);
            let functions = &self.module.functions;
            match self.work(|session| functions.wrap(session, CK_MECHANISM_TYPE::from(number), by, of, 2 * BLOCK)) {
                Err(Error::MechanismUnsupported(answer)) => return Ok(Some((number, answer))),
                Err(error) if error.loss().is_some() => return Err(error),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Whether the token wraps according to RFC 3394. The same number may mean another kind of key wrap at another
    /// vendor, and RFC 5649 makes blobs of the same length. `None` if the token does not allow a wrapping key to
    /// decrypt its blob block by block, which is the only way to find out from outside.
    pub(crate) fn wraps_by_rfc_3394(&self) -> Result<Option<bool>, Error> {
        let found = self.generate(&wrapping(true)).and_then(|kek| {
            let blob = self.wrap(&kek, &self.generate(&TRIED)?)?;
            self.integrity_of(&kek, &blob)
        });
        match found {
            Ok(found) => Ok(found.map(|found| found == INTEGRITY)),
            Err(error) if error.loss().is_some() => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Returns the integrity block of a blob (RFC 3394, 2.2.2, steps 1 and 2), by decrypting single AES blocks.
    fn integrity_of(&self, kek: &Key, blob: &[u8]) -> Result<Option<[u8; INTEGRITY_BYTES]>, Error> {
        let Some((first, rest)) = blob.split_first_chunk::<INTEGRITY_BYTES>() else { return Ok(None) };
        let (mut integrity, mut parts) = (u64::from_be_bytes(*first), rest.to_vec());
        let count = parts.len() / INTEGRITY_BYTES;
        for round in (0..6).rev() {
            for number in (0..count).rev() {
                let Some(part) = parts.get_mut(number * INTEGRITY_BYTES..(number + 1) * INTEGRITY_BYTES) else {
                    continue;
                };
                let Ok(step) = u64::try_from(count * round + number + 1) else { return Ok(None) };
                let block = [&(integrity ^ step).to_be_bytes(), &*part].concat();
                let opened = self.decipher(kek, &Cipher::AesEcb, &block)?;
                let Some((head, tail)) = opened.split_first_chunk::<INTEGRITY_BYTES>() else { return Ok(None) };
                integrity = u64::from_be_bytes(*head);
                if tail.len() == part.len() {
                    part.copy_from_slice(tail);
                }
            }
        }
        Ok(Some(integrity.to_be_bytes()))
    }
}

/// Returns the specification of a wrapping key for a trial. With `decrypt`, it may decrypt what it has wrapped, which
/// no other wrapping key may.
fn wrapping(decrypt: bool) -> SecretKeySpec {
    let uses = Uses { decrypt, wrap: true, ..Uses::default() };
    SecretKeySpec { kind: SecretKeyKind::Aes { bytes: 32 }, sensitive: true, extractable: false, uses }
}
