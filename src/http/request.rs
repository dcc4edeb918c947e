//! What every request passes before its handler: browser defences, body and its bounds.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use warp::Buf;
use warp::host::Authority;
use warp::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use warp::http::{HeaderMap, StatusCode};

use super::admit;
use super::problem::Problem;

/// Bytes of a body that count as one in the room for bodies.
pub(super) const ROOM_UNIT: usize = 64 << 10;

/// From the end of the headers to the end of the body.
const BODY_DEADLINE: Duration = Duration::from_secs(30);

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which of several names a request is for would be a matter of taste (RFC 9112 section 3.2).
pub(super) fn refuse_several_hosts(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get_all(HOST).iter().count() > 1 {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "the request has several Host headers"));
    }
    Ok(())
}

/// Refuses requests that a web page of somebody else made in the caller's browser, which would send the
/// caller's certificate along. Clients that are no browser send none of these headers.
pub(super) fn refuse_foreign_page(headers: &HeaderMap, host: Option<&Authority>, tls: bool) -> Result<(), Problem> {
    let foreign = || Problem::new(StatusCode::FORBIDDEN, "requests from web pages of another origin are refused");
    if headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "cross-site" || site == "same-site") {
        return Err(foreign());
    }
    if headers.get_all(ORIGIN).iter().count() > 1 {
        return Err(foreign());
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let scheme = if tls { "https://" } else { "http://" };
    let own = host.map(|host| format!("{scheme}{host}"));
    if own.is_some_and(|own| origin.as_bytes().eq_ignore_ascii_case(own.as_bytes())) { Ok(()) } else { Err(foreign()) }
}

/// In default mode on loopback the only protection is that nobody else can connect; a page that resolves its
/// own name to 127.0.0.1 could (DNS rebinding). So the name must be one of loopback.
pub(super) fn require_loopback_name(host: Option<&Authority>) -> Result<(), Problem> {
    let name = host.map(|host| host.host().trim_start_matches('[').trim_end_matches(']'));
    let is_loopback = name.is_some_and(|name| {
        name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    });
    if is_loopback {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "without authentication only the host names of loopback are served"))
}

/// A body must say that it is JSON: an HTML form cannot.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    require(headers, "application/json")
}

/// The fields of a form. A web page can send one, so that no route for callers with a certificate takes any.
pub(super) fn require_form(headers: &HeaderMap) -> Result<(), Problem> {
    require(headers, "application/x-www-form-urlencoded")
}

fn require(headers: &HeaderMap, media_type: &str) -> Result<(), Problem> {
    let essence = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (essence, _) = value.split_once(';').unwrap_or((value, ""));
        Some(essence.trim()).filter(|essence| !essence.is_empty())
    });
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case(media_type)) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("the Content-Type must be {media_type}")))
}

fn too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes"))
}

/// Refuses a body that announces itself as too large, before any of it is read.
pub(super) fn check_length(headers: &HeaderMap, limit: usize) -> Result<(), Problem> {
    let Some(length) = headers.get(CONTENT_LENGTH) else { return Ok(()) };
    let length: u64 = length
        .to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "the Content-Length is not a number"))?;
    if usize::try_from(length).is_ok_and(|length| length <= limit) { Ok(()) } else { Err(too_large(limit)) }
}

/// A body, and the room in memory that it takes until it is dropped.
pub(super) struct Body<'a> {
    pub(super) bytes: Vec<u8>,
    room: Option<SemaphorePermit<'a>>,
}

/// Reads the body within its bounds of size and time. `room` counts what all large bodies together may take, in
/// [`ROOM_UNIT`]s. A body takes it as it arrives: what a client announces and does not send costs nobody anything,
/// and a body of one unit needs none, so that small requests go on whatever the large ones do.
pub(super) async fn body<S, B>(stream: S, limit: usize, room: &Semaphore) -> Result<Body<'_>, Problem>
where
    S: warp::Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    timeout(BODY_DEADLINE, collect(stream, limit, room))
        .await
        .unwrap_or_else(|_| Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")))
}

async fn collect<S, B>(stream: S, limit: usize, room: &Semaphore) -> Result<Body<'_>, Problem>
where
    S: warp::Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let mut stream = pin!(stream);
    let mut body = Body { bytes: Vec::new(), room: None };
    while let Some(part) = poll_fn(|context| stream.as_mut().poll_next(context)).await {
        let mut part = part.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the body was cut off"))?;
        while part.has_remaining() {
            let chunk = part.chunk();
            if body.bytes.len() + chunk.len() > limit {
                return Err(too_large(limit));
            }
            body.reserve(chunk.len(), room).await?;
            body.bytes.extend_from_slice(chunk);
            let read = chunk.len();
            part.advance(read);
        }
    }
    Ok(body)
}

impl<'a> Body<'a> {
    /// Takes room for `more` bytes; the first unit is free.
    async fn reserve(&mut self, more: usize, room: &'a Semaphore) -> Result<(), Problem> {
        let needed = (self.bytes.len() + more).div_ceil(ROOM_UNIT).saturating_sub(1);
        let held = self.room.as_ref().map_or(0, SemaphorePermit::num_permits);
        let Some(wanted) = needed.checked_sub(held).filter(|wanted| *wanted > 0) else { return Ok(()) };
        let permit = admit(room, u32::try_from(wanted).unwrap_or(u32::MAX)).await?;
        match &mut self.room {
            Some(own) => own.merge(permit),
            None => self.room = Some(permit),
        }
        Ok(())
    }
}
