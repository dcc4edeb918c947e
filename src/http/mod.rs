//! The HTTP interface: the route tables, the checks that every request passes, and the one place that renders answers.

mod about;
mod access;
mod answer;
mod api;
mod app;
mod ask;
mod audit;
mod bounds;
mod conjur;
mod definitions;
mod fields;
mod hanzo;
mod head;
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
mod visit;

use std::sync::Arc;

use tracing::Instrument as _;
use warp::Filter;
use warp::filters::path::FullPath;
use warp::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use warp::http::{Method, Response, StatusCode, Version};

pub use answer::Held;
pub use app::App;
pub use bounds::MAX_KMIP;
pub use head::Line;
pub use incoming::has_body;
pub use request::check_host;

use crate::auth::{Peer, network};
use crate::desk::{self, Refused, Who};
use answer::Answer;
use app::REQUEST_ID;
use head::Head;
use incoming::Incoming;
use problem::Problem;

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
        .then(move |peer, line, method, path: FullPath, query, headers, host, body| {
            let api = routes::api(path.as_str());
            let head = Head { peer, line, method, path, api, query, headers, host, id: String::new() };
            let app = Arc::clone(&app);
            async move {
                let id = app.request_id(&head.headers);
                // At the highest level: whatever is logged has to say whose request it was.
                let span = tracing::error_span!("request", id, peer = %head.peer.address);
                respond(app, Head { id, ..head }, body).instrument(span).await
            }
        })
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
        Err(ended) => (Err(self::ended(&app, ended, &ticket, &head)), None),
    };
    let address = head.peer.address.ip();
    let answer = answer.unwrap_or_else(|problem| problem.render(head.api.refusal, &head.id, address, &app.repeats));
    measured.answered(answer.outcome());
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
    // The answer to HEAD has only the headers of the answer to GET (RFC 9110 section 9.3.2).
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
        && let Ok(allowed) = HeaderValue::from_str(&routes::allowed(head.api, head.path.as_str()))
    {
        headers.insert(ALLOW, allowed);
    }
    response
}

/// What is said of a request that has no answer of its own.
fn ended(app: &App, ended: desk::Ended, ticket: &desk::Ticket, head: &Head) -> Problem {
    match ended {
        desk::Ended::Panicked => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
        desk::Ended::Hsm => Problem::hangs(),
        desk::Ended::Deadline => {
            let who = ticket.who().unwrap_or_else(|| Who::Network(network(head.peer.address.ip())));
            app.desk.refused(Refused::Deadline, &who);
            Problem::too_long(ticket.allowed())
        }
    }
}
