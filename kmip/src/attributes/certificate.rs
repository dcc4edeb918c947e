//! The names in a certificate as attributes (KMIP 2.1, section 4.6).

use super::super::error::Error;
use super::super::tag::Tag;
use super::super::ttlv::fields::Group;
use super::super::ttlv::{Fields, Item};

/// The names of the subject and of the issuer of a certificate: each attribute may have several instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateNames(pub Vec<(Tag, String)>);

impl CertificateNames {
    /// The attributes of the subject, in the order of the standard.
    pub const SUBJECT: [Tag; 12] = [
        Tag::CertificateSubjectCN,
        Tag::CertificateSubjectO,
        Tag::CertificateSubjectOU,
        Tag::CertificateSubjectEmail,
        Tag::CertificateSubjectC,
        Tag::CertificateSubjectST,
        Tag::CertificateSubjectL,
        Tag::CertificateSubjectUID,
        Tag::CertificateSubjectSerialNumber,
        Tag::CertificateSubjectTitle,
        Tag::CertificateSubjectDC,
        Tag::CertificateSubjectDNQualifier,
    ];

    /// The attributes of the issuer, in the same order.
    pub const ISSUER: [Tag; 12] = [
        Tag::CertificateIssuerCN,
        Tag::CertificateIssuerO,
        Tag::CertificateIssuerOU,
        Tag::CertificateIssuerEmail,
        Tag::CertificateIssuerC,
        Tag::CertificateIssuerST,
        Tag::CertificateIssuerL,
        Tag::CertificateIssuerUID,
        Tag::CertificateIssuerSerialNumber,
        Tag::CertificateIssuerTitle,
        Tag::CertificateIssuerDC,
        Tag::CertificateIssuerDNQualifier,
    ];

    /// Whether the attribute is one of these.
    #[must_use]
    pub fn contain(tag: Tag) -> bool {
        Self::SUBJECT.contains(&tag) || Self::ISSUER.contains(&tag)
    }
}

impl Group for CertificateNames {
    fn take(fields: &mut Fields) -> Result<Self, Error> {
        let mut names = Vec::new();
        for tag in Self::SUBJECT.into_iter().chain(Self::ISSUER) {
            names.extend(fields.many(tag)?.into_iter().map(|name| (tag, name)));
        }
        Ok(Self(names))
    }

    fn put(self, items: &mut Vec<Item>) {
        items.extend(self.0.into_iter().map(|(tag, name)| Item::new(tag, name)));
    }
}
