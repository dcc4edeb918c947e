//! HTTP: the route table, what every request passes, and the one place that renders answers.

mod about;
mod access;
mod audit;
mod conjur;
mod definitions;
mod hanzo;
mod issuers;
mod kmip;
mod objects;
mod ownership;
mod piiano;
mod problem;
mod request;
mod route;
mod tokens;
mod vault;
mod visit;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tracing::{Instrument as _, Level};
use warp::Filter;
use warp::filters::path::FullPath;
use warp::host::Authority;
use warp::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE,
};
use warp::http::{HeaderMap, Method, Response, StatusCode};

pub use route::MAX_KMIP;

use crate::auth::{Authenticator, Peer, Refusal, Repeats, Unauthenticated, network};
use crate::kms::{self, Context, Kms};
use crate::metrics::{self, Metrics, Outcome};
use crate::principal::{self, Caller};
use problem::Problem;
use route::{Ask, Body, Handler, ROUTES, Route};
use visit::{MAX_VISITS, Visit};

/// Requests in the service at one time; the others wait. The runtime has more threads than that, so that a token that
/// is slow to answer leaves some for everything else.
pub const MAX_ACTIVE: usize = 24;

/// How long it stands who is calling, while the body arrives and others go first.
const DECISION_STANDS: Duration = Duration::from_millis(100);

/// How long a request waits to get in.
const ADMISSION_DEADLINE: Duration = Duration::from_secs(5);

/// Room for large request bodies in memory at one time: 256 MiB.
const ROOM: usize = (256 << 20) / request::ROOM_UNIT;

/// The largest request id that is taken over from a client, in bytes.
const MAX_REQUEST_ID: usize = 64;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the handlers share.
pub struct App {
    authenticator: Arc<Authenticator>,
    /// Whether the server listens on loopback, where in default mode only loopback names are served.
    loopback: bool,
    kms: Arc<Kms>,
    active: Semaphore,
    bodies: Semaphore,
    visits: Semaphore,
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
        metrics: Arc<Metrics>,
        repeats: Arc<Repeats>,
    ) -> Self {
        let mut process = [0; 6];
        // Without randomness two processes may share request ids, which harms nothing but a log search.
        let _ = openssl::rand::rand_bytes(&mut process);
        Self {
            authenticator,
            loopback,
            kms,
            active: Semaphore::new(MAX_ACTIVE),
            bodies: Semaphore::new(ROOM),
            visits: Semaphore::new(MAX_VISITS),
            metrics,
            repeats,
            next_request: AtomicU64::new(1),
            process,
        }
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
                format!("{}-{number:x}", HEXLOWER.encode(&self.process))
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
}

impl Answer {
    fn json(status: StatusCode, value: &impl Serialize) -> Self {
        Self::new(status, "application/json", serde_json::to_vec(value).unwrap_or_default())
    }

    fn text(status: StatusCode, body: Vec<u8>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body)
    }

    fn new(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Self {
        Self { status, media_type, encoding: None, body }
    }

    /// The same with a body that is base64 of what it would be.
    fn in_base64(self) -> Self {
        Self { encoding: Some("base64"), ..self }
    }
}

/// The filter that serves every request.
pub fn filter(app: Arc<App>) -> impl Filter<Extract = (Response<Vec<u8>>,), Error = warp::Rejection> + Clone {
    warp::ext::get::<Peer>()
        .and(warp::method())
        .and(warp::path::full())
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::header::headers_cloned())
        .and(warp::host::optional().or_else(|_| async { Ok::<_, warp::Rejection>((None,)) }))
        .and(warp::body::stream())
        .then(move |peer: Peer, method: Method, path: FullPath, query: String, headers: HeaderMap, host, body| {
            let app = Arc::clone(&app);
            async move {
                let id = app.request_id(&headers);
                // At the highest level: whatever is logged has to say whose request it was.
                let span = tracing::error_span!("request", id, peer = %peer.address);
                let head = Head { peer, method, path, query, headers, host };
                respond(&app, head, body, id).instrument(span).await
            }
        })
}

/// A request without its body.
struct Head {
    peer: Peer,
    method: Method,
    path: FullPath,
    query: String,
    headers: HeaderMap,
    host: Option<Authority>,
}

