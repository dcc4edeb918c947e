//! The token's random generator.

use zeroize::Zeroizing;

use crate::device::Device;
use crate::error::Error;
use crate::secret::Secret;

/// The number of random bytes of one call. A token may not return many at once.
const MOST: usize = 4096;

impl Device {
    /// Returns `len` random bytes from the token (C_GenerateRandom).
    pub fn random(&self, len: usize) -> Result<Secret, Error> {
        self.work(|session| {
            let mut bytes = Zeroizing::new(vec![0; len]);
            bytes.chunks_mut(MOST).try_for_each(|part| session.generate_random_slice(part))?;
            Ok(Secret::new(bytes))
        })
    }
}
