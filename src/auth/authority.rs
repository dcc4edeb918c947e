//! The authorities that issue client certificates.

use std::path::{Path, PathBuf};

use openssl::error::ErrorStack;
use openssl::x509::{X509, X509Ref};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::certificate;
use crate::file::{self, Unreadable};
use crate::pem::{self, Certificates, Holds, PemError, Skipped};

/// The largest file of authorities or CRLs, in bytes: the CRLs of large authorities take tens of MiB.
pub(super) const MAX_FILE: u64 = 1 << 30;

/// The reason for which the authorities cannot be used, in one line.
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
        /// Other PEM blocks in the file.
        skipped: Vec<Skipped>,
    },
    /// The authority file is not a list of certificates with sound keys.
    #[error("the authority file {} is not a list of PEM certificates: {source}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// The problem of the file.
        source: PemError,
    },
    /// A certificate in the authority file must not issue others (RFC 5280 section 4.2.1.9).
    #[error("{subject} in the authority file {} is not a CA certificate (no basicConstraints CA:TRUE)", path.display())]
    NotAuthority {
        /// The file.
        path: PathBuf,
        /// The subject of the offending certificate.
        subject: String,
    },
    /// The same certificate is in two authority files. It would not be defined to which of them its callers belong.
    #[error("{subject} is in two authority files")]
    Twice {
        /// The subject of the certificate.
        subject: String,
    },
    /// The CRL file contains no CRL, or something that is not one.
    #[error("the CRL file {} is not a list of PEM CRLs{detail}", path.display())]
    NotCrl {
        /// The file.
        path: PathBuf,
        /// The problem of the file.
        detail: String,
    },
    /// No configured authority signed the CRL.
    #[error("no certificate of the authority files signed the CRL of {issuer} in {}", path.display())]
    ForeignCrl {
        /// The file.
        path: PathBuf,
        /// The issuer that the CRL names.
        issuer: String,
    },
    /// The CRL was signed by an authority that must not issue CRLs (RFC 5280 sections 4.2.1.3 and 6.3.3 (f)).
    #[error(
        "the CRL of {issuer} in {} is refused: the keyUsage of its issuer's certificate lacks cRLSign: give the CRL of an \
         authority that may issue it, or that authority's certificate with cRLSign",
        path.display()
    )]
    NotCrlSigner {
        /// The file.
        path: PathBuf,
        /// The issuer of the CRL.
        issuer: String,
    },
    /// The CRL has no nextUpdate. A CRL that never ends would be used however old it is (RFC 5280 section 5.1.2.5
    /// requires the field).
    #[error("the CRL of {issuer} in {} has no nextUpdate", path.display())]
    NoNextUpdate {
        /// The file.
        path: PathBuf,
        /// The issuer of the CRL.
        issuer: String,
    },
    /// The CRL is only a part of one, or has another critical extension (RFC 5280 section 5.2).
    #[error("the CRL of {issuer} in {} has a critical extension that is not understood", path.display())]
    CriticalExtension {
        /// The file.
        path: PathBuf,
        /// The issuer of the CRL.
        issuer: String,
    },
    /// OpenSSL failed.
    #[error("client certificates cannot be verified: {0}")]
    OpenSsl(#[from] ErrorStack),
}

/// Reads one or several CA certificates from a PEM file. Other PEM blocks are logged if they are permitted.
///
/// # Errors
/// The file is missing, empty, not PEM, or contains a block that is not permitted, a certificate that is not a CA
/// certificate, or one with an unsafe key.
pub fn load(path: &Path) -> Result<Vec<X509>, AuthorityError> {
    let pem = file::bytes("authority file", path, MAX_FILE)?;
    let read = pem::certificates(&pem).map_err(|source| AuthorityError::NotPem { path: path.to_owned(), source })?;
    read.log_findings(path);
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
