//! Errors of the server's certificate, its key and the setup of TLS.

use std::path::PathBuf;

use openssl::error::ErrorStack;

use crate::file::Unreadable;
use crate::pem::IdentityFault;
use crate::pkcs12;

/// The reason why TLS cannot be set up. Each message is one line and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The PKCS#12 file cannot be opened.
    #[error("{}", fault.message(path, ": check --https-p12-password or --https-p12-password-file"))]
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
    /// Key and certificate do not belong together.
    #[error("private key and certificate in {} do not belong together: {source}", path.display())]
    Mismatch {
        /// The file with the certificate.
        path: PathBuf,
        /// The error of OpenSSL.
        source: ErrorStack,
    },
    /// OpenSSL refused a setting.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] ErrorStack),
}
