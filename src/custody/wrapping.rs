//! Keys that leave the token wrapped under a key of a caller.

use claviger_pkcs11::{AesWrap, SecretKeyKind, SecretKeySpec, Uses};

use super::error::Error;
use super::key::{self, KeyKind, ManagedKey};
use super::state::Custody;
use crate::metrics::HsmCall;

impl Custody {
    /// Wraps `key` under `wrapping`, inside the token.
    ///
    /// # Errors
    /// The token refuses, or the key has a length that is not wrapped.
    pub fn wrap(&self, wrapping: &ManagedKey, key: &ManagedKey, how: AesWrap) -> Result<Vec<u8>, Error> {
        wrapping.expect_aes()?;
        let KeyKind::Secret(kind) = key.kind else { return Err(Error::NotASecretKey) };
        if !key::is_wrappable(kind.bytes()) {
            return Err(Error::NotWrappable(kind.bytes()));
        }
        // Both keys get new handles. After a loss it is then not necessary to find out which handle was lost.
        self.run_for(HsmCall::Export, &key.material, |device| {
            let wrapping = self.handle(device, wrapping)?;
            let key = self.handle(device, key)?;
            Ok(device.wrap_given(&wrapping, &key, how)?)
        })
    }

    /// Wraps `value` under `wrapping`, inside the token: it is a key of a session for the duration of the call, with no use.
    ///
    /// # Errors
    /// The token refuses, or the value has a length that is not wrapped; [`Error::NoImport`] if it cannot import
    /// keys.
    pub fn wrap_value(&self, wrapping: &ManagedKey, value: &[u8], how: AesWrap) -> Result<Vec<u8>, Error> {
        wrapping.expect_aes()?;
        if !key::is_wrappable(value.len()) {
            return Err(Error::NotWrappable(value.len()));
        }
        if !self.imports() {
            return Err(Error::NoImport);
        }
        let kind = SecretKeyKind::Generic { bytes: value.len() };
        let spec = SecretKeySpec { kind, sensitive: true, extractable: true, uses: Uses::default() };
        self.with(HsmCall::Export, wrapping, |device, handle| {
            let key = device.create(&spec, value)?;
            device.wrap_given(handle, &key, how)
        })
    }
}
