//! Logins by credentials that the server itself handed out: why one is refused.

use std::net::IpAddr;

use super::error::Error;
use crate::policy::TrustedNetwork;

/// Random digits of a credential.
pub(super) const DIGITS: usize = 64;

/// Why a credential lets nobody in. Nothing of it tells what was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialFault {
    /// It does not have the length of a credential, or does not name its holder.
    #[error("it does not have the form of a credential of this server")]
    Form,
    /// There is no client of this id, or no host of this name in the account.
    #[error("there is no such client or host")]
    Holder,
    /// It is not the credential of this client or host, or the host has none.
    #[error("it is not the credential of this client or host")]
    Wrong,
    /// This was one failure too many.
    #[error("the client failed too often and is locked out of this network for a while")]
    LockedNow,
    /// It failed too often before.
    #[error("the client is locked out of this network for a while")]
    Locked,
    /// Another network.
    #[error("it may not be used from this address")]
    Address,
    /// It was revoked.
    #[error("it was revoked")]
    Revoked,
    /// Past its end.
    #[error("it has expired")]
    Expired,
    /// No use left.
    #[error("it was used as often as it may be")]
    Spent,
    /// Somebody changed the database.
    #[error("its row in the database is not what was written")]
    Row,
}

impl CredentialFault {
    /// A word for the audit log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Form => "malformed",
            Self::Holder | Self::Wrong => "wrong",
            Self::LockedNow | Self::Locked => "locked",
            Self::Address => "address",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Spent => "spent",
            Self::Row => "row-refused",
        }
    }
}

/// Why a login gives no token.
#[derive(Debug)]
pub(super) enum LoginError {
    /// The credential is not good.
    Refused(CredentialFault),
    /// That could not be found out, or the token could not be issued.
    Unavailable(Error),
}

impl From<CredentialFault> for LoginError {
    fn from(fault: CredentialFault) -> Self {
        Self::Refused(fault)
    }
}

impl From<Error> for LoginError {
    fn from(error: Error) -> Self {
        match error {
            // It was told loudly when it was found.
            Error::Integrity(_) => Self::Refused(CredentialFault::Row),
            error => Self::Unavailable(error),
        }
    }
}

/// The networks of a definition, which were checked when it was made; `None` if one cannot be read.
pub(super) fn networks(texts: &[String]) -> Option<Vec<TrustedNetwork>> {
    texts.iter().map(|text| text.parse().ok()).collect()
}

/// Whether an address is in one of the networks.
pub(super) fn is_in(networks: &[TrustedNetwork], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}
