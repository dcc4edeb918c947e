//! Errors of HTTP requests.

use std::io;
use std::time::Duration;

/// The reason why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// OpenSSL refused a setting.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] native_tls::Error),
    /// The host has no address.
    #[error("cannot resolve the host name {host}: {source}")]
    Resolve {
        /// The host name.
        host: String,
        /// The I/O error.
        source: io::Error,
    },
    /// No address of the host accepts a connection.
    #[error("cannot connect to {url}: {source}")]
    Connect {
        /// The URL of the server.
        url: String,
        /// The I/O error.
        source: io::Error,
    },
    /// The look-up of the name, the connection and the handshake took too long.
    #[error("no connection to {url} within {} s", limit.as_secs())]
    ConnectTimeout {
        /// The URL of the server.
        url: String,
        /// The limit.
        limit: Duration,
    },
    /// The server's certificate does not verify.
    #[error("the certificate of {url} is not trusted: {reason}")]
    Untrusted {
        /// The URL of the server.
        url: String,
        /// OpenSSL's reason.
        reason: String,
    },
    /// The server's certificate is for another host.
    #[error("the certificate of {url} is not for this host")]
    WrongName {
        /// The URL of the server.
        url: String,
    },
    /// The server demands a client certificate, and none was configured.
    #[error("{url} demands a client certificate")]
    CertificateWanted {
        /// The URL of the server.
        url: String,
    },
    /// The server refuses the client certificate.
    #[error("{url} refuses the client certificate: {alert}")]
    CertificateRefused {
        /// The URL of the server.
        url: String,
        /// The TLS alert, in OpenSSL's words.
        alert: String,
    },
    /// The server does not speak TLS.
    #[error("{url} does not speak TLS")]
    NotTls {
        /// The URL of the server.
        url: String,
    },
    /// The handshake failed in another way.
    #[error("the TLS handshake with {url} failed: {source}")]
    Handshake {
        /// The URL of the server.
        url: String,
        /// The cause.
        source: native_tls::Error,
    },
    /// The server closed the connection before the answer.
    #[error("{url} closed the connection without an answer")]
    Closed {
        /// The URL of the server.
        url: String,
        /// The cause.
        source: hyper::Error,
    },
    /// The answer is not HTTP, or the connection broke.
    #[error("the exchange with {url} failed: {}", innermost(source))]
    Exchange {
        /// The URL of the server.
        url: String,
        /// The cause.
        source: hyper::Error,
    },
    /// The answer took too long.
    #[error("no answer from {url} within {} s", limit.as_secs())]
    Timeout {
        /// The URL of the server.
        url: String,
        /// The limit.
        limit: Duration,
    },
    /// The answer is larger than the limit.
    #[error("the answer of {url} is larger than {limit} bytes")]
    TooLarge {
        /// The URL of the server.
        url: String,
        /// The limit.
        limit: usize,
    },
    /// The request cannot be written.
    #[error("the request cannot be written: {0}")]
    Request(#[from] hyper::http::Error),
}

/// Returns the innermost cause. The causes above it only repeat it.
fn innermost(error: &hyper::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
