//! The place of a connection after its handshake, and the events that end it. They do not depend on the protocol of the
//! connection.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

use super::shared::Shared;
use super::waiting::{ConnectionSlot, stranger};
use crate::auth::{ClientCertificate, Peer};
use crate::desk::Who;
use crate::kms;

/// The place of a connection.
pub(super) struct Holding<'a> {
    shared: &'a Shared,
    address: SocketAddr,
    certificate: Option<Arc<ClientCertificate>>,
    place: ConnectionSlot,
    is_known: bool,
    /// The holder of the connection, after a request has authenticated its caller.
    proved: watch::Receiver<Option<Who>>,
    stop: watch::Receiver<bool>,
    reloads: watch::Receiver<u64>,
}

impl<'a> Holding<'a> {
    pub(super) fn new(shared: &'a Shared, peer: &Peer) -> Self {
        let known = shared.holder(peer);
        let is_known = known.is_some();
        let place = match known {
            Some(who) => shared.known.enter(who),
            None => shared.strangers.enter(stranger(peer.address)),
        };
        let mut reloads = shared.reloads.clone();
        // Only later reloads are of interest: a caller who is already refused receives this as the answer to a request,
        // where it is counted.
        reloads.mark_unchanged();
        let (proved, stop) = (peer.proved.subscribe(), shared.stop.clone());
        let (address, certificate) = (peer.address, peer.certificate.clone());
        Self { shared, address, certificate, place, is_known, proved, stop, reloads }
    }

    /// Whether the holder of the connection is known.
    pub(super) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Waits until the connection must end: the server stops, the caller's certificate is no longer trusted, or newer
    /// connections need the place.
    pub(super) async fn is_over(&mut self) {
        loop {
            tokio::select! {
                biased;
                _ = self.stop.wait_for(|stop| *stop) => return,
                Ok(()) = self.reloads.changed() => {
                    if !is_welcome(self.shared, self.certificate.as_deref(), self.address) {
                        return;
                    }
                }
                () = self.place.evicted() => {
                    self.shared.metrics.connection_evicted();
                    tracing::debug!(peer = %self.address, "connection closed to make room for newer ones");
                    return;
                }
                who = holder(&mut self.proved), if !self.is_known => {
                    (self.place, self.is_known) = (self.shared.known.enter(who), true);
                }
            }
        }
    }

    /// Gives up the place, and returns a place among the connections that are being closed.
    pub(super) fn close(self) -> ConnectionSlot {
        let Self { shared, address, place, .. } = self;
        drop(place);
        shared.closing.enter(stranger(address))
    }
}

/// Returns whether the certificate of a connection, if any, is still trusted. Logs it if it is not.
fn is_welcome(shared: &Shared, certificate: Option<&ClientCertificate>, address: SocketAddr) -> bool {
    if let Some(certificate) = certificate
        && let Some(trust) = shared.authenticator.trust.load().as_ref()
        && let Err(error) = trust.judge(certificate, kms::now())
    {
        tracing::info!(peer = %address, %error, "connection closed: its certificate is no longer trusted");
        return false;
    }
    true
}

/// Waits until a request has authenticated its caller, and returns the holder of the connection.
async fn holder(proved: &mut watch::Receiver<Option<Who>>) -> Who {
    loop {
        if let Some(who) = &*proved.borrow_and_update() {
            return who.clone();
        }
        if proved.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
