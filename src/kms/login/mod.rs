//! Logins: a credential for an access token. A dialect is a way in: it reads the request, and renders what comes back.

mod authenticator;
mod authn_jwt;
mod credential;
mod fault;
mod identity;
mod parsed;

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tracing::Level;

pub use authenticator::HostAuthenticator;
pub use authn_jwt::{HostLogin, NoHostToken};
pub use credential::NoCredential;
pub use fault::Fault;
pub use identity::{IdentityWay, NoIdentityToken, trusted_by_jwt_auth, trusted_by_oidc_auth};

use super::clock::now;
use super::error::Error;
use super::gate::Kms;
use crate::auth::{Authenticator, Bearer, Peer, Repeats, TrustedIssuer, Unauthenticated, network};
use crate::desk::Ticket;
use crate::metrics::Metrics;
use crate::policy::{AuthenticatorDocument, IdentityDocument};
use parsed::Parsed;

/// Somebody who is not authenticated yet, and brings a credential to be exchanged.
#[derive(Clone, Copy)]
pub struct Visitor<'a> {
    /// The connection's other end.
    pub peer: &'a Peer,
    /// The request's id.
    pub request: &'a str,
    /// The request's ticket.
    pub ticket: &'a Ticket,
}

/// A credential that was refused. None of it is what was sent.
pub struct Failure<'a> {
    /// The kind of credential: one of few words.
    pub method: &'static str,
    /// What was wrong: one of few words.
    pub word: &'static str,
    /// The idps table that it names.
    pub idps: Option<&'a str>,
    /// Why, for the log.
    pub reason: &'a dyn Display,
}

/// Why there is no access token.
#[derive(Debug)]
pub enum NotLoggedIn<R> {
    /// The credential is refused, which has been counted, recorded and logged.
    Refused {
        /// Why.
        reason: R,
        /// Whether there were more failures from this address than the limit.
        limited: bool,
    },
    /// It could not be found out, or no token could be made.
    Failed(Error),
}

impl<R> From<Error> for NotLoggedIn<R> {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What logs callers in.
pub struct Logins {
    kms: Arc<Kms>,
    authenticator: Arc<Authenticator>,
    metrics: Arc<Metrics>,
    repeats: Arc<Repeats>,
    identities: Parsed<IdentityDocument, TrustedIssuer>,
    authenticators: Parsed<AuthenticatorDocument, HostAuthenticator>,
}

impl Logins {
    /// Logins to a service, by what its authenticator trusts.
    #[must_use]
    pub fn new(kms: Arc<Kms>, authenticator: Arc<Authenticator>, metrics: Arc<Metrics>, repeats: Arc<Repeats>) -> Self {
        let (identities, authenticators) = (Parsed::default(), Parsed::default());
        Self { kms, authenticator, metrics, repeats, identities, authenticators }
    }

    /// Counts, records and logs a credential that was refused: the one place that does. Whether there are now more failures from
    /// this address than the limit.
    pub fn failed(&self, address: IpAddr, failure: &Failure<'_>) -> bool {
        let Failure { method, word, idps, reason } = failure;
        self.metrics.authentication_failed(method);
        self.kms.failed_authentication(network(address), method, word);
        if self.repeats.is_first(address, Level::WARN, format_args!("authentication failed: {reason}")) {
            tracing::warn!(method, idps, %reason, "authentication failed");
        } else {
            tracing::debug!(method, idps, %reason, "authentication failed again");
        }
        self.authenticator.count_failure(address)
    }

    /// Who the visitor's connection lets present a token: its address, and its certificate if it brought a good one.
    ///
    /// # Errors
    /// It brought a client certificate that proves nothing.
    pub fn bearer(&self, visitor: &Visitor<'_>) -> Result<Bearer, Unauthenticated> {
        self.authenticator.bearer(visitor.peer, now())
    }

    /// Whether keys may be fetched by plain HTTP.
    fn allows_http(&self) -> bool {
        self.authenticator.exchange().allows_http()
    }
}

impl Visitor<'_> {
    /// The request's id, address and ticket.
    #[must_use]
    pub fn origin(&self) -> (&str, SocketAddr, &Ticket) {
        (self.request, self.peer.address, self.ticket)
    }

    fn address(&self) -> IpAddr {
        self.peer.address.ip()
    }
}
