//! What is kept of credentials that the server hands out: a MAC of each by the binding key.

use super::error::Error;
use super::state::Custody;
use crate::hexadecimal;
use crate::secret::{Bytes, Password};
use crate::store::object::put;

/// Bytes of randomness of a credential: 256 bits.
const RANDOM: usize = 32;

/// The kinds of credentials that the server hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// A client secret of Universal Auth; its holder is the Universal Auth of an identity.
    ClientSecret,
    /// The API key of a host, which is its holder.
    ApiKey,
}

impl CredentialKind {
    /// Sets the MACs of one kind apart from those of others, and from the bindings of rows: no table has such a name.
    fn label(self) -> &'static [u8] {
        match self {
            Self::ClientSecret => b"credential: client secret",
            Self::ApiKey => b"credential: API key",
        }
    }
}

impl Custody {
    /// 256 random bits of the token, in 64 small hexadecimal digits.
    ///
    /// # Errors
    /// The token is unavailable.
    pub fn new_credential(&self) -> Result<Password, Error> {
        let random = self.random(RANDOM)?;
        Ok(Password::from(hexadecimal::lower(&random)))
    }

    /// The MAC of a credential as it is presented, of one holder. It is not remembered: one call of the token for each.
    ///
    /// # Errors
    /// The token is unavailable.
    pub fn credential_mac(&self, kind: CredentialKind, holder: &str, presented: &[u8]) -> Result<Vec<u8>, Error> {
        let label = kind.label();
        // As much as it takes: what is left behind by a vector that grows would not be overwritten.
        let mut bytes = Vec::with_capacity(3 * size_of::<u64>() + label.len() + holder.len() + presented.len());
        put(&mut bytes, Some(label));
        put(&mut bytes, Some(holder.as_bytes()));
        put(&mut bytes, Some(presented));
        self.binding_mac(&Bytes::from(bytes))
    }
}
