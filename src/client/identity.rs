//! Files with the client's certificate, the authorities of servers, and passwords.

use std::path::Path;

use native_tls::{Certificate, Identity};
use openssl::error::ErrorStack;
use openssl::x509::X509;

use super::http::Trust;
use super::{Error, IdentityFiles};
use crate::file;
use crate::pem::{self, Certificates, IdentityFault, PemError};
use crate::pkcs12;
use crate::secret::{Bytes, Password};

/// The largest file with certificates, in bytes.
const MAX_CERTIFICATES: u64 = 1 << 20;

/// The largest password file, in bytes.
const MAX_PASSWORD: u64 = 4096;

/// Reads the client's private key and certificates.
///
/// # Errors
/// A file cannot be read or opened, or lacks one of its parts.
pub fn read_identity(files: &IdentityFiles) -> Result<pem::Identity, Error> {
    match files {
        IdentityFiles::P12 { file, password } => of_p12(file, password).map(|(identity, _)| identity),
        IdentityFiles::Pem { certificate, key } => of_pem(certificate, key),
    }
}

/// Reads the client's private key and certificates for `native_tls`.
pub(super) fn identity(files: &IdentityFiles) -> Result<Identity, Error> {
    match files {
        IdentityFiles::P12 { file, password } => {
            let (_, der) = of_p12(file, password)?;
            Ok(Identity::from_pkcs12(&der, password).map_err(super::http::Error::from)?)
        }
        IdentityFiles::Pem { certificate, key } => {
            let read = of_pem(certificate, key)?;
            let setup = |_: ErrorStack| Error::Pem { path: certificate.clone(), fault: IdentityFault::NoKey };
            let key = Bytes::from(read.key.private_key_to_pem_pkcs8().map_err(setup)?);
            let mut chain = read.certificate.to_pem().map_err(setup)?;
            for other in &read.others {
                chain.extend(other.to_pem().map_err(setup)?);
            }
            Ok(Identity::from_pkcs8(&chain, &key).map_err(super::http::Error::from)?)
        }
    }
}

fn of_pem(certificate: &Path, key: &Path) -> Result<pem::Identity, Error> {
    let certificates = file::bytes("certificate file", certificate, MAX_CERTIFICATES)?;
    let keys = file::bytes("private key file", key, MAX_CERTIFICATES)?;
    pem::identity(&certificates, &keys).map_err(|fault| {
        let path = if fault.is_of_key() { key } else { certificate };
        Error::Pem { path: path.to_owned(), fault }
    })
}

/// Opens a PKCS#12 file. Returns what it holds, and the file itself: `native_tls` opens it again, but its error omits
/// OpenSSL's reason.
fn of_p12(path: &Path, password: &str) -> Result<(pem::Identity, Bytes), Error> {
    let der = file::bytes("PKCS#12 file", path, pkcs12::MAX_FILE)?;
    let parsed = pkcs12::open(&der, password).map_err(|fault| Error::Pkcs12 { path: path.to_owned(), fault })?;
    let missing = |missing| Error::Incomplete { path: path.to_owned(), missing };
    let key = parsed.pkey.ok_or_else(|| missing("private key"))?;
    let certificate = parsed.cert.ok_or_else(|| missing("certificate"))?;
    let others = parsed.ca.map_or_else(Vec::new, |stack| stack.into_iter().collect());
    Ok((pem::Identity { key, certificate, others }, der))
}

/// Reads the PEM file with the authorities of servers. Other blocks of the file that are allowed there are named in the
/// log.
///
/// # Errors
/// The file cannot be read, holds no certificate, a certificate with an invalid key, or a block that is not allowed.
pub fn authorities(path: &Path) -> Result<Trust, Error> {
    let read = read_authorities(path)?;
    read.log_findings(path);
    trust(read).map_err(|source| Error::NotAuthorities { path: path.to_owned(), source })
}

/// Reads the PEM file with the authorities of servers.
///
/// # Errors
/// The file cannot be read, holds no certificate, a certificate with an invalid key, or a block that is not allowed.
pub fn read_authorities(path: &Path) -> Result<Certificates, Error> {
    let pem = file::bytes("CA file", path, MAX_CERTIFICATES)?;
    not_empty(&pem).map_err(|source| Error::NotAuthorities { path: path.to_owned(), source })
}

/// Returns the authorities of servers in a PEM text.
///
/// # Errors
/// The text holds no certificate, a certificate with an invalid key, or a block that is not allowed.
pub fn authorities_of_pem(pem: &[u8]) -> Result<Trust, Error> {
    not_empty(pem).and_then(trust).map_err(Error::NotAuthoritiesText)
}

/// Reads the certificates of a PEM text, which has at least one.
fn not_empty(pem: &[u8]) -> Result<Certificates, PemError> {
    let read = pem::certificates(pem)?;
    if read.certificates.is_empty() { Err(PemError::NoCertificate(read.skipped)) } else { Ok(read) }
}

fn trust(read: Certificates) -> Result<Trust, PemError> {
    let native = |(line, certificate): (usize, X509)| {
        let damaged = |source| PemError::Damaged { label: "CERTIFICATE".to_owned(), line, source };
        let der = certificate.to_der().map_err(damaged)?;
        Certificate::from_der(&der).map_err(|_| damaged(ErrorStack::get()))
    };
    Ok(Trust::Authorities(read.certificates.into_iter().map(native).collect::<Result<_, _>>()?))
}

/// Reads a password: the text of the file without its last line end.
///
/// # Errors
/// The file cannot be read, is too large or is not UTF-8.
pub fn read_password(path: &Path) -> Result<Password, Error> {
    let text = file::text("password file", path, MAX_PASSWORD)?;
    Ok(Password::from(without_line_end(&text).to_owned()))
}

/// Returns a text without its last line end, LF or CRLF.
#[must_use]
pub fn without_line_end(text: &str) -> &str {
    text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text))
}
