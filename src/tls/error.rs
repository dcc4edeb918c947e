//! What can be wrong with the server's identity and its authorities.

use std::io;
use std::path::PathBuf;

use openssl::error::ErrorStack;

/// Why no TLS acceptor could be made, in one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read the {what} {}: {source}", path.display())]
    Unreadable {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The MAC of the PKCS#12 file does not verify.
    #[error("wrong password for the PKCS#12 file {}", .0.display())]
    WrongPassword(PathBuf),
    /// The file is encrypted with an algorithm that OpenSSL 3 keeps in its legacy provider.
    #[error(
        "the PKCS#12 file {p} is encrypted with a legacy algorithm (RC2-40): re-export it with \
         `openssl pkcs12 -legacy -in {p} -nodes -out plain.pem && openssl pkcs12 -export -in plain.pem -out {p} && rm plain.pem`",
        p = .0.display()
    )]
    LegacyPkcs12(PathBuf),
    /// Not a PKCS#12 structure (RFC 7292).
    #[error("{} is not a PKCS#12 file: {source}", path.display())]
    NotPkcs12 {
        /// The file.
        path: PathBuf,
        /// What OpenSSL says.
        source: ErrorStack,
    },
    /// A PKCS#12 file without one of its parts.
    #[error("the PKCS#12 file {} holds no {missing}", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// `private key` or `certificate`.
        missing: &'static str,
    },
    /// Key and certificate do not belong together.
    #[error("private key and certificate in {} do not belong together: {source}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What OpenSSL says.
        source: ErrorStack,
    },
    /// OpenSSL refused a setting.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] ErrorStack),
}
