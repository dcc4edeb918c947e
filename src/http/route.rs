//! The rows of a route table.

use std::sync::OnceLock;

use schemars::JsonSchema;
use warp::http::Method;

use super::anonymous_request::{AnonymousRequest, Answering};
use super::answer::Answer;
use super::app::App;
use super::caller_request::CallerRequest;
use super::problem::Problem;
use super::typed::{Gives, Typed, typed};
use crate::auth::{Authorization, Basic};

/// The query fields by which a request asks for a page of a list.
pub(super) const PAGE: &[&str] = &["after", "limit"];

/// A route: the requests that it accepts, and its handler.
pub(super) struct Route {
    /// The path. `{name}` matches one segment, which the handler gets by that name; `{*name}` at the end matches all
    /// remaining segments, including slashes.
    pub(super) path: &'static str,
    pub(super) method: Method,
    /// The known fields of the query. Others are ignored unless they limit the request.
    pub(super) query: &'static [&'static str],
    pub(super) body: Body,
    pub(super) handler: Handler,
    /// What the request does, as a title; empty for the paths of other systems.
    pub(super) does: &'static str,
    /// The type of the body, if it is JSON, a form or a text.
    pub(super) takes: Option<Typed>,
    pub(super) gives: Gives,
    /// The label in metrics, set at the first use.
    pub(super) name: OnceLock<String>,
}

/// The body of a request.
#[derive(Clone, Copy)]
pub(super) enum Body {
    /// No body. If there is one, it is not read.
    None,
    /// JSON of at most this many bytes from clients of other systems: the Content-Type is not checked, and
    /// [`super::members`] reads the body. KMIP's JSON is read by its own rules.
    Json(usize),
    /// JSON of at most this many bytes that only clients of this server send: the Content-Type must be
    /// `application/json`, and an unknown member is refused.
    Strict(usize),
    /// At most this many bytes of any kind.
    Bytes(usize),
    /// The fields of a form (application/x-www-form-urlencoded) of at most this many bytes.
    Form(usize),
}

/// The handler of a route, and the callers that it serves.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// Any client whose connection was accepted. The answer is made from memory in the connection's task, so the
    /// request takes no place at the desk and does not wait.
    AtOnce(fn(&App) -> Result<Answer, Problem>),
    /// Any client whose connection was accepted. The answer contains nothing about keys or callers.
    Anyone(fn(&App) -> Result<Answer, Problem>),
    /// Any client, with a credential in the request that is exchanged for an access token.
    Visitor(for<'a> fn(&'a App, AnonymousRequest<'a>) -> Answering<'a>),
    /// Authenticated callers. The service authorizes them.
    Caller(fn(&App, &CallerRequest<'_>) -> Result<Answer, Problem>),
    /// With Basic credentials, as [`Handler::Visitor`]; without them, as [`Handler::Caller`].
    BasicOrCaller(
        for<'a> fn(&'a App, AnonymousRequest<'a>) -> Answering<'a>,
        fn(&App, &CallerRequest<'_>) -> Result<Answer, Problem>,
    ),
}

impl Handler {
    /// Returns the handler for a request with this Authorization header.
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

/// Returns a DELETE route for clients that send the object to remove in a body.
pub(super) const fn delete_with(path: &'static str, body: Body, handler: Handler) -> Route {
    route(path, Method::DELETE, body, handler)
}

const fn route(path: &'static str, method: Method, body: Body, handler: Handler) -> Route {
    Route {
        path,
        method,
        query: &[],
        body,
        handler,
        does: "",
        takes: None,
        gives: Gives::Nothing,
        name: OnceLock::new(),
    }
}

impl Route {
    /// Sets the known fields of the query.
    pub(super) const fn asks(mut self, query: &'static [&'static str]) -> Self {
        self.query = query;
        self
    }

    /// Says what the request does, and what its answer is.
    pub(super) const fn does(mut self, title: &'static str, gives: Gives) -> Self {
        self.does = title;
        self.gives = gives;
        self
    }

    /// Sets the type of the JSON body.
    pub(super) const fn takes<T: JsonSchema>(self) -> Self {
        self.takes_a(typed::<T>)
    }

    /// Sets the type of the body, which a module of the handler names.
    pub(super) const fn takes_a(mut self, takes: Typed) -> Self {
        self.takes = Some(takes);
        self
    }

    /// Says what the answer is, for the paths of other systems.
    pub(super) const fn gives(mut self, gives: Gives) -> Self {
        self.gives = gives;
        self
    }
}
