//! One connection: handshake under a deadline, then requests until it is idle or the server stops.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslAcceptor, SslRef};
use openssl::x509::{X509Ref, X509VerifyResult};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_openssl::SslStream;
use tower_service::Service;
use tracing::Level;
use warp::Filter;

use super::waiting::Waiting;
use crate::auth::{Authenticator, ClientCertificate, Peer, Repeats, network};
use crate::kms::{self, Kms};
use crate::metrics::Metrics;

/// From the connection to the end of the handshake.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);

/// From the end of one HTTP/1.1 request to the end of the next one's headers.
const HEADER_DEADLINE: Duration = Duration::from_secs(60);

/// After this time without a request, and at most twice it, an HTTP/2 connection is closed.
const IDLE: Duration = Duration::from_secs(60);

/// How long a connection that is being closed may take to read its last answers.
const LAST_ANSWERS: Duration = Duration::from_secs(30);

/// Largest head of a request, in bytes.
const MAX_HEAD: usize = 32 << 10;

/// Requests at one time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;

/// What all connections share.
pub(super) struct Shared {
    /// The present acceptor; `None` for plain HTTP.
    pub(super) acceptor: ArcSwapOption<SslAcceptor>,
    /// Connections that have sent nothing yet.
    pub(super) silent: Arc<Waiting>,
    /// Connections whose handshake has begun.
    pub(super) handshakes: Arc<Waiting>,
    /// Connections of whom nobody knows yet who they are.
    pub(super) strangers: Arc<Waiting>,
    /// What strangers cause, counted so that a flood of it does not fill the log.
    pub(super) repeats: Arc<Repeats>,
    /// Who is welcome.
    pub(super) authenticator: Arc<Authenticator>,
    /// Where those who are not are counted.
    pub(super) kms: Arc<Kms>,
    pub(super) metrics: Arc<Metrics>,
    /// Changes when authorities and revocation lists were read anew.
    pub(super) reloads: watch::Receiver<u64>,
    /// Becomes true when the server stops.
    pub(super) stop: watch::Receiver<bool>,
}

/// Why a connection came to nothing.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("no handshake within {} s", HANDSHAKE_DEADLINE.as_secs())]
    Deadline,
    #[error("made room for newer connections")]
    Evicted,
    #[error("closed before the handshake")]
    Closed,
    #[error("the server stops")]
    Stopping,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    OpenSsl(#[from] ErrorStack),
    #[error("handshake: {error} (certificate: {verify})")]
    Handshake { error: openssl::ssl::Error, verify: X509VerifyResult },
    /// The same, where it is the client's certificate that was missing or proved nothing.
    #[error("handshake: {error} (certificate: {verify})")]
    Certificate { error: openssl::ssl::Error, verify: X509VerifyResult },
}

impl Fault {
    fn of(error: openssl::ssl::Error, ssl: &SslRef) -> Self {
        let verify = ssl.verify_result();
        let reasons = error.ssl_error().map(ErrorStack::errors).unwrap_or_default();
        let is_missing = is_missing(&error);
        // One that verifies, shown by somebody who does not have its key, fails after it.
        let is_bad = verify != X509VerifyResult::OK || ssl.peer_certificate().is_some() && !reasons.is_empty();
        if is_missing || is_bad { Self::Certificate { error, verify } } else { Self::Handshake { error, verify } }
    }

    /// One word for each cause that asks for another remedy.
    fn word(&self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Evicted => "evicted",
            Self::Closed => "closed",
            Self::Stopping => "stopping",
            Self::Io(_) => "connection",
            Self::OpenSsl(_) => "internal",
            Self::Certificate { error, .. } if is_missing(error) => "no-certificate",
            Self::Certificate { .. } => "certificate",
            // The other end went, or the network did.
            Self::Handshake { error, .. } if error.ssl_error().is_none() => "connection",
            Self::Handshake { .. } => "protocol",
        }
    }
}

/// Whether the client showed no certificate where it has to.
fn is_missing(error: &openssl::ssl::Error) -> bool {
    let reasons = error.ssl_error().map(ErrorStack::errors).unwrap_or_default();
    reasons.iter().any(|error| error.reason() == Some("peer did not return a certificate"))
}

impl Shared {
    /// Whether the certificate of the handshake names a caller; what it does not look at is revocation and names.
    fn knows(&self, peer: &Peer) -> bool {
        let trust = self.authenticator.trust.load();
        let judged = trust.as_ref().zip(peer.certificate.as_ref()).map(|(trust, own)| trust.judge(own, kms::now()));
        judged.is_some_and(|judged| judged.is_ok())
    }

    /// Says why a connection came to nothing; at debug level if that address had the same within the minute.
    fn tell(&self, peer: SocketAddr, fault: &Fault) {
        self.metrics.handshake_refused(fault.word());
        if let Fault::Certificate { .. } = fault {
            self.kms.failed_authentication(network(peer.ip()), "certificate", "handshake");
            let _ = self.authenticator.count_failure(peer.ip());
        }
        let is_failure = matches!(fault, Fault::Certificate { .. });
        let level = if is_failure { Level::WARN } else { Level::INFO };
        let is_first = self.repeats.is_first(peer.ip(), level, format_args!("connection refused: {fault}"));
        match (is_failure, is_first) {
            (true, true) => {
                tracing::warn!(%peer, method = "certificate", reason = %fault, "authentication failed: connection refused");
            }
            (true, false) => {
                tracing::debug!(%peer, method = "certificate", reason = %fault, "authentication failed again: connection refused");
            }
            (false, true) => tracing::info!(%peer, %fault, "connection refused"),
            (false, false) => tracing::debug!(%peer, %fault, "connection refused again"),
        }
    }
}

