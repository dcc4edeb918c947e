//! HTTP over one connection, from its handshake to its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;
use warp::Filter;
use warp::http::header::{CONNECTION, HeaderValue};

use super::activity::{Activity, Quiet};
use super::arrival::arrival;
use super::handshake;
use super::holding::Holding;
use super::outgoing::outgoing;
use super::parting::{Cut, Parting, Wire};
use super::shared::Shared;
use super::waiting::ConnectionSlot;
use crate::auth::Peer;
use crate::desk::{Leaving, UNREAD};
use crate::http::Head;

/// The longest time from the end of an HTTP/1.1 request to the end of the next one's headers.
pub(super) const HEADER_DEADLINE: Duration = Duration::from_secs(60);

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

/// Serves a connection to its end.
pub(super) async fn serve<F>(shared: Arc<Shared>, mut tcp: TcpStream, address: SocketAddr, filter: F)
where
    F: Filter<Error = warp::Rejection> + Clone + Send + Sync + 'static,
    F::Extract: warp::Reply,
{
    let Some(arrival) = arrival(&shared, &mut tcp, address).await else { return };
    let Some(acceptor) = shared.acceptor.load_full() else {
        let peer = Peer { address: arrival.address, tls: false, certificate: None, proved: Arc::default() };
        return requests(tcp, peer, filter, &shared).await;
    };
    if let Some((stream, peer)) = handshake::accept(&shared, &acceptor, tcp, arrival).await {
        requests(stream, peer, filter, &shared).await;
    }
}

/// Serves a connection after its handshake.
async fn requests<W, F>(wire: W, peer: Peer, filter: F, shared: &Shared)
where
    W: Wire + 'static,
    F: Filter<Error = warp::Rejection> + Clone + Send + Sync + 'static,
    F::Extract: warp::Reply,
{
    let address = peer.address;
    let mut holding = Holding::new(shared, &peer);
    let bounds = if holding.is_known() { KNOWN } else { STRANGE };
    let activity = Arc::new(Activity::default());
    let cut = Cut::default();
    let io = TokioIo::new(Parting::new(wire, Arc::clone(&cut)));
    let service = service(filter, peer, Arc::clone(&activity), cut, shared.leaving.clone());
    let builder = builder(&bounds);
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut quiet = Quiet::new();
    loop {
        tokio::select! {
            // The order matters: events that end a connection are handled before its next request.
            biased;
            () = holding.is_over() => break,
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
    let closing = holding.close();
    connection.as_mut().graceful_shutdown();
    last_answers(connection, closing).await;
}

/// Lets a connection that is being closed send its last answers. The time is limited, because the client may not read
/// them.
pub(super) async fn last_answers(connection: impl Future, mut closing: ConnectionSlot) {
    tokio::select! {
        _ = timeout(LAST_ANSWERS, connection) => {}
        () = closing.evicted() => {}
    }
}

/// Answers the requests of one connection.
fn service<F>(
    filter: F,
    peer: Peer,
    activity: Arc<Activity>,
    cut: Cut,
    leaving: Leaving,
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
    let (warp, peer) = (warp::service(filter), Arc::new(peer));
    hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let is_one = request.version() < Version::HTTP_2;
        let head = Head::take(&mut request, &peer);
        request.extensions_mut().insert(Arc::new(head));
        let (mut warp, activity, cut, leaving) =
            (warp.clone(), Arc::clone(&activity), Arc::clone(&cut), leaving.clone());
        async move {
            let answering = activity.begin();
            let answer: Result<Response<_>, Infallible> = warp.call(request).await;
            drop(answering);
            answer.map(|mut response| {
                cut.store(response.headers().contains_key(CONNECTION), Ordering::Relaxed);
                // The client is to send its next request on a new connection, which a load balancer gives to another
                // server. HTTP/2 connections are asked to end when the server stops (GOAWAY), which loses no request.
                if is_one && leaving.has_begun() {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                outgoing(response, activity.send())
            })
        }
    })
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
