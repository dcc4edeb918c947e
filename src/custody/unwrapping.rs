//! Keys that come wrapped under a key of a caller, and are unwrapped inside the token.

use claviger_pkcs11::SecretKeyKind;

use super::error::Error;
use super::key::ManagedKey;
use super::state::Custody;
use crate::store::object::{Class, Material};

impl Custody {
    /// Unwraps a blob (AES key wrap, RFC 3394) by `wrapping` inside the token, and keeps the key. Its value does not leave
    /// the token.
    ///
    /// # Errors
    /// The token is unavailable; `BlobInvalid` if the blob is damaged or was wrapped under another key;
    /// [`Error::NotWrappable`] if the token would have to keep the key as an object of its own.
    pub fn unwrap_brought(
        &self,
        wrapping: &ManagedKey,
        blob: &[u8],
        class: Class,
        kind: SecretKeyKind,
    ) -> Result<Material, Error> {
        wrapping.expect_aes()?;
        if self.is_placing() {
            return Err(Error::NotWrappable(kind.bytes()));
        }
        self.made_from(wrapping, class, kind, |device, wrapping, spec| Ok(device.unwrap_given(wrapping, blob, spec)?))
    }
}