/// Serves a connection to its end.
pub(super) async fn serve<F>(shared: Arc<Shared>, tcp: TcpStream, address: SocketAddr, filter: F)
where
    F: Filter<Error = warp::Rejection> + Clone + Send + Sync + 'static,
    F::Extract: warp::Reply,
{
    let Some(acceptor) = shared.acceptor.load_full() else {
        let peer = Peer { address, tls: false, certificate: None, proved: Arc::default() };
        return requests(TokioIo::new(tcp), peer, filter, &shared).await;
    };
    let mut stop = shared.stop.clone();
    let handshake = tokio::select! {
        handshake = handshake(&shared, &acceptor, tcp, address) => handshake,
        // Who has not even said who they are has nothing to finish.
        _ = stop.wait_for(|stop| *stop) => Err(Fault::Stopping),
    };
    match handshake {
        Ok((stream, peer)) => requests(TokioIo::new(stream), peer, filter, &shared).await,
        Err(fault) => shared.tell(address, &fault),
    }
}

/// The handshake. It counts against the bound on handshakes from its first byte on; until then it is one
/// of the silent ones, which cost nobody else a place.
async fn handshake(
    shared: &Shared,
    acceptor: &SslAcceptor,
    tcp: TcpStream,
    address: SocketAddr,
) -> Result<(SslStream<TcpStream>, Peer), Fault> {
    let deadline = Instant::now() + HANDSHAKE_DEADLINE;
    let mut silent = shared.silent.enter(address.ip());
    let mut first = [0];
    tokio::select! {
        first = tcp.peek(&mut first) => if first? == 0 { return Err(Fault::Closed) },
        () = silent.evicted() => return Err(Fault::Evicted),
        () = tokio::time::sleep_until(deadline) => return Err(Fault::Deadline),
    }
    drop(silent);
    let mut place = shared.handshakes.enter(address.ip());
    let mut stream = SslStream::new(Ssl::new(acceptor.context())?, tcp)?;
    let accepted = tokio::select! {
        accepted = std::pin::Pin::new(&mut stream).accept() => accepted,
        () = place.evicted() => return Err(Fault::Evicted),
        () = tokio::time::sleep_until(deadline) => return Err(Fault::Deadline),
    };
    accepted.map_err(|error| Fault::of(error, stream.ssl()))?;
    let certificate = match stream.ssl().peer_certificate() {
        // Both must hold: a certificate alone proves nothing.
        Some(certificate) if stream.ssl().verify_result() == X509VerifyResult::OK => {
            let chain = stream.ssl().peer_cert_chain().map(|chain| chain.iter().map(X509Ref::to_owned).collect());
            Some(Arc::new(ClientCertificate::new(certificate, chain.unwrap_or_default())?))
        }
        _ => None,
    };
    Ok((stream, Peer { address, tls: true, certificate, proved: Arc::default() }))
}

/// Counts requests and remembers when the last one ended.
#[derive(Default)]
struct Activity {
    begun: AtomicU64,
    ended: AtomicU64,
}

async fn requests<I, F>(io: TokioIo<I>, peer: Peer, filter: F, shared: &Shared)
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    F: Filter<Error = warp::Rejection> + Clone + Send + Sync + 'static,
    F::Extract: warp::Reply,
{
    let address = peer.address;
    let certificate = peer.certificate.clone();
    let proved = Arc::clone(&peer.proved);
    // Whoever has shown a certificate that names a caller is known; the others must not fill the server with connections.
    let mut stranger = (!shared.knows(&peer)).then(|| shared.strangers.enter(address.ip()));
    let (mut stop, mut reloads) = (shared.stop.clone(), shared.reloads.clone());
    // Only what comes later: who is not welcome by now is told so by the answer to their request, and counted.
    reloads.mark_unchanged();
    let activity = Arc::new(Activity::default());
    let counted = Arc::clone(&activity);
    let warp = warp::service(filter);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let mut warp = warp.clone();
        let activity = Arc::clone(&counted);
        async move {
            activity.begun.fetch_add(1, Ordering::Relaxed);
            let answer: Result<Response<_>, Infallible> = warp.call(request).await;
            activity.ended.fetch_add(1, Ordering::Relaxed);
            answer
        }
    });
    let builder = builder();
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut seen = u64::MAX;
    let mut closing = false;
    loop {
        tokio::select! {
            // In this order: what ends a connection is known before its next request.
            biased;
            _ = stop.wait_for(|stop| *stop) => {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
            Ok(()) = reloads.changed() => {
                if let Some(certificate) = &certificate
                    && let Some(trust) = shared.authenticator.trust.load().as_ref()
                    && let Err(error) = trust.judge(certificate, kms::now())
                {
                    tracing::info!(peer = %address, %error, "connection closed: its caller is no longer welcome");
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
            () = async { match &mut stranger { Some(place) => place.evicted().await, None => pending().await } } => {
                stranger = None;
                if !proved.load(Ordering::Relaxed) {
                    tracing::debug!(peer = %address, "connection closed: made room for newer ones");
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %address, %error, "connection ended");
                }
                return;
            }
            () = tokio::time::sleep(IDLE) => {
                let ended = activity.ended.load(Ordering::Relaxed);
                if activity.begun.load(Ordering::Relaxed) == ended && seen == ended {
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                }
                seen = ended;
            }
        }
        if closing {
            // A peer that does not read its last answers must not hold the connection.
            let _ = timeout(LAST_ANSWERS, connection.as_mut()).await;
            return;
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_DEADLINE).max_buf_size(MAX_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(32 << 10)
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}
