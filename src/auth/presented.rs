//! The properties of a connection and a request that identify the caller.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::authorization::Authorization;
use super::trust::ClientCertificate;
use crate::desk::Who;

/// The time for which an authentication is valid while the rest of the request arrives and the request waits for its
/// turn. After it, the caller is authenticated again: a revocation must not be avoided by sending the request slowly.
pub const DECISION_STANDS: Duration = Duration::from_millis(100);

/// The properties of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The address of the client.
    pub address: SocketAddr,
    /// Whether the connection is TLS.
    pub tls: bool,
    /// The client certificate of the handshake.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// The caller that the connection belongs to, after a request has authenticated.
    pub proved: Arc<watch::Sender<Option<Who>>>,
}

/// The credentials of a request, whatever it came by.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    /// The connection.
    pub peer: &'a Peer,
    /// The Authorization headers of the request.
    pub authorization: Authorization<'a>,
}
