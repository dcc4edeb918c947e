//! The client of a Claviger server: KMIP in JSON over HTTPS, authenticated by a client certificate or an access token.
//!
//! [`http`] has only the connection. Other modules use it to fetch documents over TLS.

mod error;
pub mod handshake;
pub mod http;
mod identity;
mod refusal;
mod url;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use hyper::http::HeaderValue;
use hyper::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::{AnswerError, Error};
pub use identity::{authorities, authorities_of_pem, read_authorities, read_identity, read_password, without_line_end};
pub use refusal::Refusal;
pub use url::{Url, UrlError};

use crate::kmip::Dialect;
use crate::kmip::payloads::OperationRequest;
use crate::kmip::ttlv::json;
use crate::secret::{Bytes, Password};
use http::{Answer, Connection, Http, Limits, Question, Trust};

/// The path of single KMIP operations.
const KMIP_PATH: &str = "/kmip/2_1";

/// The longest time from the look-up of the name to the end of the handshake.
const CONNECT: Duration = Duration::from_secs(10);

/// The largest answer, in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// The server, and the credentials for it.
#[derive(Debug)]
pub struct Settings {
    /// The URL of the server.
    pub url: Url,
    /// The PEM file with the authorities of the server's certificate; `None` for the system's authorities.
    pub ca_file: Option<PathBuf>,
    /// The client certificate and its private key.
    pub identity: Option<IdentityFiles>,
    /// A bearer token (RFC 6750).
    pub access_token: Option<Password>,
    /// The longest time from a request to the end of its answer.
    pub timeout: Duration,
}

/// The files with a client certificate and its private key.
#[derive(Debug)]
pub enum IdentityFiles {
    /// A PKCS#12 file (RFC 7292).
    P12 {
        /// The file.
        file: PathBuf,
        /// Its password, which may be empty.
        password: Password,
    },
    /// Two PEM files (RFC 7468).
    Pem {
        /// The file with the certificate and those of its issuers.
        certificate: PathBuf,
        /// The file with the private key.
        key: PathBuf,
    },
}

/// A client of one server. Each of several concurrent requests has its own connection. Later requests reuse these.
pub struct Client {
    http: Http,
    url: Url,
    authorization: Option<HeaderValue>,
    has_credential: bool,
    /// The idle connections.
    connections: Mutex<Vec<Connection>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Client {
    /// Reads the files that the settings name. Nothing is sent yet.
    ///
    /// # Errors
    /// A file cannot be read or opened, or the settings would send a credential in clear.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let authorization = settings.access_token.as_ref().map(|token| authorization(token)).transpose()?;
        if authorization.is_some() {
            protected(&settings.url)?;
        }
        if settings.identity.is_some() && !settings.url.is_tls() {
            return Err(Error::IdentityInClear);
        }
        let trust = settings.ca_file.as_deref().map_or(Ok(Trust::System), identity::authorities)?;
        let own = settings.identity.as_ref().map(identity::identity).transpose()?;
        let has_credential = authorization.is_some() || own.is_some();
        let limits = Limits { connect: CONNECT, answer: settings.timeout, bytes: MAX_ANSWER };
        let http = Http::new(trust, own, limits)?;
        Ok(Self { http, url: settings.url.clone(), authorization, has_credential, connections: Mutex::default() })
    }

    /// Returns the URL of the server.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Checks that credentials may be sent to this server. [`Client::new`] checks this for the credentials of the
    /// settings; this function is for credentials in a body.
    ///
    /// # Errors
    /// Requests are sent without TLS to another machine.
    pub fn keeps_credentials(&self) -> Result<(), Error> {
        protected(&self.url)
    }

    /// Gets a resource of the server. Like all asynchronous functions here, this must run on a tokio runtime.
    ///
    /// # Errors
    /// There was no answer, or the server refused the request.
    pub async fn get(&self, path: &str) -> Result<Answer, Error> {
        self.ask(Method::GET, path, HeaderMap::new(), Bytes::default()).await
    }

