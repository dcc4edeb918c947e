//! The handshake of a connection, with a deadline and a bounded number of connections. It does not depend on the
//! protocol that follows.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslAcceptor, SslRef, SslVerifyMode};
use openssl::x509::{X509, X509Ref, X509VerifyResult};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use tracing::Level;

use super::arrival::{Arrival, HANDSHAKE_DEADLINE};
use super::shared::Shared;
use super::waiting::stranger;
use crate::auth::{ClientCertificate, Peer, network};
use crate::text::Part;
use crate::x509;

/// The longest name of a certificate in a log line, in bytes.
const LONGEST_NAME: usize = 160;

/// The most authorities that a log line names.
const MOST_ISSUERS: usize = 2;

/// The reason why a connection failed before its first request.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("no handshake within {} s", HANDSHAKE_DEADLINE.as_secs())]
    Deadline,
    #[error("closed to make room for newer connections")]
    Evicted,
    #[error("closed before the handshake")]
    Closed,
    #[error("the server stops")]
    Stopping,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    OpenSsl(#[from] ErrorStack),
    #[error("handshake: {error} (certificate: {verify})")]
    Handshake { error: openssl::ssl::Error, verify: X509VerifyResult },
    /// A failed handshake whose cause is the client's certificate: it is missing, does not verify, or the client does
    /// not have its key.
    #[error("handshake: {error} (certificate: {verify})")]
    Certificate {
        error: openssl::ssl::Error,
        verify: X509VerifyResult,
        /// The certificate that the client presented, if it presented one.
        seen: Option<X509>,
    },
}

/// The certificate that did not verify in a handshake. OpenSSL keeps only one that verifies.
#[derive(Clone, Default)]
struct Unverified(Arc<Mutex<Option<X509>>>);

impl Unverified {
    /// Keeps what the client of this handshake presents if it does not verify.
    fn watch(&self, ssl: &mut Ssl) {
        let mode = ssl.ssl_context().verify_mode();
        if mode == SslVerifyMode::NONE {
            return;
        }
        let kept = Self::clone(self);
        ssl.set_verify_callback(mode, move |is_good, context| {
            if !is_good {
                // The first certificate of the chain is the client's; the one in question may be an issuer's.
                let presented = context.chain().and_then(|chain| chain.get(0).map(X509Ref::to_owned));
                let presented = presented.or_else(|| context.current_cert().map(X509Ref::to_owned));
                *kept.0.lock().unwrap_or_else(PoisonError::into_inner) = presented;
            }
            is_good
        });
    }

    fn take(&self) -> Option<X509> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Describes a certificate that a client presented.
fn described(certificate: &X509Ref) -> String {
    let (subject, issuer) =
        (Part(x509::subject(certificate), LONGEST_NAME), Part(x509::issuer(certificate), LONGEST_NAME));
    let (begin, end) = (x509::begin(certificate), x509::end(certificate));
    format!("{subject}, issued by {issuer}, valid from {begin} until {end}, for {}", x509::purposes(certificate))
}

impl Fault {
    fn of(error: openssl::ssl::Error, ssl: &SslRef, unverified: &Unverified) -> Self {
        let verify = ssl.verify_result();
        let reasons = error.ssl_error().map(ErrorStack::errors).unwrap_or_default();
        let is_missing = is_missing(&error);
        // With a valid certificate but without its key, the handshake fails after the verification.
        let is_bad = verify != X509VerifyResult::OK || ssl.peer_certificate().is_some() && !reasons.is_empty();
        if is_missing || is_bad {
            let seen = unverified.take().or_else(|| ssl.peer_certificate());
            Self::Certificate { error, verify, seen }
        } else {
            Self::Handshake { error, verify }
        }
    }

    /// Describes the certificate that the client presented.
    fn seen(&self) -> String {
        match self {
            Self::Certificate { seen: Some(certificate), .. } => described(certificate),
            _ => "no certificate".to_owned(),
        }
    }

    /// Returns a word for the cause, as the metrics have it. Causes with different remedies have different words.
    fn word(&self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Evicted => "evicted",
            Self::Closed => "closed",
            Self::Stopping => "stopping",
            Self::Io(_) => "connection",
            Self::OpenSsl(_) => "internal",
            Self::Certificate { error, .. } if is_missing(error) => "no-certificate",
            Self::Certificate { .. } => "certificate",
            // The client closed the connection, or the network failed.
            Self::Handshake { error, .. } if error.ssl_error().is_none() => "connection",
            Self::Handshake { .. } => "protocol",
        }
    }
}

/// Returns whether the client presented no certificate although it must.
fn is_missing(error: &openssl::ssl::Error) -> bool {
    let reasons = error.ssl_error().map(ErrorStack::errors).unwrap_or_default();
    reasons.iter().any(|error| error.reason() == Some("peer did not return a certificate"))
}