/// Answers one request: the only place that makes a response.
async fn respond<S, B>(app: &App, head: Head, body: S, id: String) -> Response<Vec<u8>>
where
    S: warp::Stream<Item = Result<B, warp::Error>>,
    B: warp::Buf,
{
    let measured = app.metrics.request();
    let answer = handle(app, &head, body, &id, &measured).await;
    let words = route::words(head.path.as_str());
    let answer =
        answer.unwrap_or_else(|problem| problem.in_words(words).render(&id, head.peer.address.ip(), &app.repeats));
    measured.answered(outcome(answer.status));
    tracing::debug!(method = %head.method, path = head.path.as_str(), status = answer.status.as_u16(), "answered");
    let mut response = Response::new(answer.body);
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.media_type));
    if let Some(encoding) = answer.encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    if answer.status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if answer.status == StatusCode::METHOD_NOT_ALLOWED
        && let Ok(allowed) = HeaderValue::from_str(&allowed(head.path.as_str()))
    {
        headers.insert(ALLOW, allowed);
    }
    response
}

/// What a status means to whoever counts requests.
fn outcome(status: StatusCode) -> Outcome {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => Outcome::Unauthenticated,
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Outcome::Refused,
        StatusCode::SERVICE_UNAVAILABLE => Outcome::Unavailable,
        status if status.is_server_error() => Outcome::Failed,
        status if status.is_client_error() => Outcome::ClientError,
        _ => Outcome::Success,
    }
}

/// The order of the checks: who speaks to whom, which route, who is calling, and only then the body.
async fn handle<S, B>(
    app: &App,
    head: &Head,
    body: S,
    id: &str,
    measured: &metrics::Request<'_>,
) -> Result<Answer, Problem>
where
    S: warp::Stream<Item = Result<B, warp::Error>>,
    B: warp::Buf,
{
    request::refuse_several_hosts(&head.headers)?;
    request::refuse_foreign_page(&head.headers, head.host.as_ref(), head.peer.tls)?;
    if app.loopback && !app.authenticator.authenticates() {
        request::require_loopback_name(head.host.as_ref())?;
    }
    let (route, parameters) = find(&head.method, head.path.as_str())?;
    route.tell(measured);
    ask(app, head, body, Found { route, parameters, began: Instant::now(), id, measured }).await
}

/// Finds out who asks, and has them answered.
async fn ask<S, B>(app: &App, head: &Head, body: S, found: Found<'_>) -> Result<Answer, Problem>
where
    S: warp::Stream<Item = Result<B, warp::Error>>,
    B: warp::Buf,
{
    let caller = match found.route.handler {
        Handler::Anyone(_) | Handler::Visitor(_) => None,
        Handler::Caller(_) => Some(caller(app, head, true).await?),
    };
    let is_of_caller = caller.is_some();
    let is_of_table =
        caller.as_ref().is_some_and(|own| matches!(own.method, principal::Method::Jwt { table: Some(_), .. }));
    let answer = perform(app, head, body, &found, caller).await;
    let answer = answer.map_err(|problem| if is_of_table { problem.for_piiano() } else { problem });
    answer.map_err(|problem| if is_of_caller { problem.of_caller() } else { problem })
}

/// What is known before anybody is asked for a body.
struct Found<'a> {
    route: &'static Route,
    parameters: Vec<String>,
    began: Instant,
    id: &'a str,
    measured: &'a metrics::Request<'a>,
}

/// Reads the body and has the route's handler answer.
async fn perform<S, B>(
    app: &App,
    head: &Head,
    body: S,
    found: &Found<'_>,
    caller: Option<Caller>,
) -> Result<Answer, Problem>
where
    S: warp::Stream<Item = Result<B, warp::Error>>,
    B: warp::Buf,
{
    let Found { route, began, measured, .. } = found;
    let limit = match route.body {
        Body::None => 0,
        Body::Json(limit) => {
            request::require_json(&head.headers)?;
            request::check_length(&head.headers, limit)?;
            limit
        }
        Body::Bytes(limit) => {
            request::check_length(&head.headers, limit)?;
            limit
        }
        Body::Form(limit) => {
            request::require_form(&head.headers)?;
            request::check_length(&head.headers, limit)?;
            limit
        }
    };
    let body = match limit {
        0 => None,
        limit => Some(request::body(body, limit, &app.bodies).await?),
    };
    if let Handler::Visitor(handler) = route.handler {
        let _permit = admit(&app.visits, 1).await?;
        let parameters = &found.parameters[..];
        let body = body.as_ref().map_or(&[][..], |body| &body.bytes);
        let (peer, headers, request) = (&head.peer, &head.headers, found.id);
        return handler(app, Visit { peer, headers, request, parameters, body }).await;
    }
    let _permit = admit(&app.active, 1).await?;
    // Whoever holds a body back must not outlive a revocation by it.
    let caller = match caller {
        Some(_) if began.elapsed() > DECISION_STANDS => Some(self::caller(app, head, false).await?),
        caller => caller,
    };
    if let Some(caller) = &caller {
        measured.method(&caller.method);
    }
    let ask = caller.as_ref().map(|caller| Ask {
        context: Context { caller, request: found.id, peer: head.peer.address },
        measured,
        parameters: &found.parameters,
        headers: &head.headers,
        query: &head.query,
        body: body.as_ref().map_or(&[], |body| &body.bytes),
    });
    run(app, route, ask.as_ref())
}

