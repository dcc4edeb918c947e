//! The attributes that identify an X.509 certificate, and its signature algorithm.

use openssl::nid::Nid;
use openssl::x509::X509;

use crate::auth;
use crate::kmip::attributes::{
    CertificateIdentifier, CertificateIdentity, CertificateIssuer, CertificateSubject, INSTANCES, TEXT_BYTES,
};
use crate::kmip::enumerations::{CertificateType, DigitalSignatureAlgorithm};
use crate::kmip::objects::Certificate;
use crate::secret::Bytes;

/// The identity of an X.509 certificate (sections 4.61 to 4.63). What is above the bounds of attributes is left out; an
/// attribute without its name is left out as a whole.
pub(super) fn identity(certificate: &Certificate) -> CertificateIdentity {
    let is_read = certificate.certificate_type == CertificateType::X_509;
    let Some(read) = is_read.then(|| auth::CertificateIdentity::of(&certificate.certificate_value)).flatten() else {
        return CertificateIdentity::default();
    };
    let alternatives = |names: Vec<Vec<u8>>| names.into_iter().filter_map(short).take(INSTANCES).collect();
    let (issuer, subject) = (short(read.issuer), short(read.subject));
    CertificateIdentity {
        identifier: issuer.clone().zip(short(read.serial_number)).map(|(issuer, serial_number)| {
            CertificateIdentifier { issuer: Some(issuer), serial_number: Some(serial_number) }
        }),
        issuer: issuer.map(|name| CertificateIssuer {
            name: Some(name),
            alternative_names: alternatives(read.issuer_alternatives),
        }),
        subject: subject.map(|name| CertificateSubject {
            name: Some(name),
            alternative_names: alternatives(read.subject_alternatives),
        }),
    }
}

/// The bytes, if an attribute may have so many.
fn short(der: Vec<u8>) -> Option<Bytes> {
    (der.len() <= TEXT_BYTES).then(|| Bytes::from(der))
}

/// The algorithm of the signature of an X.509 certificate; `None` for one that the standard does not name.
pub(super) fn signature_algorithm(certificate: &Certificate) -> Option<DigitalSignatureAlgorithm> {
    use DigitalSignatureAlgorithm as Algorithm;
    if certificate.certificate_type != CertificateType::X_509 {
        return None;
    }
    let parsed = X509::from_der(&certificate.certificate_value).ok()?;
    Some(match parsed.signature_algorithm().object().nid() {
        Nid::MD2WITHRSAENCRYPTION => Algorithm::MD2WithRSAEncryption,
        Nid::MD5WITHRSAENCRYPTION => Algorithm::MD5WithRSAEncryption,
        Nid::SHA1WITHRSAENCRYPTION => Algorithm::SHA_1WithRSAEncryption,
        Nid::SHA224WITHRSAENCRYPTION => Algorithm::SHA_224WithRSAEncryption,
        Nid::SHA256WITHRSAENCRYPTION => Algorithm::SHA_256WithRSAEncryption,
        Nid::SHA384WITHRSAENCRYPTION => Algorithm::SHA_384WithRSAEncryption,
        Nid::SHA512WITHRSAENCRYPTION => Algorithm::SHA_512WithRSAEncryption,
        Nid::RSASSAPSS => Algorithm::RSASSA_PSS,
        Nid::DSAWITHSHA1 => Algorithm::DSAWithSHA_1,
        Nid::DSA_WITH_SHA224 => Algorithm::DSAWithSHA224,
        Nid::DSA_WITH_SHA256 => Algorithm::DSAWithSHA256,
        Nid::ECDSA_WITH_SHA1 => Algorithm::ECDSAWithSHA_1,
        Nid::ECDSA_WITH_SHA224 => Algorithm::ECDSAWithSHA224,
        Nid::ECDSA_WITH_SHA256 => Algorithm::ECDSAWithSHA256,
        Nid::ECDSA_WITH_SHA384 => Algorithm::ECDSAWithSHA384,
        Nid::ECDSA_WITH_SHA512 => Algorithm::ECDSAWithSHA512,
        _ => return None,
    })
}