impl Shared {
    /// Describes the certificates that are accepted.
    fn wanted(&self) -> String {
        let trust = self.authenticator.trust.load();
        let Some(trust) = trust.as_ref() else { return "no certificate".to_owned() };
        let issuers: Vec<String> = trust.certificates().take(MOST_ISSUERS).map(|own| x509::subject(own)).collect();
        let more = trust.certificates().count().saturating_sub(issuers.len());
        let more = if more > 0 { format!(" or one of {more} others") } else { String::new() };
        let issuers = issuers.iter().map(|own| Part(own, LONGEST_NAME).to_string()).collect::<Vec<_>>().join(" or ");
        format!("a valid certificate for clientAuth, issued by {issuers}{more}")
    }

    /// Logs the reason why a connection failed; at debug level if the same happened to that address within the last
    /// minute.
    fn log_refusal(&self, arrival: Arrival, fault: &Fault) {
        let peer = arrival.address;
        if arrival.is_check && matches!(fault, Fault::Closed | Fault::Io(_)) {
            tracing::debug!(%peer, %fault, "a proxy looked whether the server is there");
            return;
        }
        self.metrics.handshake_refused(fault.word());
        if let Fault::Certificate { .. } = fault {
            self.kms.failed_authentication(network(peer.ip()), "certificate", "handshake");
            let _ = self.authenticator.count_failure(peer.ip());
        }
        let is_failure = matches!(fault, Fault::Certificate { .. });
        let level = if is_failure { Level::WARN } else { Level::INFO };
        let is_first = self.repeats.is_first(peer.ip(), level, format_args!("connection refused: {fault}"));
        match (is_failure, is_first) {
            (true, true) => {
                let (seen, wanted) = (fault.seen(), self.wanted());
                tracing::warn!(
                    %peer, method = "certificate", reason = %fault, seen, wanted, "authentication failed: connection refused"
                );
            }
            (true, false) => {
                tracing::debug!(%peer, method = "certificate", reason = %fault, "authentication failed again: connection refused");
            }
            (false, true) => tracing::info!(%peer, %fault, "connection refused"),
            (false, false) => tracing::debug!(%peer, %fault, "connection refused again"),
        }
    }
}

/// Performs the handshake, and returns the connection and its peer; `None` if the handshake failed, which is
/// counted and logged.
pub(super) async fn accept(
    shared: &Shared,
    acceptor: &SslAcceptor,
    tcp: TcpStream,
    arrival: Arrival,
) -> Option<(SslStream<TcpStream>, Peer)> {
    let mut stop = shared.stop.clone();
    let handshake = tokio::select! {
        handshake = handshake(shared, acceptor, tcp, arrival) => handshake,
        // A client in the handshake has no request to finish.
        _ = stop.wait_for(|stop| *stop) => Err(Fault::Stopping),
    };
    handshake.map_err(|fault| shared.log_refusal(arrival, &fault)).ok()
}

/// Performs the handshake. The connection counts as a handshake from its first byte on. Until then, it counts as one of
/// the silent connections, which have a limit of their own.
async fn handshake(
    shared: &Shared,
    acceptor: &SslAcceptor,
    tcp: TcpStream,
    arrival: Arrival,
) -> Result<(SslStream<TcpStream>, Peer), Fault> {
    let Arrival { address, deadline, .. } = arrival;
    let who = stranger(address);
    let mut silent = shared.silent.enter(who.clone());
    let mut first = [0];
    tokio::select! {
        first = tcp.peek(&mut first) => if first? == 0 { return Err(Fault::Closed) },
        () = silent.evicted() => return Err(Fault::Evicted),
        () = tokio::time::sleep_until(deadline) => return Err(Fault::Deadline),
    }
    drop(silent);
    let mut place = shared.handshakes.enter(who);
    let mut ssl = Ssl::new(acceptor.context())?;
    let unverified = Unverified::default();
    unverified.watch(&mut ssl);
    let mut stream = SslStream::new(ssl, tcp)?;
    let accepted = tokio::select! {
        accepted = std::pin::Pin::new(&mut stream).accept() => accepted,
        () = place.evicted() => return Err(Fault::Evicted),
        () = tokio::time::sleep_until(deadline) => return Err(Fault::Deadline),
    };
    accepted.map_err(|error| Fault::of(error, stream.ssl(), &unverified))?;
    let certificate = match stream.ssl().peer_certificate() {
        // Both conditions are needed: a certificate proves nothing before it is verified.
        Some(certificate) if stream.ssl().verify_result() == X509VerifyResult::OK => {
            let chain = stream.ssl().peer_cert_chain().map(|chain| chain.iter().map(X509Ref::to_owned).collect());
            Some(Arc::new(ClientCertificate::new(certificate, chain.unwrap_or_default())?))
        }
        _ => None,
    };
    Ok((stream, Peer { address, tls: true, certificate, proved: Arc::default() }))
}
