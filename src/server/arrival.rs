//! The arrival of a connection: whose it is. From the networks of proxies, a header says that before anything else.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tracing::Level;

use super::proxy_header::{FIXED, Head, HeaderFault};
use super::shared::Shared;
use crate::auth::network;
use crate::desk::Who;

/// The longest time from the connection to the end of the handshake, with the proxy's header.
pub(super) const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);

/// An accepted connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// The address of the client.
    pub(super) address: SocketAddr,
    /// Whether a proxy connects for itself, as it does to see whether the server is there.
    pub(super) is_check: bool,
    /// The end of the time for the handshake.
    pub(super) deadline: Instant,
}

/// The reason why a connection of a proxy ended before its header did.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("no PROXY header within {} s", HANDSHAKE_DEADLINE.as_secs())]
    Deadline,
    #[error("closed to make room for newer connections")]
    Evicted,
    #[error("closed before its PROXY header")]
    Closed,
    #[error("the server stops")]
    Stopping,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Header(#[from] HeaderFault),
}

impl Fault {
    /// Returns a word for the cause, as the metrics have it; `None` for a proxy that only looks whether the port is open.
    fn word(&self) -> Option<&'static str> {
        match self {
            Self::Deadline => Some("deadline"),
            Self::Evicted => Some("evicted"),
            Self::Closed => None,
            Self::Stopping => Some("stopping"),
            Self::Io(_) => Some("connection"),
            Self::Header(_) => Some("proxy-header"),
        }
    }
}

/// Returns whose connection this is; `None` if it had to begin with a proxy's header and did not, which is counted and
/// logged.
pub(super) async fn arrival(shared: &Shared, tcp: &mut TcpStream, address: SocketAddr) -> Option<Arrival> {
    let deadline = Instant::now() + HANDSHAKE_DEADLINE;
    if !shared.proxies.iter().any(|proxies| proxies.contains(address.ip())) {
        return Some(Arrival { address, is_check: false, deadline });
    }
    // The proxy counts by itself, and not as one of the strangers: its clients do, once their addresses are known.
    let mut place = shared.unnamed.enter(Who::Network(network(address.ip())));
    let mut stop = shared.stop.clone();
    let header = tokio::select! {
        header = header(tcp) => header,
        () = place.evicted() => Err(Fault::Evicted),
        () = tokio::time::sleep_until(deadline) => Err(Fault::Deadline),
        _ = stop.wait_for(|stop| *stop) => Err(Fault::Stopping),
    };
    match header {
        Ok(client) => {
            tracing::trace!(proxy = %address, ?client, "PROXY header");
            Some(Arrival { address: client.unwrap_or(address), is_check: client.is_none(), deadline })
        }
        Err(fault) => {
            log_refusal(shared, address, &fault);
            None
        }
    }
}

/// Reads a header and nothing beyond it. Returns the client's address; `None` if the proxy itself is the client.
async fn header(tcp: &mut TcpStream) -> Result<Option<SocketAddr>, Fault> {
    match tcp.peek(&mut [0]).await {
        Ok(0) => return Err(Fault::Closed),
        // Health checks that only connect often end so.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Err(Fault::Closed),
        peeked => peeked.map(drop)?,
    }
    let ended = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Fault::Header(HeaderFault::Short),
        _ => Fault::Io(error),
    };
    let mut fixed = [0; FIXED];
    tcp.read_exact(&mut fixed).await.map_err(ended)?;
    let head = Head::parse(&fixed)?;
    let mut rest = vec![0; head.rest];
    tcp.read_exact(&mut rest).await.map_err(ended)?;
    Ok(head.client(&rest)?)
}

/// Logs why a connection of a proxy is refused; at debug level if the same happened to that address within the last
/// minute.
fn log_refusal(shared: &Shared, proxy: SocketAddr, fault: &Fault) {
    let Some(word) = fault.word() else {
        tracing::debug!(peer = %proxy, %fault, "connection ended");
        return;
    };
    shared.metrics.handshake_refused(word);
    // A wrong header is a fault of the configuration, here or there.
    let is_wrong = matches!(fault, Fault::Header(_) | Fault::Deadline);
    let level = if is_wrong { Level::WARN } else { Level::INFO };
    let is_first = shared.repeats.is_first(proxy.ip(), level, format_args!("connection of a proxy refused: {fault}"));
    match (is_wrong, is_first) {
        (true, true) => {
            tracing::warn!(peer = %proxy, %fault, "connection refused: its network is in --proxy-protocol-from");
        }
        (false, true) => tracing::info!(peer = %proxy, %fault, "connection of a proxy refused"),
        (_, false) => tracing::debug!(peer = %proxy, %fault, "connection of a proxy refused again"),
    }
}
