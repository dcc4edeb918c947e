//! Values that must not be printed and are overwritten after use.

use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

pub use claviger_kmip::Bytes;
use zeroize::Zeroize as _;

/// Compares two values in constant time. Only their lengths influence the duration.
#[must_use]
pub fn is_equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && openssl::memcmp::eq(one, other)
}

/// A password, PIN or token. It is overwritten when dropped, and `Debug` shows nothing of it, not even its length.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(from = "String")]
pub struct Password(String);

/// A password that is kept while the program runs. In memory it is combined with random bytes, so that a search of the
/// memory does not find it. `Debug` shows nothing of it.
pub struct Masked {
    mask: Bytes,
    masked: Bytes,
}

impl Masked {
    /// Stores the password and overwrites the original.
    ///
    /// # Errors
    /// No random bytes are available.
    pub fn new(password: Password) -> Result<Self, openssl::error::ErrorStack> {
        let mut mask = vec![0; password.len()];
        openssl::rand::rand_bytes(&mut mask)?;
        let masked: Vec<u8> = password.bytes().zip(&mask).map(|(byte, mask)| byte ^ mask).collect();
        Ok(Self { mask: Bytes::from(mask), masked: Bytes::from(masked) })
    }

    /// Returns the password.
    #[must_use]
    pub fn read(&self) -> Password {
        let bytes: Vec<u8> = self.masked.iter().zip(&*self.mask).map(|(byte, mask)| byte ^ mask).collect();
        // The bytes were text before they were masked.
        Password(String::from_utf8(bytes).unwrap_or_default())
    }
}

impl fmt::Debug for Masked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<password>")
    }
}

impl FromStr for Password {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Deref for Password {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<password>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_nothing_of_the_content() {
        assert_eq!(format!("{:?}", Password::from(String::from("hunter2"))), "<password>");
    }
}
