//! Data that the token does not take in one call.

use claviger_pkcs11::{self as pkcs11, Cipher, Direction, in_parts};
use zeroize::Zeroizing;

use super::error::Error;
use super::state::Custody;

impl Custody {
    /// Refuses data that one call of the token does not take although it has to. The token is not asked.
    ///
    /// # Errors
    /// [`pkcs11::Error::TooLong`]: more than the token takes for AES-GCM.
    pub fn expect_fits(&self, cipher: &Cipher<'_>, direction: Direction, length: usize) -> Result<(), Error> {
        let most = self.token.most(cipher.bounded());
        match cipher {
            Cipher::AesGcm { .. } if !cipher.fits(direction, length, most) => {
                Err(Error::Token(pkcs11::Error::TooLong { length, most }))
            }
            _ => Ok(()),
        }
    }

    /// Runs a cipher by `run`, in one call if the token takes the data so, else in parts, which `join` makes the whole of. Each part is a
    /// call by itself: one that loses something is repeated, and the others are not.
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
