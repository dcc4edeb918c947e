//! The DER of the parts of a certificate that identify it, its issuer and its subject.

use x509_parser::asn1_rs::{Any, FromDer as _, Integer, Sequence, ToDer as _};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{OID_X509_EXT_ISSUER_ALT_NAME, OID_X509_EXT_SUBJECT_ALT_NAME, Oid};

/// Maximum number of alternative names that are read.
const MAX_ALTERNATIVES: usize = 32;

/// What identifies a certificate, in DER (RFC 5280 section 4.1.2).
pub struct CertificateIdentity {
    /// The Name of the issuer.
    pub issuer: Vec<u8>,
    /// The Name of the subject.
    pub subject: Vec<u8>,
    /// The serial number: an INTEGER.
    pub serial_number: Vec<u8>,
    /// Each GeneralName of the issuer, at most 32.
    pub issuer_alternatives: Vec<Vec<u8>>,
    /// Each GeneralName of the subject, at most 32.
    pub subject_alternatives: Vec<Vec<u8>>,
}

impl CertificateIdentity {
    /// The identity of a certificate; `None` if it cannot be read.
    #[must_use]
    pub fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(Self {
            issuer: certificate.issuer().as_raw().to_vec(),
            subject: certificate.subject().as_raw().to_vec(),
            serial_number: Integer::new(certificate.raw_serial()).to_der_vec().ok()?,
            issuer_alternatives: alternatives(&certificate, &OID_X509_EXT_ISSUER_ALT_NAME),
            subject_alternatives: alternatives(&certificate, &OID_X509_EXT_SUBJECT_ALT_NAME),
        })
    }
}

/// Each GeneralName in an extension (RFC 5280 section 4.2.1.6).
fn alternatives(certificate: &X509Certificate<'_>, of: &Oid<'_>) -> Vec<Vec<u8>> {
    let extension = certificate.extensions().iter().find(|extension| extension.oid == *of);
    let Some(Ok((_, names))) = extension.map(|extension| Sequence::from_der(extension.value)) else {
        return Vec::new();
    };
    let mut rest: &[u8] = &names.content;
    let mut found = Vec::new();
    while found.len() < MAX_ALTERNATIVES
        && let Ok((next, _)) = Any::from_der(rest)
    {
        found.extend(rest.get(..rest.len() - next.len()).map(<[u8]>::to_vec));
        rest = next;
    }
    found
}
