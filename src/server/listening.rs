//! Listening addresses. They are bound before the start does anything that cannot be undone, and listen once everything
//! is open.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tracing::Level;

use super::error::StartError;
use crate::auth::Repeats;

/// The number of connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A bound address, which no client can connect to yet.
pub(super) struct Bound {
    socket: TcpSocket,
    /// Host and port as configured.
    name: String,
}

impl Bound {
    /// Binds the first address of the name that can be bound.
    ///
    /// # Errors
    /// No address can be bound: another program listens there, the host has no such address, or the name has no
    /// address.
    pub(super) fn new(host: &str, port: u16) -> Result<Self, StartError> {
        let name = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let bound = (host, port).to_socket_addrs().and_then(bind);
        match bound {
            Ok(socket) => Ok(Self { socket, name }),
            Err(source) => Err(StartError::Listen { address: name, source }),
        }
    }

    /// Returns host and port as configured.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Starts to listen.
    ///
    /// # Errors
    /// Another program has begun to listen on the address meanwhile.
    pub(super) fn listen(self) -> Result<(TcpListener, SocketAddr), StartError> {
        let Self { socket, name } = self;
        let listening = socket.listen(BACKLOG).and_then(|listener| {
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        listening.map_err(|source| StartError::Listen { address: name, source })
    }
}

/// Binds the first address that can be bound.
fn bind(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpSocket> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let bound = socket.and_then(|socket| {
            // Closing connections of a former server must not prevent this.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            Ok(socket)
        });
        match bound {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Returns an accepted connection with its options set. After an error, pauses and returns `None`: the process may have
/// run out of a resource, such as file descriptors.
pub(super) async fn accepted(
    accepted: io::Result<(TcpStream, SocketAddr)>,
    repeats: &Repeats,
) -> Option<(TcpStream, SocketAddr)> {
    match accepted {
        Ok((tcp, address)) => {
            // Small answers must not wait for an acknowledgement.
            if let Err(error) = tcp.set_nodelay(true) {
                tracing::debug!(peer = %address, %error, "TCP_NODELAY");
            }
            Some((tcp, address))
        }
        Err(error) => {
            // Unauthenticated clients can exhaust the resources of the process. The log must not be flooded.
            let nowhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            if repeats.is_first(nowhere, Level::WARN, format_args!("accept failed: {error}")) {
                tracing::warn!(%error, "accept failed");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            None
        }
    }
}