    /// Gets a resource of the server as JSON.
    ///
    /// # Errors
    /// There was no answer, the server refused the request, or the answer is not JSON of this shape.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let answer = self.get(path).await?;
        self.understood(&answer)
    }

    /// Posts JSON and gets JSON.
    ///
    /// # Errors
    /// There was no answer, the server refused the request, or the answer is not JSON of this shape.
    pub async fn post_json<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Error> {
        let body = serde_json::to_vec(body).map_err(|error| self.misunderstood(error.into()))?;
        let answer = self.ask(Method::POST, path, json_headers(), Bytes::from(body)).await?;
        self.understood(&answer)
    }

    /// Posts a form and gets JSON.
    ///
    /// # Errors
    /// There was no answer, the server refused the request, or the answer is not JSON of this shape.
    pub async fn post_form<T: DeserializeOwned>(&self, path: &str, body: Bytes) -> Result<T, Error> {
        let answer = self.ask(Method::POST, path, headers_of("application/x-www-form-urlencoded"), body).await?;
        self.understood(&answer)
    }

    /// Posts a text and gets JSON.
    ///
    /// # Errors
    /// There was no answer, the server refused the request, or the answer is not JSON of this shape.
    pub async fn post_text<T: DeserializeOwned>(&self, path: &str, body: Bytes) -> Result<T, Error> {
        let answer = self.ask(Method::POST, path, headers_of("text/plain; charset=utf-8"), body).await?;
        self.understood(&answer)
    }

    /// Sends a PATCH request with JSON and gets JSON.
    ///
    /// # Errors
    /// There was no answer, the server refused the request, or the answer is not JSON of this shape.
    pub async fn patch_json<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Error> {
        let body = serde_json::to_vec(body).map_err(|error| self.misunderstood(error.into()))?;
        let answer = self.ask(Method::PATCH, path, json_headers(), Bytes::from(body)).await?;
        self.understood(&answer)
    }

    /// Posts bytes and ignores the body of the answer.
    ///
    /// # Errors
    /// There was no answer, or the server refused the request.
    pub async fn post_bytes(&self, path: &str, body: Bytes) -> Result<(), Error> {
        self.ask(Method::POST, path, headers_of("application/octet-stream"), body).await.map(drop)
    }

    /// Sends a PUT request without a body.
    ///
    /// # Errors
    /// There was no answer, or the server refused the request.
    pub async fn put(&self, path: &str) -> Result<Answer, Error> {
        self.ask(Method::PUT, path, HeaderMap::new(), Bytes::default()).await
    }

    /// Deletes a resource of the server, and ignores the body of the answer.
    ///
    /// # Errors
    /// There was no answer, or the server refused the request.
    pub async fn delete(&self, path: &str) -> Result<(), Error> {
        self.ask(Method::DELETE, path, HeaderMap::new(), Bytes::default()).await.map(drop)
    }

    /// Sends a PUT request with JSON and gets JSON.
    ///
    /// # Errors
    /// There was no answer, the server refused the request, or the answer is not JSON of this shape.
    pub async fn put_json<T: DeserializeOwned>(&self, path: &str, body: Bytes) -> Result<T, Error> {
        let answer = self.ask(Method::PUT, path, json_headers(), body).await?;
        self.understood(&answer)
    }

    /// Deletes a resource of the server and gets JSON.
    ///
    /// # Errors
    /// There was no answer, the server refused the request, or the answer is not JSON of this shape.
    pub async fn delete_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let answer = self.ask(Method::DELETE, path, HeaderMap::new(), Bytes::default()).await?;
        self.understood(&answer)
    }

    fn understood<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Error> {
        serde_json::from_slice(&answer.body).map_err(|error| self.misunderstood(error.into()))
    }

    /// Has the server perform one operation of KMIP.
    ///
    /// # Errors
    /// There was no answer, or it tells of a failure.
    pub async fn execute<R: OperationRequest>(&self, request: R) -> Result<R::Response, Error> {
        let mut body = Vec::new();
        json::write(&request.into_document(), Dialect::Bare, &mut body);
        let answer = self.ask(Method::POST, KMIP_PATH, json_headers(), Bytes::from(body)).await?;
        let read = json::read(&answer.body).and_then(R::read_response);
        read.map_err(|error| self.misunderstood(error.into()))
    }

    async fn ask(&self, method: Method, path: &str, headers: HeaderMap, body: Bytes) -> Result<Answer, Error> {
        let answer = self.answer(method, path, headers, body).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(Error::Refused(Box::new(Refusal::of(&answer, self.has_credential))))
    }

    /// Gets a resource of the server, with any status.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn get_any(&self, path: &str) -> Result<Answer, Error> {
        self.answer(Method::GET, path, HeaderMap::new(), Bytes::default()).await
    }

    async fn answer(&self, method: Method, path: &str, mut headers: HeaderMap, body: Bytes) -> Result<Answer, Error> {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let path = self.url.below(path).path().to_owned();
        // The connection is removed from the idle ones, so that it is not reused if it fails or if this future is
        // dropped before the answer.
        let mut connection = match self.kept() {
            Some(connection) => connection,
            None => self.http.connect(&self.url).await?,
        };
        let answer = connection.ask(&self.http, Question { method, path, headers, body }).await?;
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answer)
    }

    /// Returns the most recently used idle connection, and closes those that are too old.
    fn kept(&self) -> Option<Connection> {
        let mut kept = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(Connection::is_fresh);
        kept.pop()
    }

    fn misunderstood(&self, source: AnswerError) -> Error {
        Error::Answer { url: self.url.to_string(), source }
    }
}

fn json_headers() -> HeaderMap {
    headers_of("application/json")
}

/// Returns the headers of a body with this media type.
fn headers_of(media_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))])
}

/// Encodes a text as one segment of a path (RFC 3986 section 3.3).
#[must_use]
pub fn segment(text: &str) -> String {
    /// All characters except unreserved ones. The dot is encoded too, because `..` would name the parent folder.
    const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');
    utf8_percent_encode(text, &RESERVED).to_string()
}

/// Refuses to send a credential over the network without TLS.
fn protected(url: &Url) -> Result<(), Error> {
    if url.is_tls() || url.is_loopback() { Ok(()) } else { Err(Error::CredentialInClear) }
}

/// Returns the header value of a bearer token (RFC 6750 section 2.1).
fn authorization(token: &str) -> Result<HeaderValue, Error> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(is_token) {
        return Err(Error::Token);
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Error::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
