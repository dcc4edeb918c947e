//! The server's private key and certificates, from a PKCS#12 file (RFC 7292) or PEM files (RFC 7468).

use std::cmp::Ordering;

use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Ref, X509VerifyResult};

use super::{Error, SetupError};
use crate::config::{IdentityFiles, P12, PemFiles, SecretSource, private};
use crate::file;
use crate::pem::{self, IdentityFault};
use crate::pkcs12;
use crate::secret::Password;

/// The largest PEM file, in bytes.
const MAX_PEM: u64 = 1 << 20;

/// A private key, its certificate and the intermediate certificates to send with it.
pub struct Identity {
    /// The private key.
    pub key: PKey<Private>,
    /// The server's certificate.
    pub certificate: X509,
    /// The intermediate certificates in the order of the chain, without roots.
    pub chain: Vec<X509>,
}

impl Identity {
    /// Reads the files that the configuration names.
    ///
    /// # Errors
    /// A file is missing or not valid, other users may read a private key, or a password is wrong.
    pub fn load(files: &IdentityFiles) -> Result<Self, SetupError> {
        match files {
            IdentityFiles::P12(p12) => {
                let password = p12.password.as_ref().map_or_else(|| Ok(Password::default()), SecretSource::read)?;
                Ok(Self::of_p12(p12, &password)?)
            }
            IdentityFiles::Pem(files) => Self::of_pem(files),
        }
    }

    fn of_p12(p12: &P12, password: &str) -> Result<Self, Error> {
        let path = p12.file.as_path();
        let der = file::bytes("PKCS#12 file", path, pkcs12::MAX_FILE)?;
        let parsed = pkcs12::open(&der, password).map_err(|fault| Error::Pkcs12 { path: path.to_owned(), fault })?;
        let missing = |missing| Error::Incomplete { path: path.to_owned(), missing };
        let key = parsed.pkey.ok_or_else(|| missing("private key"))?;
        let certificate = parsed.cert.ok_or_else(|| missing("certificate"))?;
        let others = parsed.ca.map_or_else(Vec::new, |stack| stack.into_iter().collect());
        let chain = chain(&certificate, others);
        Ok(Self { key, certificate, chain })
    }

    fn of_pem(files: &PemFiles) -> Result<Self, SetupError> {
        let certificates = file::bytes("certificate file", &files.certificate, MAX_PEM).map_err(Error::from)?;
        let key = private("private key file", &files.key, MAX_PEM)?;
        let fault = |fault: IdentityFault| {
            let path = if fault.is_of_key() { &files.key } else { &files.certificate };
            Error::Pem { path: path.clone(), fault }
        };
        let pem::Identity { key, certificate, others } = pem::identity(&certificates, &key).map_err(fault)?;
        let chain = chain(&certificate, others);
        Ok(Self { key, certificate, chain })
    }
}

/// Orders the other certificates so that each certifies the one before it (RFC 5246 section 7.4.2), whatever the order
/// in the file. Certificates that certify none of them come last. Roots are left out, because the client must know them
/// itself.
fn chain(certificate: &X509Ref, mut others: Vec<X509>) -> Vec<X509> {
    others.retain(|other| !is_self_issued(other));
    let mut chain: Vec<X509> = Vec::with_capacity(others.len());
    let issuer = |others: &[X509], subject: &X509Ref| {
        others.iter().position(|other| other.issued(subject) == X509VerifyResult::OK)
    };
    while let Some(next) = issuer(&others, chain.last().map_or(certificate, |last| last)) {
        chain.push(others.remove(next));
    }
    chain.append(&mut others);
    chain
}

fn is_self_issued(certificate: &X509Ref) -> bool {
    matches!(certificate.issuer_name().try_cmp(certificate.subject_name()), Ok(Ordering::Equal))
}
