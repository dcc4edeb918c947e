//! The files that a client proves itself and its server with.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use native_tls::{Certificate, Identity};
use openssl::pkcs12::Pkcs12;

use super::Error;
use super::http::Trust;
use crate::secret::{Bytes, Password};

/// The largest file with certificates, in bytes.
const MAX_CERTIFICATES: u64 = 1 << 20;

/// The largest password file, in bytes.
const MAX_PASSWORD: u64 = 4096;

/// Reads the PKCS#12 file (RFC 7292) with the client's key and certificate.
pub(super) fn identity(path: &Path, password: &str) -> Result<Identity, Error> {
    let der = read("PKCS#12 file", path, MAX_CERTIFICATES)?;
    // Opened once more by `native_tls`, whose error does not say what OpenSSL says.
    let parsed = Pkcs12::from_der(&der)
        .map_err(|source| Error::NotPkcs12 { path: path.to_owned(), source })?
        .parse2(password)
        .map_err(|stack| {
            let has = |text: &str| stack.errors().iter().any(|error| error.reason() == Some(text));
            if has("mac verify failure") {
                Error::WrongPassword(path.to_owned())
            } else if has("unsupported") {
                Error::LegacyPkcs12(path.to_owned())
            } else {
                Error::NotPkcs12 { path: path.to_owned(), source: stack }
            }
        })?;
    let missing = |missing| Err(Error::Incomplete { path: path.to_owned(), missing });
    if parsed.pkey.is_none() {
        return missing("private key");
    }
    if parsed.cert.is_none() {
        return missing("certificate");
    }
    Ok(Identity::from_pkcs12(&der, password).map_err(super::http::Error::from)?)
}

/// Reads the PEM file with the authorities of servers.
///
/// # Errors
/// The file cannot be read, or holds no certificate.
pub fn authorities(path: &Path) -> Result<Trust, Error> {
    let pem = read("CA file", path, MAX_CERTIFICATES)?;
    match Certificate::stack_from_pem(&pem) {
        Ok(authorities) if !authorities.is_empty() => Ok(Trust::Authorities(authorities)),
        _ => Err(Error::NoAuthority(path.to_owned())),
    }
}

/// The authorities of servers in a PEM text.
///
/// # Errors
/// It holds no certificate, or something else.
pub fn authorities_of_pem(pem: &[u8]) -> Result<Trust, Error> {
    match Certificate::stack_from_pem(pem) {
        Ok(authorities) if !authorities.is_empty() => Ok(Trust::Authorities(authorities)),
        _ => Err(Error::NoAuthorityText),
    }
}

/// Reads a password: the text of the file without its last line end.
///
/// # Errors
/// The file cannot be read, is too large or is not UTF-8.
pub fn read_password(path: &Path) -> Result<Password, Error> {
    let bytes = read("password file", path, MAX_PASSWORD)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| Error::Unreadable {
        what: "password file",
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, error),
    })?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(Password::from(text.to_owned()))
}

fn read(what: &'static str, path: &Path, limit: u64) -> Result<Bytes, Error> {
    let unreadable = |source| Error::Unreadable { what, path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    let bytes = Bytes::from(bytes);
    read.map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        return Ok(bytes);
    }
    Err(unreadable(io::Error::other(format!("it is larger than {limit} bytes"))))
}