fn find(method: &Method, path: &str) -> Result<(&'static Route, Vec<String>), Problem> {
    let mut known = ROUTES.iter().filter_map(|route| Some((route, route.parameters(path)?))).peekable();
    if known.peek().is_none() {
        return Err(Problem::new(StatusCode::NOT_FOUND, "no such path"));
    }
    let not_allowed = || Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path takes another method");
    known.find(|(route, _)| route.method == *method).ok_or_else(not_allowed)
}

/// The methods that a path takes (RFC 9110 section 10.2.1).
fn allowed(path: &str) -> String {
    let methods = ROUTES.iter().filter(|route| route.parameters(path).is_some()).map(|route| route.method.as_str());
    methods.collect::<Vec<_>>().join(", ")
}

/// `counted`: it is a use of the credential, not a second look at it.
async fn caller(app: &App, head: &Head, counted: bool) -> Result<Caller, Problem> {
    match app.authenticator.caller(&head.peer, &head.headers, &*app.kms, kms::now(), counted).await {
        Ok(caller) => {
            head.peer.proved.store(true, Ordering::Relaxed);
            Ok(caller)
        }
        Err(Refusal::Unauthenticated { reason, limited }) => {
            let network = network(head.peer.address.ip());
            app.kms.failed_authentication(network, reason.method(), reason.word());
            // A certificate is judged without a look at what stands in the headers.
            let is_jwt = reason.method() == "jwt";
            let table = is_jwt.then(|| app.authenticator.named_table(&head.headers)).flatten();
            tell(app, &head.peer, &reason, table.as_deref());
            if limited {
                return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many failed attempts from this address"));
            }
            let problem = Problem::unauthenticated();
            Err(if table.is_some() { problem.for_piiano() } else { problem })
        }
        Err(Refusal::Unavailable(error)) => {
            let text = format!("a credential could not be checked: {error}");
            if app.repeats.is_first(head.peer.address.ip(), Level::ERROR, text) {
                tracing::error!(%error, detail = error.detail(), "a credential could not be checked");
            }
            // To somebody who is nobody yet, every cause is the same.
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "credentials cannot be checked now: try again later"))
        }
    }
}

/// Writes to the log why somebody is nobody.
fn tell(app: &App, peer: &Peer, reason: &Unauthenticated, table: Option<&str>) {
    let method = reason.method();
    if app.repeats.is_first(peer.address.ip(), Level::WARN, format_args!("authentication failed: {reason}")) {
        tracing::warn!(method, idps = table, %reason, "authentication failed");
    } else {
        tracing::debug!(method, idps = table, %reason, "authentication failed again");
    }
}

async fn admit(places: &Semaphore, wanted: u32) -> Result<SemaphorePermit<'_>, Problem> {
    let busy = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the server is busy: try again later");
    timeout(ADMISSION_DEADLINE, places.acquire_many(wanted)).await.map_err(|_| busy())?.map_err(|_| busy())
}

/// Runs the handler, on this thread: to hand every request over to another one costs more than most operations do.
/// Those that wait for the disk move out of the way themselves. A panic is a defect, and must not take the
/// connection's other requests with it.
fn run(app: &App, route: &Route, ask: Option<&Ask<'_>>) -> Result<Answer, Problem> {
    let answer = catch_unwind(AssertUnwindSafe(|| match (route.handler, ask) {
        (Handler::Anyone(handler), _) => handler(app),
        (Handler::Caller(handler), Some(ask)) => handler(app, ask),
        (Handler::Caller(_), None) | (Handler::Visitor(_), _) => Err(Problem::unauthenticated()),
    }));
    answer.unwrap_or_else(|_| Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error")))
}
