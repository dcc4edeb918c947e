//! The server's identity: a PKCS#12 file (RFC 7292).

use std::cmp::Ordering;
use std::path::Path;

use openssl::error::ErrorStack;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use super::{Error, read_file};
use crate::config::P12;

/// Private key, certificate and the intermediates to send after it.
pub struct Identity {
    /// The private key.
    pub key: PKey<Private>,
    /// The server's certificate.
    pub certificate: X509,
    /// Intermediates in the order of the chain, roots left out.
    pub chain: Vec<X509>,
}

impl Identity {
    /// Reads and opens the file named by `--https-p12-file`.
    ///
    /// # Errors
    /// The file is missing, its password wrong, its encryption legacy, or a part is missing.
    pub fn load(p12: &P12, password: &str) -> Result<Self, Error> {
        let path = p12.file.as_path();
        let der = read_file("PKCS#12 file", path)?;
        let not_pkcs12 = |source| Error::NotPkcs12 { path: path.to_owned(), source };
        let parsed =
            Pkcs12::from_der(&der).map_err(not_pkcs12)?.parse2(password).map_err(|stack| open_error(path, stack))?;
        let missing = |missing| Error::Incomplete { path: path.to_owned(), missing };
        Ok(Self {
            key: parsed.pkey.ok_or_else(|| missing("private key"))?,
            certificate: parsed.cert.ok_or_else(|| missing("certificate"))?,
            chain: parsed.ca.map_or_else(Vec::new, |stack| {
                // OpenSSL hands the chain out from its far end; a root is the client's to know.
                stack.into_iter().rev().filter(|c| !is_self_issued(c)).collect()
            }),
        })
    }
}

fn is_self_issued(certificate: &X509) -> bool {
    matches!(certificate.issuer_name().try_cmp(certificate.subject_name()), Ok(Ordering::Equal))
}

/// OpenSSL tells these causes apart by the reason of its error alone.
fn open_error(path: &Path, stack: ErrorStack) -> Error {
    let has = |text: &str| stack.errors().iter().any(|e| e.reason() == Some(text));
    if has("mac verify failure") {
        Error::WrongPassword(path.to_owned())
    } else if has("unsupported") {
        Error::LegacyPkcs12(path.to_owned())
    } else {
        Error::NotPkcs12 { path: path.to_owned(), source: stack }
    }
}
