//! The requests of a connection, from its handshake to its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::sync::watch;
use tokio::time::timeout;
use tower_service::Service;
use warp::Filter;
use warp::http::header::CONNECTION;

use super::activity::{Activity, Quiet};
use super::outgoing::outgoing;
use super::parting::{Cut, Parting, Wire};
use super::shared::Shared;
use super::waiting::Place;
use crate::auth::{ClientCertificate, Peer, network};
use crate::desk::{UNREAD, Who};
use crate::http::Line;
use crate::kms;

/// The longest time from the end of an HTTP/1.1 request to the end of the next one's headers.
const HEADER_DEADLINE: Duration = Duration::from_secs(60);

/// The time without a request after which an HTTP/2 connection is closed. It is checked every [`TICK`].
const IDLE: Duration = Duration::from_secs(60);

/// The interval at which a connection is checked for being idle, or for not reading its answers.
const TICK: Duration = Duration::from_secs(10);

/// The longest time in which a connection that is being closed may read its last answers.
const LAST_ANSWERS: Duration = Duration::from_secs(30);

/// The largest head of a request, in bytes.
const MAX_HEAD: u16 = 32 << 10;

/// The number of bytes that HTTP/2 buffers, for each stream, of an answer that its client does not read.
const SEND_BUFFER: usize = 64 << 10;

/// Limits of what the client of an HTTP/2 connection may send before the server processes any of it.
struct Bounds {
    streams: u32,
    /// The flow-control windows for bodies, in bytes, of a stream and of the connection.
    windows: (u32, u32),
    head: u32,
}

/// The limits of a connection whose caller is known.
const KNOWN: Bounds = Bounds { streams: 64, windows: (UNREAD.0, 1 << 20), head: 32 << 10 };

/// The limits of any other connection. The window of a connection cannot be smaller (RFC 9113 section 6.9.2).
const STRANGE: Bounds = Bounds { streams: 32, windows: (UNREAD.1, 65_535), head: 16 << 10 };

/// Returns whether the certificate of a connection, if any, is still trusted. Logs it if it is not.
fn is_welcome(shared: &Shared, certificate: Option<&ClientCertificate>, address: SocketAddr) -> bool {
    if let Some(certificate) = certificate
        && let Some(trust) = shared.authenticator.trust.load().as_ref()
        && let Err(error) = trust.judge(certificate, kms::now())
    {
        tracing::info!(peer = %address, %error, "connection closed: its certificate is no longer trusted");
        return false;
    }
    true
}

/// Serves a connection after its handshake.
pub(super) async fn requests<W, F>(wire: W, peer: Peer, filter: F, shared: &Shared)
where
    W: Wire + 'static,
    F: Filter<Error = warp::Rejection> + Clone + Send + Sync + 'static,
    F::Extract: warp::Reply,
{
    let (address, certificate) = (peer.address, peer.certificate.clone());
    let stranger = Who::Stranger(network(address.ip()));
    let mut proved = peer.proved.subscribe();
    let known = shared.holder(&peer);
    let bounds = if known.is_some() { KNOWN } else { STRANGE };
    let mut is_known = known.is_some();
    let mut place = match known {
        Some(who) => shared.known.enter(who),
        None => shared.strangers.enter(stranger.clone()),
    };
    let (mut stop, mut reloads) = (shared.stop.clone(), shared.reloads.clone());
    // Only later reloads are of interest: a caller who is already refused receives this as the answer to a request,
    // where it is counted.
    reloads.mark_unchanged();
    let activity = Arc::new(Activity::default());
    let cut = Cut::default();
    let io = TokioIo::new(Parting::new(wire, Arc::clone(&cut)));
    let service = service(filter, peer, Arc::clone(&activity), cut);
    let builder = builder(&bounds);
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut quiet = Quiet::new();
    loop {
        tokio::select! {
            // The order matters: events that end a connection are handled before its next request.
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            Ok(()) = reloads.changed() => {
                if !is_welcome(shared, certificate.as_deref(), address) {
                    break;
                }
            }
            () = place.evicted() => {
                shared.metrics.connection_evicted();
                tracing::debug!(peer = %address, "connection closed to make room for newer ones");
                break;
            }
            who = holder(&mut proved), if !is_known => {
                (place, is_known) = (shared.known.enter(who), true);
            }
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %address, %error, "connection ended");
                }
                return;
            }
            () = tokio::time::sleep(TICK) => {
                if activity.is_stuck(shared.allowed) {
                    tracing::debug!(peer = %address, "connection closed: its client does not read its answers");
                    return;
                }
                if quiet.lasts(&activity, IDLE) {
                    break;
                }
            }
        }
    }
    drop(place);
    connection.as_mut().graceful_shutdown();
    last_answers(connection, shared.closing.enter(stranger)).await;
}

/// Lets a connection that is being closed send its last answers. The time is limited, because the client may not read
/// them.
async fn last_answers(connection: impl Future, mut closing: Place) {
    tokio::select! {
        _ = timeout(LAST_ANSWERS, connection) => {}
        () = closing.evicted() => {}
    }
}

/// Waits until a request has authenticated its caller, and returns the holder of the connection.
async fn holder(proved: &mut watch::Receiver<Option<Who>>) -> Who {
    loop {
        if let Some(who) = &*proved.borrow_and_update() {
            return who.clone();
        }
        if proved.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Answers the requests of one connection.
fn service<F>(
    filter: F,
    peer: Peer,
    activity: Arc<Activity>,
    cut: Cut,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = Response<
        impl hyper::body::Body<Data = hyper::body::Bytes, Error: std::error::Error + Send + Sync> + Send,
    >,
    Error = Infallible,
    Future: Send,
>
where
    F: Filter<Error = warp::Rejection> + Clone + Send + Sync + 'static,
    F::Extract: warp::Reply,
{
    let warp = warp::service(filter);
    hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let line = line_of(&request);
        request.extensions_mut().insert(line);
        request.extensions_mut().insert(peer.clone());
        let (mut warp, activity, cut) = (warp.clone(), Arc::clone(&activity), Arc::clone(&cut));
        async move {
            let answering = activity.begin();
            let answer: Result<Response<_>, Infallible> = warp.call(request).await;
            drop(answering);
            answer.map(|response| {
                cut.store(response.headers().contains_key(CONNECTION), Ordering::Relaxed);
                outgoing(response, activity.send())
            })
        }
    })
}

/// Returns the HTTP version and the authority of a request.
pub(super) fn line_of<B>(request: &Request<B>) -> Line {
    Line { version: request.version(), authority: request.uri().authority().cloned() }
}

fn builder(bounds: &Bounds) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_DEADLINE).max_buf_size(MAX_HEAD.into());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(bounds.streams)
        .max_header_list_size(bounds.head)
        .initial_stream_window_size(bounds.windows.0)
        .initial_connection_window_size(bounds.windows.1)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}
