//! The route table: every way in by HTTP, on one screen.

use warp::http::Method;

use super::{Answer, App, about, kmip, problem::Problem};
use crate::principal::Caller;

/// The largest KMIP request, in bytes of JSON; hexadecimal doubles what it carries.
pub const MAX_KMIP: usize = 8 << 20;

/// What a route lets in and who answers.
pub(super) struct Route {
    pub(super) path: &'static str,
    pub(super) method: Method,
    pub(super) body: Body,
    pub(super) handler: Handler,
}

/// What a request may bring.
#[derive(Clone, Copy)]
pub(super) enum Body {
    /// Nothing; a body is not read.
    None,
    /// JSON of at most so many bytes.
    Json(usize),
}

/// Who answers, and what has to be known of the caller first.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// Anyone whose connection was accepted; tells nothing about keys or callers.
    Anyone(fn(&App) -> Result<Answer, Problem>),
    /// Authenticated callers; the service decides what they may do.
    Caller(fn(&App, &Caller, &[u8]) -> Result<Answer, Problem>),
}

/// The table.
pub(super) const ROUTES: [Route; 5] = [
    Route { path: "/version", method: Method::GET, body: Body::None, handler: Handler::Anyone(about::version) },
    Route { path: "/health", method: Method::GET, body: Body::None, handler: Handler::Anyone(about::health) },
    Route { path: "/whoami", method: Method::GET, body: Body::None, handler: Handler::Caller(about::whoami) },
    Route { path: "/kmip/2_1", method: Method::POST, body: Body::Json(MAX_KMIP), handler: Handler::Caller(kmip::bare) },
    Route { path: "/kmip_2_1", method: Method::POST, body: Body::Json(MAX_KMIP), handler: Handler::Caller(kmip::bare) },
];
