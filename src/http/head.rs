//! A request without its body.

use warp::filters::path::FullPath;
use warp::host::Authority;
use warp::http::header::{AUTHORIZATION, HeaderValue};
use warp::http::{HeaderMap, Method, Version};

use super::api::Api;
use crate::auth::{Authorization, Peer, Presented};

/// What the first line of a request says beside its path, or what stands in its place in HTTP/2.
#[derive(Debug, Clone)]
pub struct Line {
    /// The version of the protocol.
    pub version: Version,
    /// The authority of the request's target, which in HTTP/2 is `:authority`.
    pub authority: Option<Authority>,
}

/// A request without its body.
pub(super) struct Head {
    pub(super) peer: Peer,
    pub(super) line: Line,
    pub(super) method: Method,
    pub(super) path: FullPath,
    /// Whose path it is.
    pub(super) api: &'static Api,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) host: Option<Authority>,
    /// The request's id.
    pub(super) id: String,
}

impl Head {
    /// What it says of its caller.
    pub(super) fn presented(&self) -> Presented<'_> {
        Presented { peer: &self.peer, authorization: authorization(&self.headers) }
    }
}

/// The Authorization headers of a request.
pub(super) fn authorization(headers: &HeaderMap) -> Authorization<'_> {
    headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes).collect()
}
