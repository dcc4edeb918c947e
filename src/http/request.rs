//! The checks of every request before its handler: protection against web pages of other origins, the body and its
//! bounds.

use tokio::time::{Instant, timeout_at};
use warp::host::Authority;
use warp::http::header::{CONTENT_LENGTH, HOST, HeaderName, ORIGIN};
use warp::http::{HeaderMap, StatusCode, Version};

use super::head::Head;
use super::incoming::Incoming;
use super::media_type::media_type;
use super::problem::Problem;
use super::route::{Body, Route};
use crate::desk::{Admission, Full, Room, Ticket};

/// The memory that is allocated for a body at first, in bytes. The announced length may be larger.
const FIRST: usize = 64 << 10;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Checks that a request names its host once and in valid form (RFC 9112 section 3.2, RFC 9113 section 8.3.1). `target`
/// is the authority of its target.
///
/// # Errors
/// A description of the error, for the client.
pub fn check_host(
    version: Version,
    target: Option<&Authority>,
    headers: &HeaderMap,
    tls: bool,
) -> Result<(), &'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    // With several names it is not clear which server the request is for.
    if hosts.next().is_some() {
        return Err("the request has several Host headers");
    }
    let Some(host) = host else {
        return if version == Version::HTTP_11 { Err("the request has no Host header") } else { Ok(()) };
    };
    let named: Option<Authority> = host.to_str().ok().and_then(|text| text.parse().ok());
    let named = named.as_ref().and_then(|named| entity(named, tls));
    let (name, port) = named.ok_or("the Host header is not HOST or HOST:PORT")?;
    let is_same = |(other, its): (&str, u16)| other.eq_ignore_ascii_case(name) && its == port;
    match target {
        Some(target) if version == Version::HTTP_2 && !entity(target, tls).is_some_and(is_same) => {
            Err("the Host header differs from :authority")
        }
        _ => Ok(()),
    }
}

/// Returns the name and port of an authority (RFC 3986 section 3.2); `None` if it has user information or an invalid
/// port.
fn entity(authority: &Authority, tls: bool) -> Option<(&str, u16)> {
    let host = authority.host();
    let port = authority.as_str().strip_prefix(host)?;
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => "",
        None => return None,
        Some(port) => port,
    };
    let port = match port {
        "" if tls => 443,
        "" => 80,
        port => port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok()).flatten()?,
    };
    (!host.is_empty()).then_some((host, port))
}

/// Refuses requests that a web page of another origin makes in the caller's browser, because the browser would send the
/// caller's certificate along. Clients other than browsers do not send these headers.
pub(super) fn refuse_foreign_page(head: &Head) -> Result<(), Problem> {
    let foreign = || Problem::new(StatusCode::FORBIDDEN, "requests from web pages of another origin are refused");
    if head.headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "cross-site" || site == "same-site") {
        return Err(foreign());
    }
    let mut origins = head.headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let scheme = if head.peer.tls { "https://" } else { "http://" };
    let own = head.host().map(|host| format!("{scheme}{host}"));
    let is_own = own.is_some_and(|own| origin.as_bytes().eq_ignore_ascii_case(own.as_bytes()));
    if is_own && origins.next().is_none() { Ok(()) } else { Err(foreign()) }
}

/// Refuses a request whose host name is not one of loopback. In default mode on loopback the only protection is that
/// other machines cannot connect, but a web page that resolves its own name to 127.0.0.1 could (DNS rebinding).
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

/// Checks the Content-Type of a strict body: an HTML form cannot send `application/json`. Routes for clients of other
/// systems do not check it, because some of these clients do not send it; requests from pages of other origins are
/// refused on all routes.
fn require(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    if media_type(headers).is_some_and(|own| own.eq_ignore_ascii_case(wanted)) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("the Content-Type must be {wanted}")))
}

fn too_large(limit: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes"))
}

/// Returns the bound of a route's body, in bytes, after checking the Content-Type and the announced length.
pub(super) fn bound(route: &Route, headers: &HeaderMap) -> Result<usize, Problem> {
    let limit = match route.body {
        Body::None => return Ok(0),
        Body::Strict(limit) => {
            require(headers, "application/json")?;
            limit
        }
        Body::Json(limit) | Body::Bytes(limit) | Body::Form(limit) => limit,
    };
    match length(headers)? {
        Some(length) if length > limit => Err(too_large(limit)),
        _ => Ok(limit),
    }
}

/// Returns the announced length of a body; `usize::MAX` if it does not fit.
fn length(headers: &HeaderMap) -> Result<Option<usize>, Problem> {
    let Some(length) = headers.get(CONTENT_LENGTH) else { return Ok(None) };
    let length: u64 = length
        .to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "the Content-Length is not a number"))?;
    Ok(Some(usize::try_from(length).unwrap_or(usize::MAX)))
}

/// A body, and the memory that is reserved until it is dropped: twice its size, for the data made from it.
pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    room: Room,
}

/// Reads the body within its bound and until the request's deadline. Memory for the announced length is reserved before
/// the body is read, so that two bodies never wait for each other; for a body without a length it is reserved as the
/// body arrives. The part that may arrive unread while the body waits for memory is counted at once.
pub(super) async fn body(
    incoming: &mut Incoming,
    headers: &HeaderMap,
    limit: usize,
    admission: &Admission,
    ticket: &Ticket,
    no_room: &(dyn Fn(Full) -> Problem + Sync),
) -> Result<Read, Problem> {
    let until = Admission::patience(ticket);
    let mut body = Read { bytes: Vec::new(), room: admission.room() };
    let announced = length(headers)?;
    body.room.hold(announced.unwrap_or(limit).min(admission.unread())).map_err(no_room)?;
    if let Some(length) = announced {
        body.room.wait_to_hold(2 * length, until).await.map_err(no_room)?;
        body.bytes.reserve_exact(length.min(FIRST));
    }
    let read = timeout_at(admission.body_deadline(ticket), body.read(incoming, limit, until, no_room)).await;
    read.unwrap_or_else(|_| {
        incoming.give_up();
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"))
    })?;
    Ok(body)
}

impl Read {
    async fn read(
        &mut self,
        incoming: &mut Incoming,
        limit: usize,
        until: Instant,
        no_room: &(dyn Fn(Full) -> Problem + Sync),
    ) -> Result<(), Problem> {
        while let Some(part) = incoming.next().await {
            let part = part.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the body was cut off"))?;
            let length = self.bytes.len() + part.len();
            if length > limit {
                return Err(too_large(limit));
            }
            if 2 * length > self.room.held() {
                self.room.wait_to_hold(2 * length, until).await.map_err(no_room)?;
            }
            self.bytes.extend_from_slice(&part);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_a_name_and_a_port() {
        let read = |text: &str, tls| {
            let authority: Authority = text.parse().ok()?;
            entity(&authority, tls).map(|(name, port)| (name.to_owned(), port))
        };
        let found = |text| read(text, true);
        let named = |name: &str, port| Some((name.to_owned(), port));
        assert_eq!(found("localhost"), named("localhost", 443));
        assert_eq!(found("localhost:"), named("localhost", 443));
        assert_eq!(read("localhost", false), named("localhost", 80));
        assert_eq!(found("[::1]:9998"), named("[::1]", 9998));
        assert_eq!(found("10.0.0.1:1"), named("10.0.0.1", 1));
        for bad in
            ["", ":", ":1", "a:b", "a:+1", "a:65536", "a:1:2", "user@a", "a b", "a/b", "a?b", "[::1", "::1", "a,b:c"]
        {
            assert_eq!(found(bad), None, "{bad:?}");
        }
    }
}
