//! The probe listener. It serves only `/livez`, `/readyz` and `/metrics`, over plain HTTP, because a probe has no
//! client certificate.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service as _;
use warp::http::StatusCode;
use warp::http::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use warp::{Filter as _, Reply as _};

use super::listening::accepted;
use super::parting::{Cut, Parting};
use super::waiting::{Waiting, stranger};
use crate::auth::Repeats;
use crate::desk::Leaving;
use crate::http::{check_host, has_body};
use crate::kms::Kms;
use crate::metrics::{MEDIA_TYPE, Metrics};

/// The number of connections at one time. A further one replaces the oldest.
const MAX_CONNECTIONS: usize = 64;

/// The longest time from the connection to the end of the request's headers, and from one request to the next.
const DEADLINE: Duration = Duration::from_secs(10);

/// The state that the answers tell.
#[derive(Clone)]
pub(super) struct State {
    pub(super) kms: Arc<Kms>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) leaving: Leaving,
}

/// Serves until the process ends.
pub(super) fn start(listener: TcpListener, state: State, repeats: Arc<Repeats>) {
    tokio::spawn(accept(listener, state, repeats));
}

async fn accept(listener: TcpListener, state: State, repeats: Arc<Repeats>) {
    let places = Waiting::new(MAX_CONNECTIONS, MAX_CONNECTIONS);
    loop {
        let Some((tcp, address)) = accepted(listener.accept().await, &repeats).await else { continue };
        let mut place = places.enter(stranger(address));
        let state = state.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = serve(tcp, state) => {}
                () = place.evicted() => {}
            }
        });
    }
}

async fn serve(tcp: TcpStream, State { kms, metrics, leaving }: State) {
    let live = warp::path!("livez").map(|| StatusCode::OK);
    let ready = warp::path!("readyz").map(move || {
        let health = tokio::task::block_in_place(|| kms.health());
        if health.is_good() && !leaving.has_begun() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    });
    let figures = warp::path!("metrics").map(move || match metrics.render() {
        Ok(text) => warp::http::Response::builder().header(CONTENT_TYPE, MEDIA_TYPE).body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            warp::http::Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR).body(Vec::new())
        }
    });
    let routes = warp::get().or(warp::head()).unify().and(live.or(ready).unify().or(figures));
    let warp = warp::service(routes);
    let cut = Cut::default();
    let own = Arc::clone(&cut);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let fault = check_host(request.version(), request.uri().authority(), request.headers(), false).err();
        let (mut warp, is_cut, cut) = (warp.clone(), has_body(request.headers()), Arc::clone(&own));
        async move {
            let answer: Result<_, Infallible> = match fault {
                Some(fault) => Ok(warp::reply::with_status(fault, StatusCode::BAD_REQUEST).into_response()),
                None => warp.call(request).await,
            };
            answer.map(|mut response| {
                // The body is not read, so the connection cannot carry another request.
                if is_cut {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                cut.store(is_cut, Ordering::Relaxed);
                response
            })
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(DEADLINE).max_buf_size(8 << 10);
    if let Err(error) = builder.serve_connection(TokioIo::new(Parting::new(tcp, cut)), service).await {
        tracing::debug!(%error, "probe connection ended");
    }
}
