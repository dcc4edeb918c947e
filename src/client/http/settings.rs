//! Settings of all connections: trusted authorities, the client certificate, and limits.

use std::time::Duration;

use native_tls::Identity;

use super::error::Error;
use super::tls::{self, Trust};

/// Limits of every exchange.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest time from the look-up of the name to the end of the handshake.
    pub connect: Duration,
    /// The longest time from the request to the end of the answer.
    pub answer: Duration,
    /// The largest body of an answer, in bytes.
    pub bytes: usize,
}

/// The common settings of connections to any server.
pub struct Http {
    pub(super) tls: tokio_native_tls::TlsConnector,
    pub(super) has_identity: bool,
    pub(super) limits: Limits,
}

impl Http {
    /// Creates the settings. `trust` verifies servers, and `identity` is the client certificate with its key.
    ///
    /// # Errors
    /// OpenSSL refuses the identity or an authority.
    pub fn new(trust: Trust, identity: Option<Identity>, limits: Limits) -> Result<Self, Error> {
        let has_identity = identity.is_some();
        Ok(Self { tls: tls::connector(trust, identity)?, has_identity, limits })
    }
}
