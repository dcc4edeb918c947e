//! The parts of the names in a certificate, as attributes (KMIP 2.1, section 4.6).

use super::super::error::Error;
use super::super::tag::Tag;
use super::super::ttlv::fields::Group;
use super::super::ttlv::{Fields, Item};

/// The attributes of each part of a name: in the subject, and in the issuer.
pub const NAME_PARTS: [(Tag, Tag); 12] = [
    (Tag::CertificateSubjectCN, Tag::CertificateIssuerCN),
    (Tag::CertificateSubjectO, Tag::CertificateIssuerO),
    (Tag::CertificateSubjectOU, Tag::CertificateIssuerOU),
    (Tag::CertificateSubjectEmail, Tag::CertificateIssuerEmail),
    (Tag::CertificateSubjectC, Tag::CertificateIssuerC),
    (Tag::CertificateSubjectST, Tag::CertificateIssuerST),
    (Tag::CertificateSubjectL, Tag::CertificateIssuerL),
    (Tag::CertificateSubjectUID, Tag::CertificateIssuerUID),
    (Tag::CertificateSubjectSerialNumber, Tag::CertificateIssuerSerialNumber),
    (Tag::CertificateSubjectTitle, Tag::CertificateIssuerTitle),
    (Tag::CertificateSubjectDC, Tag::CertificateIssuerDC),
    (Tag::CertificateSubjectDNQualifier, Tag::CertificateIssuerDNQualifier),
];

/// The parts of the names in a certificate, each with its attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateNames(pub Vec<(Tag, String)>);

impl Group for CertificateNames {
    fn take(fields: &mut Fields) -> Result<Self, Error> {
        let mut parts = Vec::new();
        for (subject, issuer) in NAME_PARTS {
            for tag in [subject, issuer] {
                parts.extend(fields.many(tag)?.into_iter().map(|text| (tag, text)));
            }
        }
        Ok(Self(parts))
    }

    fn put(self, items: &mut Vec<Item>) {
        items.extend(self.0.into_iter().map(|(tag, text)| Item::new(tag, text)));
    }
}
