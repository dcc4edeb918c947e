//! Which attributes of an existing object a client may set, change and delete (KMIP 2.1, section 4: the second table of
//! each attribute, whose columns table 27 explains).

use super::super::enumerations::State;
use super::super::tag::Tag;
use super::super::ttlv::DateTime;
use super::AttributeReference;

/// When a client may do something with an attribute of an object that was not destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Never: the attribute is read-only.
    Never,
    /// At any time.
    Always,
    /// While the object is Pre-Active.
    PreActive,
    /// While the object is Pre-Active or Active.
    BeforeEnd,
    /// While the object is Pre-Active or Active, and the date has not been reached.
    UntilReached,
    /// Until a unit of the Usage Limits is used; the caller of [`When::permits`] knows whether one was.
    UntilUsed,
}

/// The rule of one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The attribute; `Attribute` for those of vendors.
    pub tag: Tag,
    /// When a client may give the attribute to an object that does not have it, or add an instance.
    pub set: When,
    /// When a client may change the value of an instance.
    pub change: When,
    /// Whether a client may delete it.
    pub is_deletable: bool,
    /// Whether an object may have several instances.
    pub has_several: bool,
}

/// The rules of all attributes that this server stores, in the order of the standard.
///
/// The server restricts some of them more than the standard does: a Usage Mask only loses bits, and Sensitive and
/// Extractable keep their values. Only for the rotation it permits more: a client that could not change it could not end it.
pub const RULES: &[Rule] = &[
    dated(Tag::ActivationDate, When::PreActive),
    listed(Tag::AlternativeName),
    kept(Tag::AlwaysSensitive),
    listed(Tag::ApplicationSpecificInformation),
    kept(Tag::ArchiveDate),
    data(Tag::Comment),
    kept(Tag::CertificateLength),
    kept(Tag::CertificateType),
    parts(Tag::CertificateSubjectCN),
    parts(Tag::CertificateSubjectO),
    parts(Tag::CertificateSubjectOU),
    parts(Tag::CertificateSubjectEmail),
    parts(Tag::CertificateSubjectC),
    parts(Tag::CertificateSubjectST),
    parts(Tag::CertificateSubjectL),
    parts(Tag::CertificateSubjectUID),
    parts(Tag::CertificateSubjectSerialNumber),
    parts(Tag::CertificateSubjectTitle),
    parts(Tag::CertificateSubjectDC),
    parts(Tag::CertificateSubjectDNQualifier),
    parts(Tag::CertificateIssuerCN),
    parts(Tag::CertificateIssuerO),
    parts(Tag::CertificateIssuerOU),
    parts(Tag::CertificateIssuerEmail),
    parts(Tag::CertificateIssuerC),
    parts(Tag::CertificateIssuerST),
    parts(Tag::CertificateIssuerL),
    parts(Tag::CertificateIssuerUID),
    parts(Tag::CertificateIssuerSerialNumber),
    parts(Tag::CertificateIssuerTitle),
    parts(Tag::CertificateIssuerDC),
    parts(Tag::CertificateIssuerDNQualifier),
    kept(Tag::CompromiseDate),
    kept(Tag::CompromiseOccurrenceDate),
    data(Tag::ContactInformation),
    kept(Tag::CryptographicAlgorithm),
    kept(Tag::CryptographicDomainParameters),
    kept(Tag::CryptographicLength),
    listed(Tag::CryptographicParameters),
    bound(Tag::CryptographicUsageMask),
    dated(Tag::DeactivationDate, When::BeforeEnd),
    data(Tag::Description),
    kept(Tag::DestroyDate),
    Rule { has_several: true, ..kept(Tag::Digest) },
    kept(Tag::DigitalSignatureAlgorithm),
    bound(Tag::Extractable),
    kept(Tag::Fresh),
    kept(Tag::InitialDate),
    kept(Tag::KeyFormatType),
    kept(Tag::KeyValuePresent),
    kept(Tag::LastChangeDate),
    kept(Tag::LeaseTime),
    listed(Tag::Link),
    listed(Tag::Name),
    kept(Tag::NeverExtractable),
    Rule { set: When::Always, ..kept(Tag::NISTKeyType) },
    listed(Tag::ObjectGroup),
    kept(Tag::ObjectType),
    kept(Tag::OpaqueDataType),
    kept(Tag::OriginalCreationDate),
    dated(Tag::ProcessStartDate, When::UntilReached),
    dated(Tag::ProtectStopDate, When::UntilReached),
    data(Tag::ProtectionLevel),
    data(Tag::ProtectionPeriod),
    kept(Tag::ProtectionStorageMask),
    data(Tag::QuantumSafe),
    kept(Tag::RandomNumberGenerator),
    kept(Tag::RevocationReason),
    dated(Tag::RotateAutomatic, When::BeforeEnd),
    kept(Tag::RotateDate),
    kept(Tag::RotateGeneration),
    dated(Tag::RotateInterval, When::BeforeEnd),
    kept(Tag::RotateLatest),
    data(Tag::RotateName),
    dated(Tag::RotateOffset, When::BeforeEnd),
    bound(Tag::Sensitive),
    kept(Tag::ShortUniqueIdentifier),
    kept(Tag::State),
    kept(Tag::UniqueIdentifier),
    Rule { change: When::UntilUsed, ..data(Tag::UsageLimits) },
    listed(Tag::Attribute),
];

