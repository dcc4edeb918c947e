//! What the server reads off a verified client certificate.

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::sha::sha256;
use openssl::x509::X509Ref;
use x509_parser::asn1_rs::Tag;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::principal::{Username, UsernameError};

/// A client certificate that OpenSSL verified in the handshake.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// The user it names, or why it names none.
    pub username: Result<Username, NameError>,
    /// SHA-256 of its DER.
    pub thumbprint: [u8; 32],
    /// Its notAfter, in seconds since 1970-01-01 UTC.
    pub not_after: i64,
}

/// Why a subject names no user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// OpenSSL could read it, the parser of names could not.
    #[error("the certificate's subject cannot be read")]
    Malformed,
    /// No commonName attribute.
    #[error("the certificate's subject has no CN")]
    NoCommonName,
    /// Several: which one is meant is a matter of taste, and taste is no proof.
    #[error("the certificate's subject has several CNs")]
    SeveralCommonNames,
    /// BMPString, T61String and the like, whose bytes have more than one reading.
    #[error("the certificate's CN is neither UTF8String, PrintableString nor IA5String")]
    StringType,
    /// Bytes that are not UTF-8.
    #[error("the certificate's CN is not UTF-8")]
    Encoding,
    /// The text is no user name.
    #[error("the certificate's CN is no user name: {0}")]
    Username(#[from] UsernameError),
}

impl ClientCertificate {
    /// Reads name, thumbprint and end of validity.
    ///
    /// # Errors
    /// OpenSSL cannot compute one of them.
    pub fn new(certificate: &X509Ref) -> Result<Self, ErrorStack> {
        let der = certificate.to_der()?;
        Ok(Self { username: username(&der), thumbprint: sha256(&der), not_after: unix_time(certificate.not_after())? })
    }
}

/// The one CN of the subject, as a user name.
fn username(der: &[u8]) -> Result<Username, NameError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| NameError::Malformed)?;
    // Walks every attribute of every RDN, so a CN inside a multi-valued RDN counts as well.
    let mut names = certificate.subject().iter_common_name();
    let name = names.next().ok_or(NameError::NoCommonName)?.attr_value();
    if names.next().is_some() {
        return Err(NameError::SeveralCommonNames);
    }
    if !matches!(name.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String) {
        return Err(NameError::StringType);
    }
    let text = std::str::from_utf8(name.data).map_err(|_| NameError::Encoding)?;
    Ok(Username::new(text)?)
}

/// The subject as one line for messages, its bytes escaped.
#[must_use]
pub fn subject(certificate: &X509Ref) -> String {
    let entries = certificate.subject_name().entries().map(|entry| {
        let name = entry.object().nid().short_name().unwrap_or("?");
        format!("{name}={}", entry.data().as_slice().escape_ascii())
    });
    entries.collect::<Vec<_>>().join(", ")
}

/// Seconds since 1970-01-01 UTC.
///
/// # Errors
/// OpenSSL cannot read the time.
pub fn unix_time(time: &Asn1TimeRef) -> Result<i64, ErrorStack> {
    let epoch = Asn1Time::from_unix(0)?;
    let since = epoch.diff(time)?;
    Ok(i64::from(since.days) * 86_400 + i64::from(since.secs))
}
