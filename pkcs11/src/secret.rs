//! Secret bytes, which are hidden in debug output and overwritten when dropped.

use std::fmt;
use std::ops::Deref;

use cryptoki::types::RawAuthPin;
use zeroize::Zeroizing;

use crate::error::Error;

/// Key material or plaintext from the token. Overwritten when dropped. `Debug` shows only the length.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes ownership of the bytes.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes without protection. The caller must overwrite them.
    pub fn expose(mut self) -> Vec<u8> {
        std::mem::take(&mut *self.0)
    }
}

impl Deref for Secret {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Secret {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// The user PIN of a token (CKU_USER). Overwritten when dropped. `Debug` does not show its length either.
pub struct Pin(Zeroizing<Vec<u8>>);

impl Pin {
    /// Makes a PIN. The specification requires UTF-8, but any bytes are passed on.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Returns a copy in the type that the binding's C_Login needs. The copy is also overwritten when dropped.
    pub(crate) fn to_login(&self) -> RawAuthPin {
        RawAuthPin::new(Box::new(self.0.to_vec()))
    }
}

/// The source of the PIN. It is called before each login, so that the PIN is not in memory between logins. It returns
/// `None` if no PIN is configured, and an error if the PIN cannot be read.
pub struct PinSource(Box<Ask>);

type Ask = dyn Fn() -> Result<Option<Pin>, PinError> + Send + Sync;
type PinError = Box<dyn std::error::Error + Send + Sync>;

impl PinSource {
    /// Makes a source that calls `ask` before each login.
    pub fn new(ask: impl Fn() -> Result<Option<Pin>, PinError> + Send + Sync + 'static) -> Self {
        Self(Box::new(ask))
    }

    pub(crate) fn ask(&self) -> Result<Option<Pin>, Error> {
        (self.0)().map_err(Error::PinUnreadable)
    }
}

impl fmt::Debug for PinSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinSource(..)")
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(..)")
    }
}
