//! A connection: HTTP/1.1, with or without TLS.

use std::io;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::http::HeaderValue;
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::error::Error;
use super::settings::Http;
use super::socket::Socket;
use super::tls;
use crate::client::url::Url;
use crate::secret;

/// The answer of a server, with any status. Redirects are not followed: they are answers, too.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The media type, without parameters and in lower case.
    pub media_type: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body. It may hold a key.
    pub body: secret::Bytes,
}

impl Answer {
    /// Returns the `max-age` of its Cache-Control header (RFC 9111 section 5.2.2.1).
    #[must_use]
    pub fn max_age(&self) -> Option<Duration> {
        let header = self.headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let age = header.split(',').find_map(|directive| {
            let (name, seconds) = directive.trim().split_once('=')?;
            name.eq_ignore_ascii_case("max-age").then(|| seconds.trim_matches('"').parse().ok())?
        });
        age.map(Duration::from_secs)
    }
}

/// A request.
pub(crate) struct Question {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: secret::Bytes,
}

/// A connection that sends one request at a time.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// The task that drives the connection. Its result is the reason why the connection ended.
    driver: Option<JoinHandle<hyper::Result<()>>>,
    url: Url,
    has_identity: bool,
    last_answer: Option<Instant>,
}

impl Http {
    /// Gets one document over a connection of its own. Must run on a tokio runtime.
    ///
    /// # Errors
    /// There was no answer. An answer with an error status is not an error.
    pub async fn get(&self, url: &Url, accept: &'static str) -> Result<Answer, Error> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        let question =
            Question { method: Method::GET, path: url.path().to_owned(), headers, body: secret::Bytes::default() };
        self.connect(url).await?.ask(self, question).await
    }

    pub(crate) async fn connect(&self, url: &Url) -> Result<Connection, Error> {
        Connection::open(self, url).await
    }
}

impl Connection {
    async fn open(http: &Http, url: &Url) -> Result<Self, Error> {
        let limit = http.limits.connect;
        timeout(limit, Self::connect(http, url))
            .await
            .unwrap_or_else(|_| Err(Error::ConnectTimeout { url: url.to_string(), limit }))
    }

    async fn connect(http: &Http, url: &Url) -> Result<Self, Error> {
        let tcp = dial(url).await?;
        let started = if url.is_tls() {
            let stream = http.tls.connect(url.host(), Socket::new(tcp)).await;
            let stream = stream.map_err(|error| tls::handshake_error(url, http.has_identity, error))?;
            start(TokioIo::new(stream)).await
        } else {
            start(TokioIo::new(Socket::new(tcp))).await
        };
        let (sender, driver) = started.map_err(|source| Error::Exchange { url: url.to_string(), source })?;
        Ok(Self { sender, driver: Some(driver), url: url.clone(), has_identity: http.has_identity, last_answer: None })
    }

    /// Returns whether another request may be sent: the connection must be open, and must not be close to the server's
    /// idle limit.
    pub(crate) fn is_fresh(&self) -> bool {
        const IDLE: Duration = Duration::from_secs(20);
        !self.sender.is_closed() && self.last_answer.is_none_or(|time| time.elapsed() < IDLE)
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn ask(&mut self, http: &Http, question: Question) -> Result<Answer, Error> {
        let limit = http.limits.answer;
        let answer = timeout(limit, self.exchange(http, question))
            .await
            .unwrap_or_else(|_| Err(Error::Timeout { url: self.url.to_string(), limit }))?;
        self.last_answer = Some(Instant::now());
        Ok(answer)
    }

    async fn exchange(&mut self, http: &Http, question: Question) -> Result<Answer, Error> {
        let mut request = Request::builder()
            .method(question.method)
            .uri(question.path)
            .header(HOST, self.url.authority())
            .header(USER_AGENT, HeaderValue::from_static(concat!("claviger/", env!("CARGO_PKG_VERSION"))))
            .body(Full::new(Bytes::from_owner(question.body)))?;
        request.headers_mut().extend(question.headers);
        let sent = match self.sender.ready().await {
            Ok(()) => self.sender.send_request(request).await,
            Err(error) => Err(error),
        };
        let response = match sent {
            Ok(response) => response,
            Err(error) => return Err(self.unsent(error).await),
        };
        let (head, body) = response.into_parts();
        let body = Limited::new(body, http.limits.bytes).collect().await.map_err(|error| {
            match error.downcast::<hyper::Error>() {
                Ok(error) => self.failure(*error),
                Err(_) => Error::TooLarge { url: self.url.to_string(), limit: http.limits.bytes },
            }
        })?;
        let media_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(|value| {
            let (essence, _) = value.split_once(';').unwrap_or((value, ""));
            essence.trim().to_ascii_lowercase()
        });
        let body = secret::Bytes::from(body.to_bytes().as_ref());
        Ok(Answer { status: head.status, media_type, headers: head.headers, body })
    }

    /// Returns the failure of a request that could not be sent. The connection may have ended before; then the driver
    /// has the reason.
    async fn unsent(&mut self, error: hyper::Error) -> Error {
        if (error.is_closed() || error.is_canceled())
            && let Some(driver) = self.driver.take()
            && let Ok(Err(reason)) = driver.await
        {
            return self.failure(reason);
        }
        self.failure(error)
    }

    fn failure(&self, error: hyper::Error) -> Error {
        if let Some(refusal) = tls::refusal(&self.url, self.has_identity, &error) {
            return refusal;
        }
        let url = self.url.to_string();
        let is_reset = std::error::Error::source(&error)
            .and_then(|source| source.downcast_ref::<io::Error>())
            .is_some_and(|error| matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset));
        if is_reset || error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return Error::Closed { url, source: error };
        }
        Error::Exchange { url, source: error }
    }
}

/// Connects to the first address of the host that accepts a connection.
async fn dial(url: &Url) -> Result<TcpStream, Error> {
    let resolve = |source| Error::Resolve { host: url.host().to_owned(), source };
    let mut failure = None;
    for address in lookup_host((url.host(), url.port())).await.map_err(resolve)? {
        match TcpStream::connect(address).await {
            Ok(tcp) => {
                // Otherwise, the end of a request would wait for the server's acknowledgement of its beginning.
                tcp.set_nodelay(true).map_err(|source| Error::Connect { url: url.to_string(), source })?;
                return Ok(tcp);
            }
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(source) => Err(Error::Connect { url: url.to_string(), source }),
        None => Err(resolve(io::Error::other("it has no address"))),
    }
}

type Started = (SendRequest<Full<Bytes>>, JoinHandle<hyper::Result<()>>);

async fn start<T>(io: T) -> hyper::Result<Started>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new().handshake(io).await?;
    Ok((sender, tokio::spawn(connection)))
}
