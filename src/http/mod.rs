//! HTTP: the route table, what every request passes, and the one place that renders answers.

mod about;
mod access;
mod ask;
mod audit;
mod conjur;
mod definitions;
mod fields;
mod hanzo;
mod incoming;
mod issuers;
mod kmip;
mod limiting;
mod members;
mod objects;
mod ownership;
mod page;
mod piiano;
mod problem;
mod request;
mod route;
mod routes;
mod serve;
mod tokens;
mod vault;
mod visit;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use tracing::Instrument as _;
use warp::Filter;
use warp::filters::path::FullPath;
use warp::host::Authority;
use warp::http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName,
    HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use warp::http::{HeaderMap, Method, Response, StatusCode, Version};

pub use incoming::has_body;
pub use request::check_host;
pub use route::MAX_KMIP;

use crate::auth::{Authenticator, Authorization, Peer, Presented, Repeats, network};
use crate::config::LEAST_MEMORY;
use crate::desk::{self, Desk, Full, Refused, Room, Who};
use crate::hexadecimal;
use crate::kms::{Kms, Logins};
use crate::metrics::{Metrics, Outcome};
use incoming::Incoming;
use problem::Problem;

/// The largest body of an answer, in bytes.
const MAX_ANSWER: usize = 16 << 20;

/// What the largest request takes in memory: its body, and as much for what is made of it.
const LARGEST_REQUEST: usize = 2 * MAX_KMIP;

// One caller must be able to make the largest request there is, whatever the server was told.
const _: () = assert!(LEAST_MEMORY << 20 == (LARGEST_REQUEST + MAX_ANSWER) * desk::PART);

/// The largest request id that is taken over from a client, in bytes.
const MAX_REQUEST_ID: usize = 64;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the handlers share.
pub struct App {
    authenticator: Arc<Authenticator>,
    /// Whether the server listens on loopback, where in default mode only loopback names are served.
    loopback: bool,
    kms: Arc<Kms>,
    logins: Logins,
    desk: Arc<Desk>,
    metrics: Arc<Metrics>,
    repeats: Arc<Repeats>,
    next_request: AtomicU64,
    /// Sets the requests of one process apart from another's.
    process: [u8; 6],
}

impl App {
    /// The handlers of one listener.
    #[must_use]
    pub fn new(
        authenticator: Arc<Authenticator>,
        loopback: bool,
        kms: Arc<Kms>,
        desk: Arc<Desk>,
        metrics: Arc<Metrics>,
        repeats: Arc<Repeats>,
    ) -> Self {
        let mut process = [0; 6];
        // Without randomness two processes may share request ids, which harms nothing but a log search.
        let _ = openssl::rand::rand_bytes(&mut process);
        let logins =
            Logins::new(Arc::clone(&kms), Arc::clone(&authenticator), Arc::clone(&metrics), Arc::clone(&repeats));
        let next_request = AtomicU64::new(1);
        Self { authenticator, loopback, kms, logins, desk, metrics, repeats, next_request, process }
    }

    /// Says in the log what is wrong with what callers log in by, once.
    pub fn tell_of_logins(&self) {
        self.logins.tell_of_authenticators();
    }

    fn request_id(&self, headers: &HeaderMap) -> String {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let is_plain = |id: &&str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !id.is_empty() && id.len() <= MAX_REQUEST_ID && id.bytes().all(plain)
        };
        given.filter(is_plain).map_or_else(
            || {
                let number = self.next_request.fetch_add(1, Ordering::Relaxed);
                format!("{}-{number:x}", hexadecimal::lower(&self.process))
            },
            str::to_owned,
        )
    }
}

/// A status and a body, to be rendered by [`respond`].
pub(crate) struct Answer {
    status: StatusCode,
    media_type: &'static str,
    /// The Content-Encoding, if the body has one.
    encoding: Option<&'static str>,
    body: Vec<u8>,
    /// Seconds after which the request may be tried again.
    retry_after: Option<u16>,
    /// The room in memory that the body takes until it is on the wire.
    room: Option<Room>,
}

impl Answer {
    fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let mut body = Bounded(Vec::with_capacity(256));
        // What is cut off is refused by whoever weighs the answer.
        let _ = serde_json::to_writer(&mut body, value);
        Self::new(status, "application/json", body.0)
    }

    fn text(status: StatusCode, body: Vec<u8>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body)
    }

    fn new(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Self {
        Self { status, media_type, encoding: None, body, retry_after: None, room: None }
    }

    /// The same, once it is known that it may be sent, with the room that it takes.
    fn weighed(mut self, mut room: Room) -> Result<Self, Weight> {
        if self.body.len() > MAX_ANSWER && self.status.is_success() {
            return Err(Weight::TooLarge);
        }
        self.body.shrink_to_fit();
        room.hold(self.body.len()).map_err(Weight::Full)?;
        self.room = Some(room);
        Ok(self)
    }

    /// The same with a body that is base64 of what it would be.
    fn in_base64(self) -> Self {
        Self { encoding: Some("base64"), ..self }
    }
}

/// Why an answer cannot be sent.
enum Weight {
    /// No answer may be so large.
    TooLarge,
    /// There is no room for it.
    Full(Full),
}

/// A body that ends soon after it has become too large to be sent.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.0.len() > MAX_ANSWER {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Goes with a response whose body takes room in memory: whoever sends it gives the room back when the body is on the wire.
#[derive(Debug, Clone)]
pub struct Held(pub Arc<Room>);

