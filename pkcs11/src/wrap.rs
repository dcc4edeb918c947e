//! AES key wrap (RFC 3394, CKM_AES_KEY_WRAP).

use cryptoki::mechanism::Mechanism;
use cryptoki_sys::CKM_AES_KEY_WRAP;

use crate::device::Device;
use crate::error::{Error, InvalidInput};
use crate::key::Key;
use crate::secret_key::{Placement, SecretKeySpec};

/// The block of 8 bytes that RFC 3394 adds and checks.
const INTEGRITY_BYTES: usize = 8;

impl Device {
    /// Wraps `key` under `wrapping`; the blob has 8 bytes more than the key.
    ///
    /// Only keys of known length can be wrapped, 16 bytes or more in steps of 8: SoftHSM pads the others silently, and such a
    /// key comes back longer, with another HMAC for it ([`InvalidInput::WrapLength`]).
    pub fn wrap(&self, wrapping: &Key, key: &Key) -> Result<Vec<u8>, Error> {
        let bytes = key
            .bytes()
            .filter(|bytes| *bytes >= 16 && bytes.is_multiple_of(8))
            .ok_or(Error::InvalidInput(InvalidInput::WrapLength))?;
        let (by, of) = (wrapping.handle(self.generation)?, key.handle(self.generation)?);
        let room = bytes + INTEGRITY_BYTES;
        let blob = self.work(|session| self.module.functions.wrap(session, CKM_AES_KEY_WRAP, by, of, room))?;
        if blob.len() == room { Ok(blob) } else { Err(Error::InvalidInput(InvalidInput::WrapLength)) }
    }

    /// Unwraps `blob` to a session key that lives as long as its last clone, or the device.
    ///
    /// [`Error::BlobInvalid`] for a blob that is damaged or of another key, [`Error::TemplateRefused`] where CKA_UNWRAP_TEMPLATE
    /// of `wrapping` does not allow what `spec` asks for.
    pub fn unwrap(&self, wrapping: &Key, blob: &[u8], spec: &SecretKeySpec) -> Result<Key, Error> {
        spec.kind.validate()?;
        if blob.len() != spec.kind.bytes() + INTEGRITY_BYTES {
            return Err(Error::InvalidInput(InvalidInput::BlobLength));
        }
        let by = wrapping.handle(self.generation)?;
        // No CKA_VALUE_LEN: SoftHSM refuses it here, and the length of the blob says it.
        let template = spec.template(Placement::Session);
        let handle = self
            .own(|session| session.unwrap_key(&Mechanism::AesKeyWrap, by, blob, &template))
            .map_err(|error| self.of_blob(error, wrapping, (spec.sensitive, spec.extractable)))?;
        Ok(self.session_key(handle, spec.kind.bytes()))
    }

    /// Tells a damaged blob from a fault of the device, as far as the token does. Where it says both by one value, the device has to
    /// unwrap something else by the same key, to one with these values of CKA_SENSITIVE and CKA_EXTRACTABLE.
    pub(crate) fn of_blob(&self, error: Error, wrapping: &Key, protection: (bool, bool)) -> Error {
        match error {
            Error::Device(answer) if self.maker.means_damaged_data(answer) => {
                if !self.maker.may_be_the_device(answer) {
                    return Error::BlobInvalid(answer);
                }
                match self.unwraps(wrapping, protection) {
                    Ok(true) => Error::BlobInvalid(answer),
                    Ok(false) => self.fault(answer),
                    Err(too_busy) => too_busy,
                }
            }
            other => other,
        }
    }
}
