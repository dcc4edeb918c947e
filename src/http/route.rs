//! What a row of a route table says.

use std::sync::OnceLock;

use warp::http::Method;

use super::answer::Answer;
use super::app::App;
use super::ask::Ask;
use super::problem::Problem;
use super::visit::{Answering, Visit};
use crate::auth::{Authorization, Basic};

/// How a request asks for a page of a list: by the entry before it.
pub(super) const PAGE: &[&str] = &["after", "limit"];

/// What a route lets in and who answers.
pub(super) struct Route {
    /// `{name}` stands for one segment, which the handler gets by that name; `{*name}` at the end for all that are left, slashes among
    /// them.
    pub(super) path: &'static str,
    pub(super) method: Method,
    /// The fields of its query that it knows; others are ignored unless they limit something.
    pub(super) query: &'static [&'static str],
    pub(super) body: Body,
    pub(super) handler: Handler,
    /// What metrics call it, once they have asked.
    pub(super) name: OnceLock<String>,
}

/// What a request may bring.
#[derive(Clone, Copy)]
pub(super) enum Body {
    /// Nothing; a body is not read.
    None,
    /// JSON of at most so many bytes as the clients of other systems send it: the Content-Type is not asked for, and
    /// [`super::members`] reads it. KMIP's JSON is read by its own rules.
    Json(usize),
    /// JSON of at most so many bytes that only clients of this server send: the Content-Type must say so, and a member that is not
    /// known is refused.
    Strict(usize),
    /// At most so many bytes of any kind.
    Bytes(usize),
    /// The fields of a form (application/x-www-form-urlencoded) of at most so many bytes.
    Form(usize),
}

/// Who answers, and what has to be known of the caller first.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// Anyone whose connection was accepted, about what is in memory: it is answered in the connection's task, without a place of its
    /// own, and waits for nothing.
    AtOnce(fn(&App) -> Result<Answer, Problem>),
    /// Anyone whose connection was accepted; tells nothing about keys or callers.
    Anyone(fn(&App) -> Result<Answer, Problem>),
    /// Anyone, who brings a credential to be exchanged for an access token.
    Visitor(for<'a> fn(&'a App, Visit<'a>) -> Answering<'a>),
    /// Authenticated callers; the service decides what they may do.
    Caller(fn(&App, &Ask<'_>) -> Result<Answer, Problem>),
    /// Anyone who brings Basic credentials, as [`Handler::Visitor`]; whoever brings none, as [`Handler::Caller`].
    BasicOrCaller(for<'a> fn(&'a App, Visit<'a>) -> Answering<'a>, fn(&App, &Ask<'_>) -> Result<Answer, Problem>),
}

impl Handler {
    /// The one that answers a request with this Authorization.
    pub(super) fn for_request(self, authorization: Authorization<'_>) -> Self {
        match self {
            Self::BasicOrCaller(visitor, _) if Basic::is_in(authorization) => Self::Visitor(visitor),
            Self::BasicOrCaller(_, caller) => Self::Caller(caller),
            own => own,
        }
    }
}

pub(super) const fn get(path: &'static str, handler: Handler) -> Route {
    route(path, Method::GET, Body::None, handler)
}

pub(super) const fn post(path: &'static str, body: Body, handler: Handler) -> Route {
    route(path, Method::POST, body, handler)
}

pub(super) const fn put(path: &'static str, body: Body, handler: Handler) -> Route {
    route(path, Method::PUT, body, handler)
}

pub(super) const fn patch(path: &'static str, body: Body, handler: Handler) -> Route {
    route(path, Method::PATCH, body, handler)
}

pub(super) const fn delete(path: &'static str, handler: Handler) -> Route {
    route(path, Method::DELETE, Body::None, handler)
}

/// For clients that say in a body what is to be removed.
pub(super) const fn delete_with(path: &'static str, body: Body, handler: Handler) -> Route {
    route(path, Method::DELETE, body, handler)
}

const fn route(path: &'static str, method: Method, body: Body, handler: Handler) -> Route {
    Route { path, method, query: &[], body, handler, name: OnceLock::new() }
}

impl Route {
    /// The same with fields in its query.
    pub(super) const fn asks(mut self, query: &'static [&'static str]) -> Self {
        self.query = query;
        self
    }
}
