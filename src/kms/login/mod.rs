//! Logins: the exchange of a credential for an access token. A dialect only reads the request and writes the response.

mod authenticator;
mod authn_jwt;
mod credential;
mod fault;
mod identity;
mod known;
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
pub use known::{NotKnown, UNCHECKED, who};

use super::clock::now;
use super::error::Error;
use super::gate::Kms;
use crate::auth::{Authenticator, Bearer, Peer, Repeats, TrustedIssuer, Unauthenticated, network};
use crate::desk::Ticket;
use crate::metrics::Metrics;
use crate::policy::{AuthenticatorDocument, IdentityDocument};
use parsed::Parsed;

/// A caller who is not authenticated yet and presents a credential for exchange.
#[derive(Clone, Copy)]
pub struct Visitor<'a> {
    /// The connection's other end.
    pub peer: &'a Peer,
    /// The request's id.
    pub request: &'a str,
    /// The request's ticket.
    pub ticket: &'a Ticket,
}

/// A refused credential. It contains nothing of what the caller sent.
pub struct Failure<'a> {
    /// The kind of credential, one of a fixed set of words.
    pub method: &'static str,
    /// The reason, one of a fixed set of words.
    pub word: &'static str,
    /// The `idps` table that the credential names.
    pub idps: Option<&'a str>,
    /// The reason, for the log.
    pub reason: &'a dyn Display,
}

/// The reason why no access token is issued.
#[derive(Debug)]
pub enum NotLoggedIn<R> {
    /// The credential is refused. This has been counted, recorded and logged.
    Refused {
        /// The reason.
        reason: R,
        /// Whether this address has exceeded the limit of failures.
        limited: bool,
    },
    /// The credential could not be checked, or the access token could not be issued.
    Failed(Error),
}

impl<R> From<Error> for NotLoggedIn<R> {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The login service.
pub struct Logins {
    kms: Arc<Kms>,
    authenticator: Arc<Authenticator>,
    metrics: Arc<Metrics>,
    repeats: Arc<Repeats>,
    identities: Parsed<IdentityDocument, TrustedIssuer>,
    authenticators: Parsed<AuthenticatorDocument, HostAuthenticator>,
}

impl Logins {
    /// Creates the login service with the issuers that `authenticator` trusts.
    #[must_use]
    pub fn new(kms: Arc<Kms>, authenticator: Arc<Authenticator>, metrics: Arc<Metrics>, repeats: Arc<Repeats>) -> Self {
        let (identities, authenticators) = (Parsed::default(), Parsed::default());
        Self { kms, authenticator, metrics, repeats, identities, authenticators }
    }

    /// Counts, records and logs a refused credential. No other code does this. Returns whether this address has now
    /// exceeded the limit of failures.
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

    /// The properties of the visitor's connection to which access tokens may be bound: its address, and its certificate
    /// if it presented a valid one.
    ///
    /// # Errors
    /// The connection presented a client certificate that is not valid.
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
