//! Logins by credentials that the server issued: the reasons for a refusal.

use std::net::IpAddr;

use super::error::Error;
use crate::network::TrustedNetwork;

/// Number of random digits of a credential.
pub(super) const DIGITS: usize = 64;

/// The reason why a credential is refused. It contains nothing of what was presented.
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
    /// This failure reached the limit; the client is now locked out.
    #[error("the client failed too often and is locked out of this network for a while")]
    LockedNow,
    /// The client was locked out before.
    #[error("the client is locked out of this network for a while")]
    Locked,
    /// The credential may not be used from this network.
    #[error("it may not be used from this address")]
    Address,
    /// It was revoked.
    #[error("it was revoked")]
    Revoked,
    /// Its lifetime has ended.
    #[error("it has expired")]
    Expired,
    /// The limit of uses was reached.
    #[error("it was used as often as it may be")]
    Spent,
    /// The row was changed in the database.
    #[error("its row in the database is not what was written")]
    Row,
}

impl CredentialFault {
    /// The word for it in the audit log.
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

/// The reason why a login issues no token.
#[derive(Debug)]
pub(super) enum LoginError {
    /// The credential is not valid.
    Refused(CredentialFault),
    /// The credential could not be checked, or the token could not be issued.
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
            // The error was logged when the row was read.
            Error::Integrity(_) => Self::Refused(CredentialFault::Row),
            error => Self::Unavailable(error),
        }
    }
}

/// Parses the networks of a definition, which were checked when it was written; `None` if one cannot be parsed.
pub(super) fn networks(texts: &[String]) -> Option<Vec<TrustedNetwork>> {
    texts.iter().map(|text| text.parse().ok()).collect()
}

/// Whether an address is in one of the networks.
pub(super) fn is_in(networks: &[TrustedNetwork], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}