/// What the first line of a request says beside its path, or what stands in its place in HTTP/2.
#[derive(Debug, Clone)]
pub struct Line {
    /// The version of the protocol.
    pub version: Version,
    /// The authority of the request's target, which in HTTP/2 is `:authority`.
    pub authority: Option<Authority>,
}

/// The filter that serves every request.
pub fn filter(app: Arc<App>) -> impl Filter<Extract = (Response<Vec<u8>>,), Error = warp::Rejection> + Clone {
    warp::ext::get::<Peer>()
        .and(warp::ext::get::<Line>())
        .and(warp::method())
        .and(warp::path::full())
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::header::headers_cloned())
        .and(warp::host::optional().or_else(|_| async { Ok::<_, warp::Rejection>((None,)) }))
        .and(warp::body::stream())
        .then(move |peer, line, method, path, query, headers, host, body| {
            let head = Head { peer, line, method, path, query, headers, host, id: String::new() };
            let app = Arc::clone(&app);
            async move {
                let id = app.request_id(&head.headers);
                // At the highest level: whatever is logged has to say whose request it was.
                let span = tracing::error_span!("request", id, peer = %head.peer.address);
                respond(app, Head { id, ..head }, body).instrument(span).await
            }
        })
}

/// A request without its body.
struct Head {
    peer: Peer,
    line: Line,
    method: Method,
    path: FullPath,
    query: String,
    headers: HeaderMap,
    host: Option<Authority>,
    /// The request's id.
    id: String,
}

impl Head {
    /// What it says of its caller.
    fn presented(&self) -> Presented<'_> {
        Presented { peer: &self.peer, authorization: authorization(&self.headers) }
    }
}

/// The Authorization headers of a request.
fn authorization(headers: &HeaderMap) -> Authorization<'_> {
    headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes).collect()
}

/// Answers one request: the only place that makes a response.
async fn respond<S, B>(app: Arc<App>, head: Head, body: S) -> Response<Vec<u8>>
where
    S: warp::Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: warp::Buf + Send + 'static,
{
    let (ticket, measured, head) = (Arc::new(app.desk.ticket()), Arc::new(app.metrics.request()), Arc::new(head));
    let request = serve::Request { app: Arc::clone(&app), head: Arc::clone(&head), ticket: Arc::clone(&ticket) };
    let mut body = Incoming::new(body, head.line.version, &head.headers);
    let (end, own) = (body.end(), Arc::clone(&measured));
    let served = async move { (serve::serve(request, &mut body, own).await, body) };
    let (answer, rest) = match desk::accompany(&ticket, served.in_current_span()).await {
        Ok((answer, rest)) => (answer, Some(rest)),
        Err(ended) => (Err(app.ended(ended, &ticket, &head)), None),
    };
    let (words, address) = (route::words(head.path.as_str()), head.peer.address.ip());
    let answer = answer.unwrap_or_else(|problem| problem.in_words(words).render(&head.id, address, &app.repeats));
    measured.answered(outcome(&answer));
    tracing::debug!(method = %head.method, path = head.path.as_str(), status = answer.status.as_u16(), "answered");
    if let Some(rest) = rest {
        let who = ticket.who().unwrap_or_else(|| app.expected(&head, Who::Claimant));
        rest.discard(&app.desk, &who, head.line.version, ticket.deadline()).await;
    }
    let mut response = render(&head, answer);
    // What is left of the body stands where the next request would. Of HTTP/2 only the stream ends.
    if head.line.version < Version::HTTP_2 && !end.is_reached() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn render(head: &Head, answer: Answer) -> Response<Vec<u8>> {
    let length = answer.body.len();
    // A HEAD is answered by the headers of a GET alone (RFC 9110 section 9.3.2).
    let is_head = head.method == Method::HEAD;
    let mut response = Response::new(if is_head { Vec::new() } else { answer.body });
    *response.status_mut() = answer.status;
    if let Some(room) = answer.room.filter(|_| !is_head) {
        response.extensions_mut().insert(Held(Arc::new(room)));
    }
    let headers = response.headers_mut();
    if is_head && answer.status != StatusCode::NO_CONTENT {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.media_type));
    if let Some(encoding) = answer.encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(&head.id) {
        headers.insert(REQUEST_ID, id);
    }
    if answer.status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = answer.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if answer.status == StatusCode::METHOD_NOT_ALLOWED
        && let Ok(allowed) = HeaderValue::from_str(&serve::allowed(head.path.as_str()))
    {
        headers.insert(ALLOW, allowed);
    }
    response
}

/// What a status means to whoever counts requests.
fn outcome(answer: &Answer) -> Outcome {
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS if answer.retry_after.is_some() => Outcome::Unavailable,
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => Outcome::Unauthenticated,
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Outcome::Refused,
        StatusCode::SERVICE_UNAVAILABLE => Outcome::Unavailable,
        StatusCode::NOT_IMPLEMENTED => Outcome::ClientError,
        status if status.is_server_error() => Outcome::Failed,
        status if status.is_client_error() => Outcome::ClientError,
        _ => Outcome::Success,
    }
}

impl App {
    /// What is said of a request that has no answer of its own.
    fn ended(&self, ended: desk::Ended, ticket: &desk::Ticket, head: &Head) -> Problem {
        match ended {
            desk::Ended::Panicked => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
            desk::Ended::Hsm => Problem::hangs(),
            desk::Ended::Deadline => {
                let who = ticket.who().unwrap_or_else(|| Who::Network(network(head.peer.address.ip())));
                self.desk.refused(Refused::Deadline, &who);
                Problem::too_long(ticket.allowed())
            }
        }
    }
}
