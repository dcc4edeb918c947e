//! Addresses: bound before anything is made that cannot be taken back, and listened to once everything is there.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tracing::Level;

use super::error::StartError;
use crate::auth::Repeats;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// An address that is ours, where nobody can connect yet.
pub(super) struct Bound {
    socket: TcpSocket,
    /// As the configuration has it.
    name: String,
}

impl Bound {
    /// Binds the first address of the name that can be bound.
    ///
    /// # Errors
    /// None can be: another program listens there, the host has no such address, or the name has none.
    pub(super) fn new(host: &str, port: u16) -> Result<Self, StartError> {
        let name = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let bound = (host, port).to_socket_addrs().and_then(bind);
        match bound {
            Ok(socket) => Ok(Self { socket, name }),
            Err(source) => Err(StartError::Listen { address: name, source }),
        }
    }

    /// Host and port, as the configuration has them.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Lets clients connect.
    ///
    /// # Errors
    /// Another program has begun to listen there meanwhile.
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
            // Connections of a former server that are still being closed are no obstacle.
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

/// A connection, set up; or nothing, after a pause if the process has run out of something.
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
            // Strangers can use up what the process has.
            let nowhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            if repeats.is_first(nowhere, Level::WARN, format_args!("accept failed: {error}")) {
                tracing::warn!(%error, "accept failed");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            None
        }
    }
}
