//! The attributes that identify an X.509 certificate, and its signature algorithm.

use openssl::nid::Nid;
use openssl::x509::X509;
use x509_parser::asn1_rs::{Any, FromDer as _, Integer, Sequence, ToDer as _};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{OID_X509_EXT_ISSUER_ALT_NAME, OID_X509_EXT_SUBJECT_ALT_NAME, Oid};

use crate::kmip::attributes::{
    CertificateIdentifier, CertificateIdentity, CertificateIssuer, CertificateSubject, INSTANCES, TEXT_BYTES,
};
use crate::kmip::enumerations::{CertificateType, DigitalSignatureAlgorithm};
use crate::kmip::objects::Certificate;
use crate::secret::Bytes;

/// The identity of an X.509 certificate (sections 4.61 to 4.63). What is above the bounds of attributes is left out; an
/// attribute without its name is left out as a whole.
pub(super) fn identity(certificate: &Certificate) -> CertificateIdentity {
    if certificate.certificate_type != CertificateType::X_509 {
        return CertificateIdentity::default();
    }
    let Ok((_, parsed)) = X509Certificate::from_der(&certificate.certificate_value) else {
        return CertificateIdentity::default();
    };
    let [issuer, subject] = [parsed.issuer(), parsed.subject()].map(|name| short(name.as_raw()));
    let serial_number = Integer::new(parsed.raw_serial()).to_der_vec().ok().and_then(|der| short(&der));
    CertificateIdentity {
        identifier: issuer.clone().zip(serial_number).map(|(issuer, serial_number)| CertificateIdentifier {
            issuer: Some(issuer),
            serial_number: Some(serial_number),
        }),
        issuer: issuer.map(|name| CertificateIssuer {
            name: Some(name),
            alternative_names: alternatives(&parsed, &OID_X509_EXT_ISSUER_ALT_NAME),
        }),
        subject: subject.map(|name| CertificateSubject {
            name: Some(name),
            alternative_names: alternatives(&parsed, &OID_X509_EXT_SUBJECT_ALT_NAME),
        }),
    }
}

/// The DER of each GeneralName in an extension (RFC 5280 section 4.2.1.6).
fn alternatives(certificate: &X509Certificate<'_>, of: &Oid<'_>) -> Vec<Bytes> {
    let extension = certificate.extensions().iter().find(|extension| extension.oid == *of);
    let Some(Ok((_, names))) = extension.map(|extension| Sequence::from_der(extension.value)) else {
        return Vec::new();
    };
    let mut rest: &[u8] = &names.content;
    let mut found = Vec::new();
    while found.len() < INSTANCES
        && let Ok((next, _)) = Any::from_der(rest)
    {
        found.extend(rest.get(..rest.len() - next.len()).and_then(short));
        rest = next;
    }
    found
}

/// The bytes, if an attribute may have so many.
fn short(der: &[u8]) -> Option<Bytes> {
    (der.len() <= TEXT_BYTES).then(|| Bytes::from(der.to_vec()))
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
