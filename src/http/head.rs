//! A request without its body.

use std::sync::Arc;

use warp::host::Authority;
use warp::http::header::{AUTHORIZATION, HOST, HeaderValue};
use warp::http::{HeaderMap, Method, Request, Uri, Version};

use super::api::Api;
use super::routes;
use crate::auth::{Authorization, Peer, Presented};

/// A request without its body, in the form that [`super::filter`] expects.
pub struct Head {
    pub(super) peer: Arc<Peer>,
    pub(super) version: Version,
    pub(super) method: Method,
    /// The target; in HTTP/2 its authority is `:authority`.
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    /// The system that the path belongs to.
    pub(super) api: &'static Api,
}

impl Head {
    /// Moves method, target and headers out of a request of this peer.
    #[must_use]
    pub fn take<B>(request: &mut Request<B>, peer: &Arc<Peer>) -> Self {
        let (method, uri) = (std::mem::take(request.method_mut()), std::mem::take(request.uri_mut()));
        let (version, headers) = (request.version(), std::mem::take(request.headers_mut()));
        let api = routes::api(uri.path());
        Self { peer: Arc::clone(peer), version, method, uri, headers, api }
    }

    /// Returns the path of the target.
    pub(super) fn path(&self) -> &str {
        self.uri.path()
    }

    /// Returns the parts that authenticate the caller: the peer and the Authorization headers.
    pub(super) fn presented(&self) -> Presented<'_> {
        Presented { peer: &self.peer, authorization: authorization(&self.headers) }
    }

    /// Returns the authority that the request is for; `None` if it names none, two different ones, or an invalid one.
    pub(super) fn host(&self) -> Option<Authority> {
        let named = self.headers.get(HOST).map(|host| host.to_str().ok()?.parse().ok());
        match (self.uri.authority(), named) {
            (own, None) => own.cloned(),
            (None, Some(named)) => named,
            (Some(own), Some(named)) => named.filter(|named| named == own),
        }
    }
}

/// Returns the values of the Authorization headers of a request.
pub(super) fn authorization(headers: &HeaderMap) -> Authorization<'_> {
    headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes).collect()
}
