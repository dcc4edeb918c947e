//! The HTTP interface: the route tables, the checks that every request passes, and the one place that renders answers.

mod about;
mod access;
mod anonymous_request;
mod answer;
mod api;
mod app;
mod audit;
mod bounds;
mod caller_request;
mod conjur;
mod definitions;
mod fields;
mod hanzo;
mod head;
mod incoming;
mod issuers;
mod kmip;
mod limiting;
mod media_type;
mod members;
mod names;
mod objects;
mod openapi;
mod ownership;
mod page;
mod piiano;
mod problem;
mod request;
mod route;
mod routes;
mod serve;
mod tokens;
mod typed;

use std::sync::Arc;

use warp::Filter;
use warp::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use warp::http::{Method, Response, StatusCode, Version};

pub use answer::Held;
pub use app::App;
pub use bounds::MAX_KMIP;
pub use head::Head;
pub use incoming::has_body;
pub use request::check_host;

use crate::desk::{self, Name, Ticket, Who};
use answer::Answer;
use app::REQUEST_ID;
use incoming::Incoming;

/// The filter that serves every request whose [`Head`] is among its extensions.
pub fn filter(app: Arc<App>) -> impl Filter<Extract = (Response<Vec<u8>>,), Error = warp::Rejection> + Clone {
    warp::ext::get::<Arc<Head>>().and(warp::body::stream()).then(move |head: Arc<Head>, body| {
        let app = Arc::clone(&app);
        async move {
            let name = Name { id: app.request_id(&head.headers), peer: head.peer.address };
            let ticket = app.desk.ticket(name);
            desk::on_behalf(&ticket, respond(app, head, &ticket, body)).await
        }
    })
}

/// Answers one request: the only place that makes a response.
async fn respond<S, B>(app: Arc<App>, head: Arc<Head>, ticket: &Arc<Ticket>, body: S) -> Response<Vec<u8>>
where
    S: warp::Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: warp::Buf + Send + 'static,
{
    let mut body = Incoming::new(body, head.version, &head.headers);
    let end = body.end();
    let (measured, own) = (app.metrics.request(), Arc::clone(ticket));
    let request = Arc::new(serve::Request { app, head, ticket: own, measured });
    let (serve::Request { app, head, measured, .. }, id) = (&*request, request.id());
    let (answer, is_served) = match desk::guard(ticket, serve::serve(&request, &mut body)).await {
        Ok(answer) => (answer, true),
        Err(ended) => (Err(request.ended(ended)), false),
    };
    let address = head.peer.address.ip();
    let answer = answer.unwrap_or_else(|problem| problem.render(head.api.refusal, id, address, &app.repeats));
    measured.answered(answer.outcome());
    tracing::debug!(method = %head.method, path = head.path(), status = answer.status.as_u16(), "answered");
    if is_served {
        let who = || ticket.who().unwrap_or_else(|| app.expected(head, Who::Claimant));
        body.discard(&app.desk, who, head.version, ticket.deadline()).await;
    }
    let mut response = render(head, id, answer);
    // In HTTP/1, the rest of the body comes where the next request is expected. In HTTP/2, only the stream ends.
    if head.version < Version::HTTP_2 && !end.is_reached() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn render(head: &Head, id: &str, answer: Answer) -> Response<Vec<u8>> {
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
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    if answer.status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = answer.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if answer.status == StatusCode::METHOD_NOT_ALLOWED
        && let Ok(allowed) = HeaderValue::from_str(&routes::allowed(head.api, head.path()))
    {
        headers.insert(ALLOW, allowed);
    }
    response
}
