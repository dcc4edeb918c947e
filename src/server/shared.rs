//! The state that all connections share.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use openssl::ssl::SslAcceptor;
use tokio::sync::watch;

use super::waiting::Waiting;
use crate::auth::{Authenticator, Peer, Repeats, network};
use crate::desk::{Leaving, Who};
use crate::kms::{self, Kms};
use crate::metrics::Metrics;
use crate::network::TrustedNetwork;

/// The shares of the connection limit, in sixteenths, of the five sets: connections that have sent nothing yet,
/// connections whose handshake has begun, connections whose caller is not yet authenticated, connections of known
/// callers, and connections that are being closed. One sixteenth is left for connections that move between two sets.
const PARTS: [usize; 5] = [4, 2, 2, 6, 1];

/// The divisors of each set's limit for one address, or for one known caller. The share of an address is large, because
/// many clients may share one address and may connect at the same time, for instance after a restart.
const EACH: [usize; 5] = [4, 4, 4, 8, 4];

/// The state that all connections share.
pub(super) struct Shared {
    /// The current acceptor; `None` for plain HTTP.
    pub(super) acceptor: ArcSwapOption<SslAcceptor>,
    /// The current acceptor of the KMIP socket, if there is one.
    pub(super) kmip: ArcSwapOption<SslAcceptor>,
    /// Connections that have sent nothing yet.
    pub(super) silent: Arc<Waiting>,
    /// Connections whose handshake has begun.
    pub(super) handshakes: Arc<Waiting>,
    /// Connections whose caller is not yet authenticated.
    pub(super) strangers: Arc<Waiting>,
    /// Connections of known callers.
    pub(super) known: Arc<Waiting>,
    /// Connections that are being closed, whose clients may still read the last answers.
    pub(super) closing: Arc<Waiting>,
    /// Connections of proxies whose client is not named yet.
    pub(super) unnamed: Arc<Waiting>,
    /// The networks whose connections begin with a header of the PROXY protocol.
    pub(super) proxies: Vec<TrustedNetwork>,
    /// The longest time that sending an answer may take.
    pub(super) allowed: Duration,
    /// Events that unauthenticated clients cause, counted so that a flood of them does not fill the log.
    pub(super) repeats: Arc<Repeats>,
    /// The authenticator of callers.
    pub(super) authenticator: Arc<Authenticator>,
    /// The service, which counts failed authentications.
    pub(super) kms: Arc<Kms>,
    pub(super) metrics: Arc<Metrics>,
    /// Counter that changes when authorities and revocation lists were reloaded.
    pub(super) reloads: watch::Receiver<u64>,
    /// Whether the server is about to stop.
    pub(super) leaving: Leaving,
    /// Becomes true when the server stops.
    pub(super) stop: watch::Receiver<bool>,
}

impl Shared {
    /// Lets new connections be accepted by these acceptors, for HTTPS and for the KMIP socket.
    pub(super) fn accept_with(&self, acceptor: SslAcceptor, kmip: Option<SslAcceptor>) {
        self.acceptor.store(Some(Arc::new(acceptor)));
        self.kmip.store(kmip.map(Arc::new));
    }

    /// Returns the holder of a new connection: the caller that its certificate names, or its network if no
    /// authentication is configured. Returns `None` if the caller is not yet authenticated. The certificate is judged
    /// here because the handshake checks neither revocation nor names.
    pub(super) fn holder(&self, peer: &Peer) -> Option<Who> {
        if !self.authenticator.authenticates() {
            return Some(Who::Network(network(peer.address.ip())));
        }
        let trust = self.authenticator.trust.load();
        let judged = trust.as_ref().zip(peer.certificate.as_ref()).map(|(trust, own)| trust.judge(own, kms::now()));
        judged.and_then(Result::ok).map(|proved| Who::Caller(proved.username))
    }
}

/// Returns the set of connections that wait for a proxy's header. A header comes with the connection, so that few wait at
/// one time. They are half of the sixteenth that no other set has.
pub(super) fn unnamed(limit: usize) -> Arc<Waiting> {
    let total = (limit / 32).max(1);
    Waiting::new(total, total)
}

/// Returns the sets of connections. Their limits add up to less than `limit`.
pub(super) fn sets(limit: usize) -> [Arc<Waiting>; 5] {
    let mut each = EACH.into_iter();
    PARTS.map(|part| {
        let total = (limit / 16 * part).max(1);
        Waiting::new((total / each.next().unwrap_or(1)).max(1), total)
    })
}
