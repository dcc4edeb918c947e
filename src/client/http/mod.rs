//! HTTP/1.1 over native TLS: bounded in time and size, without redirects, proxies or cookies.

mod connection;
mod error;
mod socket;
mod tls;

use std::time::Duration;

use hyper::header::ACCEPT;
use hyper::http::HeaderValue;
use hyper::{HeaderMap, Method};
use native_tls::Identity;

pub use connection::Answer;
pub(crate) use connection::{Connection, Question};
pub use error::Error;
pub use tls::Trust;

use super::url::Url;
use crate::secret::Bytes;

/// Bounds of every exchange.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the look-up of the name to the end of the handshake.
    pub connect: Duration,
    /// From the request to the end of the answer.
    pub answer: Duration,
    /// The largest body of an answer, in bytes.
    pub bytes: usize,
}

/// What connections to any server have in common.
pub struct Http {
    tls: tokio_native_tls::TlsConnector,
    has_identity: bool,
    limits: Limits,
}

impl Http {
    /// Connections by these authorities, with this client certificate, within these limits.
    ///
    /// # Errors
    /// OpenSSL refuses the identity or an authority.
    pub fn new(trust: Trust, identity: Option<Identity>, limits: Limits) -> Result<Self, Error> {
        let has_identity = identity.is_some();
        Ok(Self { tls: tls::connector(trust, identity)?, has_identity, limits })
    }

    /// Gets one document over a connection of its own. Must run on a tokio runtime.
    ///
    /// # Errors
    /// There was no answer. An answer with a status that tells of a failure is one.
    pub async fn get(&self, url: &Url, accept: &'static str) -> Result<Answer, Error> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        let question = Question { method: Method::GET, path: url.path().to_owned(), headers, body: Bytes::default() };
        self.connect(url).await?.ask(self, question).await
    }

    pub(crate) async fn connect(&self, url: &Url) -> Result<Connection, Error> {
        Connection::open(self, url).await
    }
}
