//! Requests of somebody who is nobody yet, and brings a credential in the body to be exchanged for an access token.

use std::fmt::Display;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use tracing::Level;
use warp::http::{HeaderMap, StatusCode};

use super::problem::Problem;
use super::{Answer, App};
use crate::auth::{Bearer, Peer, Unauthenticated, network};
use crate::desk::Ticket;
use crate::kms;

/// What a visitor asks.
pub(super) struct Visit<'a> {
    pub(super) peer: &'a Peer,
    pub(super) headers: &'a HeaderMap,
    /// The request's id.
    pub(super) request: &'a str,
    pub(super) ticket: &'a Ticket,
    /// The segments of the path for which its route has `{}`.
    pub(super) parameters: &'a [String],
    pub(super) body: &'a [u8],
}

/// The answer, once it is there.
pub(super) type Answering<'a> = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send + 'a>>;

impl Visit<'_> {
    /// The request's id, address and ticket.
    pub(super) fn origin(&self) -> (&str, SocketAddr, &Ticket) {
        (self.request, self.peer.address, self.ticket)
    }

    /// Who the connection lets present a token: its address, and its certificate if it brought a good one.
    pub(super) fn bearer(&self, app: &App) -> Result<Bearer, Problem> {
        app.authenticator.bearer(self.peer, kms::now()).map_err(|reason| self.unauthenticated(app, &reason))
    }

    /// Counts, records and logs a credential that was refused by the words of the gate.
    pub(super) fn unauthenticated(&self, app: &App, reason: &Unauthenticated) -> Problem {
        self.refused(app, reason.method(), reason.word(), reason, Problem::unauthenticated())
    }

    /// Counts, records and logs a credential that was refused. `method` and `word` are of few, and nothing that was sent;
    /// neither is anything of it in `reason`. The answer is `problem`, or 429 above the limit of failures.
    pub(super) fn refused(
        &self,
        app: &App,
        method: &'static str,
        word: &'static str,
        reason: &dyn Display,
        problem: Problem,
    ) -> Problem {
        let address = self.peer.address.ip();
        app.metrics.authentication_failed(method);
        app.kms.failed_authentication(network(address), method, word);
        if app.repeats.is_first(address, Level::WARN, format_args!("authentication failed: {reason}")) {
            tracing::warn!(method, %reason, "authentication failed");
        } else {
            tracing::debug!(method, %reason, "authentication failed again");
        }
        if app.authenticator.count_failure(address) {
            return Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many failed attempts from this address");
        }
        problem
    }
}
