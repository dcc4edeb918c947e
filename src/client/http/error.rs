//! What can go wrong on the way to a server and back.

use std::io;
use std::time::Duration;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// OpenSSL refused a setting.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] native_tls::Error),
    /// The host has no address.
    #[error("cannot resolve the host name {host}: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// No address of the host accepts a connection.
    #[error("cannot connect to {url}: {source}")]
    Connect {
        /// Where to.
        url: String,
        /// Why.
        source: io::Error,
    },
    /// Name, connection and handshake took too long.
    #[error("no connection to {url} within {} s", limit.as_secs())]
    ConnectTimeout {
        /// Where to.
        url: String,
        /// The limit.
        limit: Duration,
    },
    /// The server's certificate does not verify.
    #[error("the certificate of {url} is not trusted: {reason}")]
    Untrusted {
        /// Whose certificate.
        url: String,
        /// OpenSSL's reason.
        reason: String,
    },
    /// The server's certificate is another host's.
    #[error("the certificate of {url} is not for this host")]
    WrongName {
        /// Whose certificate.
        url: String,
    },
    /// The server demands a client certificate, and none was configured.
    #[error("{url} demands a client certificate")]
    CertificateWanted {
        /// Who demands it.
        url: String,
    },
    /// The server does not take the client certificate.
    #[error("{url} refuses the client certificate: {alert}")]
    CertificateRefused {
        /// Who refuses it.
        url: String,
        /// The TLS alert, in OpenSSL's words.
        alert: String,
    },
    /// What answers does not speak TLS.
    #[error("{url} does not speak TLS")]
    NotTls {
        /// Who.
        url: String,
    },
    /// The handshake failed in another way.
    #[error("the TLS handshake with {url} failed: {source}")]
    Handshake {
        /// With whom.
        url: String,
        /// Why.
        source: native_tls::Error,
    },
    /// The server went away in the middle.
    #[error("{url} closed the connection without an answer")]
    Closed {
        /// Who.
        url: String,
        /// Why.
        source: hyper::Error,
    },
    /// What came is not HTTP, or the connection broke.
    #[error("the exchange with {url} failed: {}", innermost(source))]
    Exchange {
        /// With whom.
        url: String,
        /// Why.
        source: hyper::Error,
    },
    /// The answer took too long.
    #[error("no answer from {url} within {} s", limit.as_secs())]
    Timeout {
        /// Who.
        url: String,
        /// The limit.
        limit: Duration,
    },
    /// The answer is larger than wanted.
    #[error("the answer of {url} is larger than {limit} bytes")]
    TooLarge {
        /// Whose answer.
        url: String,
        /// The limit.
        limit: usize,
    },
    /// The request cannot be written.
    #[error("the request cannot be written: {0}")]
    Request(#[from] hyper::http::Error),
}

/// The cause that the causes above it only repeat.
fn innermost(error: &hyper::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
