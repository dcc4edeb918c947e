//! Why a client has no answer to give: what failed, and what to try.

use std::fmt;
use std::path::PathBuf;

use super::http;
use super::refusal::Refusal;
use crate::file::Unreadable;
use crate::kmip;
use crate::pem::PemError;
use crate::pkcs12;
use crate::text::Shown;

/// A failure, in one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The PKCS#12 file cannot be opened.
    #[error("{}", fault.told(path, ": give --client-p12-password-file or CLAVIGER_CLIENT_P12_PASSWORD"))]
    Pkcs12 {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: pkcs12::Fault,
    },
    /// A PKCS#12 file without one of its parts.
    #[error("the PKCS#12 file {} holds no {missing}", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// `private key` or `certificate`.
        missing: &'static str,
    },
    /// The CA file holds no certificate, or something that is not looked at.
    #[error("the CA file {} is not a list of PEM certificates: {source}", path.display())]
    NotAuthorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PemError,
    },
    /// A text that should hold authorities.
    #[error("it is not a list of PEM certificates: {0}")]
    NotAuthoritiesText(PemError),
    /// An access token with characters that no token has (RFC 6750 section 2.1).
    #[error("the access token is not a token: it has letters, digits and `-._~+/=` only, no blanks and no line ends")]
    Token,
    /// A token or another secret would cross the network readable for everyone.
    #[error("a credential is sent only by https://, or to this machine: give another --url")]
    CredentialInClear,
    /// A client certificate without TLS.
    #[error("a client certificate is sent only by https://: give another --url, or leave out --client-p12")]
    IdentityInClear,
    /// There was no answer.
    #[error("{0}{hint}", hint = Hint(.0))]
    Http(#[from] http::Error),
    /// The server refused.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The answer is not what the protocol says.
    #[error("{url} gave an answer that is not understood ({said}): is it a Claviger server of this version?", said = Shown(.source))]
    Answer {
        /// Who answered.
        url: String,
        /// What is wrong with the answer.
        source: AnswerError,
    },
}

/// What can be wrong with an answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// No KMIP.
    #[error("{0}")]
    Kmip(#[from] kmip::Error),
    /// No JSON of the shape.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

/// What to try after a failure of the connection, in the words of the command line.
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
            E::CertificateRefused { .. } => ": is it of an authority that the server knows, and still valid?",
            E::NotTls { .. } => ": give --url with http:// if that is meant",
            E::Closed { .. } => ": does it want TLS (https://) or a client certificate (--client-p12)?",
            E::Timeout { .. } => ": try again, or give more --timeout",
            E::Setup(_) | E::Handshake { .. } | E::Exchange { .. } | E::TooLarge { .. } | E::Request(_) => "",
        })
    }
}
