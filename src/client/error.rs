//! Errors of the client, with what to try.

use std::fmt;
use std::path::PathBuf;

use super::http;
use super::refusal::Refusal;
use crate::file::Unreadable;
use crate::kmip;
use crate::pem::{IdentityFault, PemError};
use crate::pkcs12;
use crate::text::Shown;

/// An error of the client. The message is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The PKCS#12 file cannot be opened.
    #[error("{}", fault.message(path, ": give --client-p12-password-file or CLAVIGER_CLIENT_P12_PASSWORD"))]
    Pkcs12 {
        /// The file.
        path: PathBuf,
        /// The reason.
        fault: pkcs12::Fault,
    },
    /// The PKCS#12 file lacks one of its parts.
    #[error("the PKCS#12 file {} holds no {missing}", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// `private key` or `certificate`.
        missing: &'static str,
    },
    /// The PEM files are not a private key and its certificates.
    #[error("the file {} cannot be used: {fault}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// The reason.
        fault: IdentityFault,
    },
    /// The CA file holds no certificate, or something that is not supported.
    #[error("the CA file {} is not a list of PEM certificates: {source}", path.display())]
    NotAuthorities {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: PemError,
    },
    /// A text that should hold certificates of authorities is invalid.
    #[error("it is not a list of PEM certificates: {0}")]
    NotAuthoritiesText(PemError),
    /// The access token has characters that no token has (RFC 6750 section 2.1).
    #[error(
        "the access token is not a token: it must have only letters, digits and `-._~+/=`, no blanks, no line ends"
    )]
    Token,
    /// A token or another secret would cross the network unencrypted.
    #[error("a credential is sent only by https://, or to this machine: give another --url")]
    CredentialInClear,
    /// A client certificate is given, but the URL is without TLS.
    #[error(
        "a client certificate is sent only by https://: give another --url, or leave out --client-p12 or --client-cert-file"
    )]
    IdentityInClear,
    /// There was no answer.
    #[error("{0}{hint}", hint = Hint(.0))]
    Http(#[from] http::Error),
    /// The server refused the request.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The answer does not conform to the protocol.
    #[error("{url} gave an answer that is not understood ({said}): is it a Claviger server of this version?", said = Shown(.source))]
    Answer {
        /// The URL of the server.
        url: String,
        /// The reason.
        source: AnswerError,
    },
}

/// The reason why an answer is not understood.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The answer is not KMIP.
    #[error("{0}")]
    Kmip(#[from] kmip::Error),
    /// The answer is not JSON of the expected shape.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

/// What to try after a failure of the connection. It names options of the command line.
struct Hint<'a>(&'a http::Error);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        use http::Error as E;
        formatter.write_str(match self.0 {
            E::Resolve { .. } => ": check --url",
            E::Connect { .. } | E::ConnectTimeout { .. } => ": is the server running, and is --url right?",
            E::Untrusted { .. } => ": give --ca-file with the authority that issued it",
            E::WrongName { .. } => ": give --url with a name that is in the certificate",
            E::CertificateWanted { .. } => ": give --client-p12",
            E::CertificateRefused { .. } => ": is it issued by an authority that the server trusts, and still valid?",
            E::NotTls { .. } => ": give --url with http:// if that is meant",
            E::Closed { .. } => ": does it want TLS (https://) or a client certificate (--client-p12)?",
            E::Timeout { .. } => ": try again, or give a longer --timeout",
            E::Setup(_) | E::Handshake { .. } | E::Exchange { .. } | E::TooLarge { .. } | E::Request(_) => "",
        })
    }
}
