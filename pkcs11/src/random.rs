//! The token's random generator.

use zeroize::Zeroizing;

use crate::device::Device;
use crate::error::Error;
use crate::secret::Secret;

impl Device {
    /// `len` random bytes from the token (C_GenerateRandom).
    pub fn random(&self, len: usize) -> Result<Secret, Error> {
        self.work(|session| {
            let mut bytes = Zeroizing::new(vec![0; len]);
            session.generate_random_slice(&mut bytes)?;
            Ok(Secret::new(bytes))
        })
    }
}
