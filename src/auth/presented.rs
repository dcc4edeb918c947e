//! What a connection and a request present of their caller.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

use super::authorization::Authorization;
use super::trust::ClientCertificate;
use crate::desk::Who;

/// What the connection says about its other end.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where it comes from.
    pub address: SocketAddr,
    /// Whether the connection is TLS.
    pub tls: bool,
    /// The client certificate of the handshake.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// Who the connection belongs to, once a request has proved who its caller is.
    pub proved: Arc<watch::Sender<Option<Who>>>,
}

/// What a request presents of its caller, whatever it came by.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    /// By its connection.
    pub peer: &'a Peer,
    /// By itself.
    pub authorization: Authorization<'a>,
}
