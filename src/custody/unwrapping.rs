//! Keys that come wrapped under a key of a caller, and are unwrapped inside the token.

use claviger_pkcs11::{SecretKeyKind, SecretKeySpec, Uses};

use super::error::Error;
use super::key::{ManagedKey, is_wrappable};
use super::state::Custody;
use crate::metrics::HsmCall;
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
        if self.is_placing() || !is_wrappable(kind.bytes()) {
            return Err(Error::NotWrappable(kind.bytes()));
        }
        // Extractable only until the key is wrapped again. No use is allowed in the meantime.
        let spec = SecretKeySpec { kind, sensitive: true, extractable: true, uses: Uses::default() };
        self.run_for(HsmCall::Make, &wrapping.material, |device| {
            let wrapping = self.handle(device, wrapping)?;
            let key = device.unwrap_given(&wrapping, blob, &spec)?;
            let roots = self.roots();
            let kek = roots.kek(class).ok_or(Error::UnknownKek)?;
            Ok(Material::Wrapped { kek: kek.cka_id.clone(), blob: device.wrap(&kek.key, &key)? })
        })
    }
}
