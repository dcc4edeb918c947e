//! Requests of unauthenticated callers, with a credential that is exchanged for an access token.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;

use warp::http::{HeaderMap, StatusCode};

use super::answer::Answer;
use super::app::App;
use super::caller_request::Parameters;
use super::fields::Fields;
use super::problem::Problem;
use crate::auth::{Peer, Unauthenticated};
use crate::desk::Ticket;
use crate::kms::{Failure, NotLoggedIn, Visitor};

/// A request of an unauthenticated caller.
pub(super) struct AnonymousRequest<'a> {
    pub(super) peer: &'a Peer,
    pub(super) headers: &'a HeaderMap,
    /// The request's id.
    pub(super) request_id: &'a str,
    pub(super) ticket: &'a Ticket,
    pub(super) parameters: &'a Parameters,
    /// The query.
    pub(super) query: &'a Fields,
    pub(super) body: &'a [u8],
}

/// The future of an answer.
pub(super) type Answering<'a> = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send + 'a>>;

impl<'a> AnonymousRequest<'a> {
    /// Returns the parameter of the path with this name; `None` if the route has no such parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.get(name)
    }

    /// Returns the caller in the form that logins use.
    pub(super) fn visitor(&self) -> Visitor<'a> {
        Visitor { peer: self.peer, request: self.request_id, ticket: self.ticket }
    }

    /// Counts, records and logs a credential that the authenticator refused.
    pub(super) fn unauthenticated(&self, app: &App, reason: &Unauthenticated) -> Problem {
        self.refused(app, reason.method(), reason.word(), reason, Problem::unauthenticated())
    }

    /// Counts, records and logs a credential that was refused. `method` and `word` are fixed words, and `reason`
    /// contains no text of the request. Returns `problem`, or 429 above the limit of failures.
    pub(super) fn refused(
        &self,
        app: &App,
        method: &'static str,
        word: &'static str,
        reason: &dyn Display,
        problem: Problem,
    ) -> Problem {
        let limited = app.logins.failed(self.peer.address.ip(), &Failure { method, word, idps: None, reason });
        if limited { Problem::limited() } else { problem }
    }
}

/// Returns the answer to a failed login. `told` renders a refusal below the limit of failures.
pub(super) fn not_logged_in<R>(refused: NotLoggedIn<R>, told: impl FnOnce(R) -> Problem) -> Problem {
    match refused {
        NotLoggedIn::Refused { limited: true, .. } => Problem::limited(),
        NotLoggedIn::Refused { reason, .. } => told(reason),
        NotLoggedIn::Failed(error) => error.into(),
    }
}

impl Problem {
    /// Returns the problem of an address with more failures than the limit.
    pub(super) fn limited() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too many failed attempts from this address")
    }
}
