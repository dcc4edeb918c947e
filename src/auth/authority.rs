//! The authorities that may vouch for clients.

use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use openssl::x509::{X509, X509Ref};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::certificate;
use crate::file::{self, Unreadable};
use crate::pem::{self, Certificates, Holds, PemError, Skipped};

/// The largest file of authorities or CRLs, in bytes: the CRLs of large authorities take tens of MiB.
pub(super) const MAX_FILE: u64 = 1 << 30;

/// Why the authorities cannot be used, in one line.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The authority file holds no certificate.
    #[error("the authority file {} holds no PEM certificate{}", path.display(), Holds(skipped))]
    NoAuthority {
        /// The file.
        path: PathBuf,
        /// What it holds instead.
        skipped: Vec<Skipped>,
    },
    /// The authority file is not a list of certificates with sound keys.
    #[error("the authority file {} is not a list of PEM certificates: {source}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PemError,
    },
    /// A certificate in the authority file that may not issue others (RFC 5280 section 4.2.1.9).
    #[error("{subject} in the authority file {} is not a CA certificate (no basicConstraints CA:TRUE)", path.display())]
    NotAuthority {
        /// The file.
        path: PathBuf,
        /// The subject of the offending certificate.
        subject: String,
    },
    /// The same certificate in two authority files: to which of them its callers belong could not be said.
    #[error("{subject} is in two authority files")]
    Twice {
        /// The subject of the certificate.
        subject: String,
    },
    /// The CRL file holds no CRL, or something that is not one.
    #[error("the CRL file {} is not a list of PEM CRLs{detail}", path.display())]
    NotCrl {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A CRL that no configured authority signed.
    #[error("no certificate of the authority files signed the CRL of {issuer} in {}", path.display())]
    ForeignCrl {
        /// The file.
        path: PathBuf,
        /// Who says to have issued it.
        issuer: String,
    },
    /// A CRL of an authority that may not issue any (RFC 5280 sections 4.2.1.3 and 6.3.3 (f)).
    #[error(
        "the CRL of {issuer} in {} is not believed: the keyUsage of its issuer's certificate lacks cRLSign: give the CRL of an \
         authority that may issue it, or that authority's certificate with cRLSign",
        path.display()
    )]
    NotCrlSigner {
        /// The file.
        path: PathBuf,
        /// Who issued it.
        issuer: String,
    },
    /// A CRL that never ends would be believed however old it is (RFC 5280 section 5.1.2.5 requires the field).
    #[error("the CRL of {issuer} in {} has no nextUpdate", path.display())]
    NoNextUpdate {
        /// The file.
        path: PathBuf,
        /// Who issued it.
        issuer: String,
    },
    /// A CRL that says that it is only a part, or something else that must be understood (RFC 5280 section 5.2).
    #[error("the CRL of {issuer} in {} has a critical extension that is not understood", path.display())]
    CriticalExtension {
        /// The file.
        path: PathBuf,
        /// Who issued it.
        issuer: String,
    },
    /// OpenSSL failed.
    #[error("client certificates cannot be verified: {0}")]
    OpenSsl(#[from] ErrorStack),
}

/// Reads one or several CA certificates from a PEM file. What stands beside them is named in the log, if it may stand there.
///
/// # Errors
/// The file is missing, empty, not PEM, holds something that is not looked at, or a certificate that is not a CA's or whose key
/// is not sound.
pub fn load(path: &Path) -> Result<Vec<X509>, AuthorityError> {
    let pem = file::bytes("authority file", path, MAX_FILE)?;
    let read = pem::certificates(&pem).map_err(|source| AuthorityError::NotPem { path: path.to_owned(), source })?;
    read.tell(path);
    let Certificates { certificates, skipped, .. } = read;
    if certificates.is_empty() {
        return Err(AuthorityError::NoAuthority { path: path.to_owned(), skipped });
    }
    let certificates: Vec<X509> = certificates.into_iter().map(|(_, certificate)| certificate).collect();
    for authority in &certificates {
        if !is_authority(authority)? {
            let subject = certificate::subject(authority);
            return Err(AuthorityError::NotAuthority { path: path.to_owned(), subject });
        }
    }
    Ok(certificates)
}

/// Whether basicConstraints says CA:TRUE (RFC 5280 section 4.2.1.9).
fn is_authority(certificate: &X509Ref) -> Result<bool, AuthorityError> {
    let der = certificate.to_der()?;
    let parsed = X509Certificate::from_der(&der);
    Ok(parsed.is_ok_and(|(_, certificate)| certificate.is_ca()))
}
