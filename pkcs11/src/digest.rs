//! The digest of a secret key.

use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;

use crate::device::Device;
use crate::error::Error;
use crate::key::Key;

impl Device {
    /// Returns the SHA-256 of a secret key's value, computed inside the token (C_DigestKey); `None` if the token does
    /// not do this for the key.
    pub fn digest(&self, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        let handle = key.handle(self.generation)?;
        let digest = self.work(|session| {
            session.digest_init(&Mechanism::Sha256)?;
            session.digest_key(handle)?;
            session.digest_final()
        });
        match digest {
            Ok(digest) => Ok(Some(digest)),
            Err(error) if is_refusal(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether the token refuses to digest keys, or this one.
fn is_refusal(error: &Error) -> bool {
    use RvError as R;
    error.answer().is_some_and(|answer| {
        matches!(
            answer.value,
            R::KeyIndigestible
                | R::FunctionNotSupported
                | R::MechanismInvalid
                | R::MechanismParamInvalid
                | R::KeyTypeInconsistent
                | R::KeyFunctionNotPermitted
                | R::ActionProhibited
                | R::AttributeSensitive
        )
    })
}
