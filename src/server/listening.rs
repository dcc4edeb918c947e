//! Listening addresses. They are bound before the start does anything that cannot be undone, and listen once everything
//! is open.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tracing::Level;

use super::error::StartError;
use crate::auth::Repeats;
use crate::config::Config;

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

/// Checks that no two listeners have the same address: the second would fail only after the start has made everything
/// else.
///
/// # Errors
/// Two of the configured listeners have the same port on overlapping addresses. The default port of the KMIP socket is
/// no error, because the server starts without the socket.
pub(super) fn check_apart(config: &Config) -> Result<(), StartError> {
    let mut known: Vec<(&'static str, SocketAddr)> = vec![];
    let kmip = config.kmip.as_ref().ok().filter(|socket| socket.is_chosen);
    let kmip = kmip.and_then(|socket| first(&socket.hostname, socket.port));
    for (option, address) in
        [("port", first(&config.hostname, config.port)), ("kmip-port", kmip), ("probe-address", config.probe_address)]
    {
        let Some(address) = address else { continue };
        if let Some((former, _)) = known.iter().find(|(_, other)| overlap(*other, address)) {
            return Err(StartError::SamePort { first: former, second: option, port: address.port() });
        }
        known.push((option, address));
    }
    Ok(())
}

/// Returns whether a listener with the default port of the KMIP socket would have the address of another listener.
pub(super) fn is_taken(config: &Config, host: &str, port: u16) -> bool {
    let others = [first(&config.hostname, config.port), config.probe_address];
    first(host, port).is_some_and(|address| others.into_iter().flatten().any(|other| overlap(other, address)))
}

/// Returns the first address of a name; `None` if it has none, which binding reports.
fn first(host: &str, port: u16) -> Option<SocketAddr> {
    (host, port).to_socket_addrs().ok()?.next()
}

/// Returns whether two listeners cannot have these addresses. Port 0 is another port each time, and `[::]` is each
/// address of IPv4 too.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = |all: IpAddr, one: IpAddr| match all {
        IpAddr::V4(all) => all.is_unspecified() && one.is_ipv4(),
        IpAddr::V6(all) => all.is_unspecified(),
    };
    let (first, second) = (one.ip(), other.ip());
    one.port() != 0 && one.port() == other.port() && (first == second || covers(first, second) || covers(second, first))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_overlap() {
        let is = |one: &str, other: &str| {
            let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(overlap(one, other), overlap(other, one), "{one} {other}");
            overlap(one, other)
        };
        for (one, other) in [
            ("127.0.0.1:7", "127.0.0.1:7"),
            ("0.0.0.0:7", "127.0.0.1:7"),
            ("[::]:7", "10.0.0.1:7"),
            ("[::]:7", "[::1]:7"),
        ] {
            assert!(is(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("127.0.0.1:7", "127.0.0.1:8"),
            ("127.0.0.1:7", "10.0.0.1:7"),
            ("0.0.0.0:7", "[::1]:7"),
            ("[::]:0", "[::]:0"),
        ] {
            assert!(!is(one, other), "{one} {other}");
        }
    }
}
