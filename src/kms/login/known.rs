//! Authentication of the caller of a request, whatever it came by.

use tracing::Level;

use super::super::clock::now;
use super::{Failure, Logins};
use crate::auth::{Known, Presented, Refusal, network};
use crate::desk::Who;
use crate::principal::Method;

/// The text of the error for a credential that could not be checked. It is the same for every cause, because the caller is
/// not authenticated.
pub const UNCHECKED: &str = "credentials cannot be checked now: try again later";

/// The reason why a request has no caller. It has been counted, recorded and logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotKnown {
    /// The credential is missing or invalid.
    Unauthenticated {
        /// Whether the credential was a JWT for an idps table, which chooses the words of the refusal.
        is_of_table: bool,
        /// Whether this address has exceeded the limit of failures.
        limited: bool,
    },
    /// The credential could not be checked.
    Unavailable,
}

impl Logins {
    /// Authenticates the caller. `counted` is false if a credential is only checked again, which is not a use of it.
    ///
    /// # Errors
    /// See [`NotKnown`].
    pub async fn caller(&self, presented: &Presented<'_>, counted: bool) -> Result<Known, NotKnown> {
        if self.kms.check_contact().is_err() {
            return Err(NotKnown::Unavailable);
        }
        let (peer, address) = (presented.peer, presented.peer.address.ip());
        match self.authenticator.caller(presented, &*self.kms, now(), counted).await {
            Ok(known) => {
                if peer.proved.borrow().is_none() {
                    peer.proved.send_replace(Some(who(&known, presented)));
                }
                Ok(known)
            }
            Err(Refusal::Unauthenticated(reason)) => {
                // A certificate is checked without regard to the headers.
                let is_jwt = reason.method() == "jwt";
                let table = is_jwt.then(|| self.authenticator.named_table(presented.authorization)).flatten();
                let (method, word, idps) = (reason.method(), reason.word(), table.as_deref());
                let limited = self.failed(address, &Failure { method, word, idps, reason: &reason });
                Err(NotKnown::Unauthenticated { is_of_table: table.is_some(), limited })
            }
            Err(Refusal::Unavailable(error)) => {
                let text = format!("a credential could not be checked: {error}");
                if self.repeats.is_first(address, Level::ERROR, text) {
                    tracing::error!(%error, detail = error.detail(), "a credential could not be checked");
                }
                Err(NotKnown::Unavailable)
            }
        }
    }
}

/// The share of the server that a request uses after authentication.
#[must_use]
pub fn who(known: &Known, presented: &Presented<'_>) -> Who {
    match known.caller.method {
        Method::Default => Who::Network(network(presented.peer.address.ip())),
        _ => Who::Caller(known.name.clone()),
    }
}
