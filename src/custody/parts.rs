//! Data that is too long for one call of the token.

use claviger_pkcs11::{self as pkcs11, Cipher, Direction, in_parts};
use zeroize::Zeroizing;

use super::error::Error;
use super::state::Custody;

impl Custody {
    /// Refuses data for a cipher with a tag that the token does not take in one call. The token is not called.
    ///
    /// # Errors
    /// [`pkcs11::Error::TooLong`]: the data is longer than the token takes for AES-GCM.
    pub fn expect_fits(&self, cipher: &Cipher<'_>, direction: Direction, length: usize) -> Result<(), Error> {
        let most = self.token.most(cipher.bounded());
        if cipher.tag_bytes().is_some() && !cipher.fits(direction, length, most) {
            return Err(Error::Token(pkcs11::Error::TooLong { length, most }));
        }
        Ok(())
    }

    /// Runs a cipher by `run`: in one call if the token takes that much, otherwise in parts, which `join` puts
    /// together. Each part is a call of its own, so after a loss only that part is repeated.
    pub(super) fn split<T: AsRef<[u8]>>(
        &self,
        cipher: &Cipher<'_>,
        direction: Direction,
        data: &[u8],
        run: impl Fn(&Cipher<'_>, &[u8]) -> Result<T, Error>,
        join: impl Fn(Zeroizing<Vec<u8>>) -> T,
    ) -> Result<T, Error> {
        self.expect_fits(cipher, direction, data.len())?;
        let most = self.token.most(cipher.bounded());
        if cipher.fits(direction, data.len(), most) {
            run(cipher, data)
        } else {
            in_parts(cipher, direction, data, most, &run).map(&join)
        }
    }
}
