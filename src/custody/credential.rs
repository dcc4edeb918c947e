//! Credentials that the server issues. Of each it keeps only a MAC by the binding key.

use super::error::Error;
use super::state::Custody;
use crate::hexadecimal;
use crate::secret::{Bytes, Password};
use crate::store::object::put;

/// Randomness of a credential, in bytes: 256 bits.
const RANDOM: usize = 32;

/// The kinds of credentials that the server issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// A client secret of Universal Auth; its holder is the Universal Auth of an identity.
    ClientSecret,
    /// The API key of a host. Its holder is the host.
    ApiKey,
}

impl CredentialKind {
    /// Returns a label that separates the MACs of one kind from those of others, and from the bindings of rows. No
    /// table has such a name.
    fn label(self) -> &'static [u8] {
        match self {
            Self::ClientSecret => b"credential: client secret",
            Self::ApiKey => b"credential: API key",
        }
    }
}

impl Custody {
    /// Makes a credential: 256 random bits of the token, as 64 lowercase hexadecimal digits.
    ///
    /// # Errors
    /// The token is unavailable.
    pub fn new_credential(&self) -> Result<Password, Error> {
        let random = self.random(RANDOM)?;
        Ok(Password::from(hexadecimal::lower(&random)))
    }

    /// Returns the MAC of a credential that was presented for `holder`. It is not cached: each MAC is one call of the
    /// token.
    ///
    /// # Errors
    /// The token is unavailable.
    pub fn credential_mac(&self, kind: CredentialKind, holder: &str, presented: &[u8]) -> Result<Vec<u8>, Error> {
        let label = kind.label();
        // The capacity is exact, because a growing vector leaves copies behind that are not overwritten.
        let mut bytes = Vec::with_capacity(3 * size_of::<u64>() + label.len() + holder.len() + presented.len());
        put(&mut bytes, Some(label));
        put(&mut bytes, Some(holder.as_bytes()));
        put(&mut bytes, Some(presented));
        self.binding_mac(&Bytes::from(bytes))
    }
}
