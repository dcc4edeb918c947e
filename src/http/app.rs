//! The state that all handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use warp::http::HeaderMap;
use warp::http::header::HeaderName;

use crate::auth::{Authenticator, Repeats};
use crate::desk::{Desk, Leaving};
use crate::hexadecimal;
use crate::kms::{Kms, Logins};
use crate::metrics::Metrics;

/// The header with the request's id, in the request and in the answer.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The largest request id of a client that the server uses, in bytes.
const MAX_REQUEST_ID: usize = 64;

/// The state that all handlers share.
pub struct App {
    pub(crate) authenticator: Arc<Authenticator>,
    /// Whether the server listens on loopback, where in default mode only loopback names are served.
    pub(crate) loopback: bool,
    pub(crate) kms: Arc<Kms>,
    pub(crate) logins: Logins,
    pub(crate) desk: Arc<Desk>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) repeats: Arc<Repeats>,
    pub(crate) leaving: Leaving,
    next_request: AtomicU64,
    /// Random bytes that distinguish the request ids of this process from those of another one.
    process: String,
}

impl App {
    /// Returns the state for the handlers of one listener.
    #[must_use]
    pub fn new(
        authenticator: Arc<Authenticator>,
        loopback: bool,
        kms: Arc<Kms>,
        desk: Arc<Desk>,
        metrics: Arc<Metrics>,
        repeats: Arc<Repeats>,
        leaving: Leaving,
    ) -> Self {
        let mut process = [0; 6];
        // Without randomness two processes may use the same request ids, which only affects a search in the log.
        let _ = openssl::rand::rand_bytes(&mut process);
        let logins =
            Logins::new(Arc::clone(&kms), Arc::clone(&authenticator), Arc::clone(&metrics), Arc::clone(&repeats));
        let next_request = AtomicU64::new(1);
        let process = hexadecimal::lower(&process);
        Self { authenticator, loopback, kms, logins, desk, metrics, repeats, leaving, next_request, process }
    }

    /// Logs the faults of the configured authenticators once.
    pub fn log_logins(&self) {
        self.logins.log_authenticators();
    }

    /// Returns the id of a request: the client's own if it is 1 to 64 letters, digits and `-_.`, else a new one.
    pub(crate) fn request_id(&self, headers: &HeaderMap) -> String {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let is_plain = |id: &&str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !id.is_empty() && id.len() <= MAX_REQUEST_ID && id.bytes().all(plain)
        };
        given.filter(is_plain).map_or_else(|| self.new_request_id(), str::to_owned)
    }

    /// Returns the id of a request that has none.
    pub(crate) fn new_request_id(&self) -> String {
        let number = self.next_request.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number:x}", self.process)
    }
}
