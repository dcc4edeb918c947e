//! The attributes that the server sets from an X.509 certificate (KMIP 2.1, sections 4.6 and 4.61 to 4.63).

use super::super::error::Error;
use super::super::structure::{members, structure};
use super::super::tag::Tag;
use super::super::ttlv::fields::Group;
use super::super::ttlv::{Fields, Item};
use crate::Bytes;

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

structure! {
    /// Section 4.61. Parts are absent only in a search, which may leave them out (section 6.1.28).
    #[derive(Eq)]
    pub struct CertificateIdentifier {
        /// The issuer: the DER of a Name.
        issuer: Option<Bytes> = IssuerDistinguishedName,
        /// The serial number: the DER of an INTEGER.
        serial_number: Option<Bytes> = CertificateSerialNumber,
    }
}

structure! {
    /// Section 4.62.
    #[derive(Eq)]
    pub struct CertificateIssuer {
        /// The DER of a Name.
        name: Option<Bytes> = IssuerDistinguishedName,
        /// Each is the DER of a GeneralName.
        alternative_names: Vec<Bytes> = IssuerAlternativeName,
    }
}

structure! {
    /// Section 4.63.
    #[derive(Eq)]
    pub struct CertificateSubject {
        /// The DER of a Name.
        name: Option<Bytes> = SubjectDistinguishedName,
        /// Each is the DER of a GeneralName.
        alternative_names: Vec<Bytes> = SubjectAlternativeName,
    }
}

members! {
    /// What identifies an X.509 certificate, its issuer and its subject.
    #[derive(Default, Eq)]
    pub struct CertificateIdentity {
        /// Section 4.61.
        identifier: Option<CertificateIdentifier> = X_509CertificateIdentifier,
        /// Section 4.62.
        issuer: Option<CertificateIssuer> = X_509CertificateIssuer,
        /// Section 4.63.
        subject: Option<CertificateSubject> = X_509CertificateSubject,
    }
}

impl Group for CertificateIdentity {
    fn take(fields: &mut Fields) -> Result<Self, Error> {
        Self::take_from(fields)
    }

    fn put(self, items: &mut Vec<Item>) {
        items.extend(self.into_items());
    }
}

impl CertificateIdentity {
    /// The attributes with those that KMIP 1.0 has in their place. KMIP 1.1 deprecated these, and 2.0 removed them.
    pub(crate) const FORMER: [(Tag, Tag); 3] = [
        (Tag::X_509CertificateIdentifier, Tag::CertificateIdentifier),
        (Tag::X_509CertificateIssuer, Tag::CertificateIssuer),
        (Tag::X_509CertificateSubject, Tag::CertificateSubject),
    ];

    /// The attribute from which a former one follows; any other attribute itself.
    pub(crate) fn present(tag: Tag) -> Tag {
        Self::FORMER.into_iter().find(|(_, former)| *former == tag).map_or(tag, |(present, _)| present)
    }

    /// The former attribute that follows from this one.
    pub(crate) fn former(tag: Tag) -> Option<Tag> {
        Self::FORMER.into_iter().find(|(present, _)| *present == tag).map(|(_, former)| former)
    }
}
