//! Data of a client certificate: the user name, and its times.

use x509_parser::asn1_rs::Tag;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::ClientCertUsername;
use crate::principal::UsernameError;
pub use crate::x509::{subject, unix_time};

/// The reason for which a certificate names no user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The parser of names cannot read the certificate, although OpenSSL can.
    #[error("the certificate's names cannot be read")]
    Malformed,
    /// There is no attribute or alternative name of the configured kind.
    #[error("the certificate has no {0}")]
    Missing(&'static str),
    /// There are several names of the configured kind, so it is not defined which one is the user.
    #[error("the certificate has several {0}s")]
    Several(&'static str),
    /// The name is a BMPString, T61String or similar, whose bytes can be read in more than one way.
    #[error("the certificate's CN is neither UTF8String, PrintableString nor IA5String")]
    StringType,
    /// The bytes are not UTF-8.
    #[error("the certificate's CN is not UTF-8")]
    Encoding,
    /// The name begins with the prefix of another authority or issuer.
    #[error("the certificate's name begins with the prefix of another authority or issuer")]
    ForeignPrefix,
    /// The text is not a user name.
    #[error("the certificate's name is not a user name: {0}")]
    Username(#[from] UsernameError),
}

/// Returns the one name of the configured kind. It is not checked to be a user name.
///
/// # Errors
/// The name is missing, occurs several times, or cannot be read in exactly one way.
pub fn name(der: &[u8], source: ClientCertUsername) -> Result<String, NameError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| NameError::Malformed)?;
    let names = match source {
        ClientCertUsername::Cn => return common_name(&certificate),
        ClientCertUsername::SanUri => alternative_names(&certificate, |name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        }),
        ClientCertUsername::SanEmail => alternative_names(&certificate, |name| match name {
            GeneralName::RFC822Name(address) => Some(*address),
            _ => None,
        }),
        ClientCertUsername::SanDns => alternative_names(&certificate, |name| match name {
            GeneralName::DNSName(host) => Some(*host),
            _ => None,
        }),
    }?;
    match names.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(NameError::Missing(source.name())),
        _ => Err(NameError::Several(source.name())),
    }
}

fn common_name(certificate: &X509Certificate<'_>) -> Result<String, NameError> {
    // This iterates over every attribute of every RDN, so a CN inside a multi-valued RDN counts too.
    let mut names = certificate.subject().iter_common_name();
    let name = names.next().ok_or(NameError::Missing("CN"))?.attr_value();
    if names.next().is_some() {
        return Err(NameError::Several("CN"));
    }
    if !matches!(name.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String) {
        return Err(NameError::StringType);
    }
    std::str::from_utf8(name.data).map(str::to_owned).map_err(|_| NameError::Encoding)
}

fn alternative_names(
    certificate: &X509Certificate<'_>,
    wanted: impl for<'a> Fn(&'a GeneralName<'_>) -> Option<&'a str>,
) -> Result<Vec<String>, NameError> {
    let extension = certificate.subject_alternative_name().map_err(|_| NameError::Malformed)?;
    let Some(extension) = extension else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for name in &extension.value.general_names {
        names.extend(wanted(name).map(str::to_owned));
    }
    Ok(names)
}