/// An attribute that is data of the client.
const fn data(tag: Tag) -> Rule {
    Rule { tag, set: When::Always, change: When::Always, is_deletable: true, has_several: false }
}

/// The same, with several instances.
const fn listed(tag: Tag) -> Rule {
    Rule { has_several: true, ..data(tag) }
}

/// An attribute that only the server sets, or that is fixed when the object is made.
const fn kept(tag: Tag) -> Rule {
    Rule { tag, set: When::Never, change: When::Never, is_deletable: false, has_several: false }
}

/// A part of a name in a certificate. A name may have several such parts.
const fn parts(tag: Tag) -> Rule {
    Rule { has_several: true, ..kept(tag) }
}

/// An attribute that every object has, and whose change other rules restrict.
const fn bound(tag: Tag) -> Rule {
    Rule { change: When::Always, ..kept(tag) }
}

/// An attribute that takes part in the lifecycle. It cannot be deleted.
const fn dated(tag: Tag, when: When) -> Rule {
    Rule { set: when, change: when, ..kept(tag) }
}

/// Whether an object may have several instances of an attribute.
#[must_use]
pub fn has_several(tag: Tag) -> bool {
    RULES.iter().any(|rule| rule.tag == tag && rule.has_several)
}

impl Rule {
    /// The rule of an attribute; `None` for an attribute that this server does not store.
    #[must_use]
    pub fn of(reference: &AttributeReference) -> Option<&'static Self> {
        let tag = match reference {
            // The attributes of vendors are named by vendor and name: this tag names all of them.
            AttributeReference::Tag(Tag::Attribute) => return None,
            AttributeReference::Tag(tag) => *tag,
            AttributeReference::Vendor(_) => Tag::Attribute,
        };
        RULES.iter().find(|rule| rule.tag == tag)
    }

    /// Whether a client can do nothing with the attribute except read it.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.set == When::Never && self.change == When::Never && !self.is_deletable
    }
}

impl When {
    /// Whether it is permitted now, for an object in this state. `present` is the present value if it is a date.
    #[must_use]
    pub fn permits(self, state: State, present: Option<DateTime>, now: DateTime) -> bool {
        let is_before_end = matches!(state, State::PreActive | State::Active);
        match self {
            Self::Never => false,
            Self::Always | Self::UntilUsed => !matches!(state, State::Destroyed | State::DestroyedCompromised),
            Self::PreActive => state == State::PreActive,
            Self::BeforeEnd => is_before_end,
            Self::UntilReached => is_before_end && present.is_none_or(|date| date > now),
        }
    }

    /// The condition in words, for errors and documentation.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Always => "always",
            Self::PreActive => "while Pre-Active",
            Self::BeforeEnd => "while Pre-Active or Active",
            Self::UntilReached => "while Pre-Active or Active, until it is reached",
            Self::UntilUsed => "until a unit is used",
        }
    }
}
