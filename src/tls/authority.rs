//! The authorities that may vouch for clients.

use std::path::Path;

use openssl::x509::{X509, X509Ref};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{Error, read_file};
use crate::auth::certificate;

/// Reads one or several CA certificates from a PEM file.
///
/// # Errors
/// The file is missing, empty, not PEM, or holds a certificate that is no CA.
pub fn load(path: &Path) -> Result<Vec<X509>, Error> {
    let pem = read_file("authority file", path)?;
    let certificates = X509::stack_from_pem(&pem).map_err(|source| Error::NotPem { path: path.to_owned(), source })?;
    // OpenSSL takes a file without any certificate for an empty list, which would verify nobody.
    if certificates.is_empty() {
        return Err(Error::NoAuthority(path.to_owned()));
    }
    for authority in &certificates {
        if !is_authority(authority)? {
            return Err(Error::NotAuthority { path: path.to_owned(), subject: certificate::subject(authority) });
        }
    }
    Ok(certificates)
}

/// Whether basicConstraints says CA:TRUE (RFC 5280 section 4.2.1.9).
fn is_authority(certificate: &X509Ref) -> Result<bool, Error> {
    let der = certificate.to_der()?;
    let parsed = X509Certificate::from_der(&der);
    Ok(parsed.is_ok_and(|(_, certificate)| certificate.is_ca()))
}
