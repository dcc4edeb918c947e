//! What holds of every connection: whom to trust, who to be, and how long to wait.

use std::time::Duration;

use native_tls::Identity;

use super::error::Error;
use super::tls::{self, Trust};

/// Bounds of every exchange.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the look-up of the name to the end of the handshake.
    pub connect: Duration,
    /// From the request to the end of the answer.
    pub answer: Duration,
    /// The largest body of an answer, in bytes.
    pub bytes: usize,
}

/// What connections to any server have in common.
pub struct Http {
    pub(super) tls: tokio_native_tls::TlsConnector,
    pub(super) has_identity: bool,
    pub(super) limits: Limits,
}

impl Http {
    /// Connections by these authorities, with this client certificate, within these limits.
    ///
    /// # Errors
    /// OpenSSL refuses the identity or an authority.
    pub fn new(trust: Trust, identity: Option<Identity>, limits: Limits) -> Result<Self, Error> {
        let has_identity = identity.is_some();
        Ok(Self { tls: tls::connector(trust, identity)?, has_identity, limits })
    }
}
