//! What all connections share.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use openssl::ssl::SslAcceptor;
use tokio::sync::watch;

use super::waiting::Waiting;
use crate::auth::{Authenticator, Peer, Repeats, network};
use crate::desk::Who;
use crate::kms::{self, Kms};
use crate::metrics::Metrics;

/// What all connections share.
pub(super) struct Shared {
    /// The present acceptor; `None` for plain HTTP.
    pub(super) acceptor: ArcSwapOption<SslAcceptor>,
    /// Connections that have sent nothing yet.
    pub(super) silent: Arc<Waiting>,
    /// Connections whose handshake has begun.
    pub(super) handshakes: Arc<Waiting>,
    /// Connections whose caller is not yet authenticated.
    pub(super) strangers: Arc<Waiting>,
    /// Connections of known callers.
    pub(super) known: Arc<Waiting>,
    /// Connections that are being closed, and whose last answers may still be read.
    pub(super) closing: Arc<Waiting>,
    /// How long an answer may take to be sent.
    pub(super) allowed: Duration,
    /// What strangers cause, counted so that a flood of it does not fill the log.
    pub(super) repeats: Arc<Repeats>,
    /// Who is welcome.
    pub(super) authenticator: Arc<Authenticator>,
    /// Where those who are not are counted.
    pub(super) kms: Arc<Kms>,
    pub(super) metrics: Arc<Metrics>,
    /// Changes when authorities and revocation lists were reloaded.
    pub(super) reloads: watch::Receiver<u64>,
    /// Becomes true when the server stops.
    pub(super) stop: watch::Receiver<bool>,
}

impl Shared {
    /// Whose the connection is: of the caller whom its certificate names, or, where nothing has to be proved, of its network.
    /// What the handshake does not look at is revocation and names.
    pub(super) fn holder(&self, peer: &Peer) -> Option<Who> {
        if !self.authenticator.authenticates() {
            return Some(Who::Network(network(peer.address.ip())));
        }
        let trust = self.authenticator.trust.load();
        let judged = trust.as_ref().zip(peer.certificate.as_ref()).map(|(trust, own)| trust.judge(own, kms::now()));
        judged.and_then(Result::ok).map(|proved| Who::Caller(proved.username))
    }
}
