//! The attributes of an object (KMIP 2.1, section 4).

mod adjusting;
mod after;
mod certificate;
mod editing;
mod parts;
mod project;
mod reference;
mod rules;
mod single;
mod tags;

use super::cryptographic_parameters::CryptographicParameters;
use super::enumerations::{
    CertificateType, CryptographicAlgorithm, DigitalSignatureAlgorithm, KeyFormatType, NISTKeyType, ObjectType,
    OpaqueDataType, ProtectionLevel, State,
};
use super::error::{Error, Fault};
use super::mask::{ProtectionStorageMask, UsageMask};
use super::structure::members;
use super::tag::Tag;
use super::ttlv::{DateTime, Field, Fields, Interval, Item, Value};
use super::unique_identifier::UniqueIdentifier;

pub use super::bounds::{INSTANCES, TEXT_BYTES, VENDOR_VALUE_BYTES};
pub use certificate::CertificateNames;
pub use editing::Edit;
pub use parts::{
    AlternativeName, ApplicationSpecificInformation, CryptographicDomainParameters, Digest, Link, Name,
    RandomNumberGenerator, RevocationReason, RotateName, UsageLimits, VendorAttribute,
};
pub use project::{NotAProject, NotOneText};
pub use reference::{AttributeReference, VendorReference};
pub use rules::{RULES, Rule, When, has_several};
pub use single::SingleAttribute;
pub use tags::{TAG_BYTES, TAG_VENDOR, TAGS, are_tags, tags_of};

members! {
    /// The attributes of an object, or those that a request sets or searches for.
    ///
    /// Reading refuses attributes that this server does not store, and values above the bounds of this module. It does
    /// not decide whether a caller may set an attribute.
    #[derive(Default)]
    pub struct Attributes {
        /// Section 4.58.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// Section 4.32.
        names: Vec<Name> = Name,
        /// Section 4.2.
        alternative_names: Vec<AlternativeName> = AlternativeName,
        /// Section 4.36.
        object_type: Option<ObjectType> = ObjectType,
        /// Section 4.13.
        cryptographic_algorithm: Option<CryptographicAlgorithm> = CryptographicAlgorithm,
        /// In bits. Section 4.15.
        cryptographic_length: Option<i32> = CryptographicLength,
        /// Section 4.14. Read in requests for a new key pair, where it must agree with the algorithm and the length.
        cryptographic_domain_parameters: Option<CryptographicDomainParameters> = CryptographicDomainParameters,
        /// Section 4.16.
        cryptographic_parameters: Vec<CryptographicParameters> = CryptographicParameters,
        /// Section 4.7.
        certificate_type: Option<CertificateType> = CertificateType,
        /// In bytes. Section 4.8.
        certificate_length: Option<i32> = CertificateLength,
        /// Section 4.6.
        certificate_names: CertificateNames,
        /// Section 4.22.
        digital_signature_algorithm: Option<DigitalSignatureAlgorithm> = DigitalSignatureAlgorithm,
        /// Section 4.37.
        opaque_data_type: Option<OpaqueDataType> = OpaqueDataType,
        /// Section 4.17.
        cryptographic_usage_mask: Option<UsageMask> = CryptographicUsageMask,
        /// Section 4.26.
        key_format_type: Option<KeyFormatType> = KeyFormatType,
        /// Section 4.57.
        state: Option<State> = State,
        /// Section 4.25.
        initial_date: Option<DateTime> = InitialDate,
        /// Section 4.38.
        original_creation_date: Option<DateTime> = OriginalCreationDate,
        /// Section 4.1.
        activation_date: Option<DateTime> = ActivationDate,
        /// Section 4.40.
        process_start_date: Option<DateTime> = ProcessStartDate,
        /// Section 4.41.
        protect_stop_date: Option<DateTime> = ProtectStopDate,
        /// Section 4.18.
        deactivation_date: Option<DateTime> = DeactivationDate,
        /// Section 4.20.
        destroy_date: Option<DateTime> = DestroyDate,
        /// Section 4.11.
        compromise_occurrence_date: Option<DateTime> = CompromiseOccurrenceDate,
        /// Section 4.10.
        compromise_date: Option<DateTime> = CompromiseDate,
        /// Section 4.47.
        revocation_reason: Option<RevocationReason> = RevocationReason,
        /// Section 4.5.
        archive_date: Option<DateTime> = ArchiveDate,
        /// Section 4.29.
        last_change_date: Option<DateTime> = LastChangeDate,
        /// Section 4.30.
        lease_time: Option<Interval> = LeaseTime,
        /// Section 4.21.
        digests: Vec<Digest> = Digest,
        /// Section 4.35.
        object_groups: Vec<String> = ObjectGroup,
        /// Section 4.24.
        fresh: Option<bool> = Fresh,
        /// Section 4.31.
        links: Vec<Link> = Link,
        /// Section 4.4.
        application_specific_information: Vec<ApplicationSpecificInformation> = ApplicationSpecificInformation,
        /// Section 4.12.
        contact_information: Option<String> = ContactInformation,
        /// Section 4.9.
        comment: Option<String> = Comment,
        /// Section 4.19.
        description: Option<String> = Description,
        /// Section 4.55.
        sensitive: Option<bool> = Sensitive,
        /// Section 4.3.
        always_sensitive: Option<bool> = AlwaysSensitive,
        /// Section 4.23.
        extractable: Option<bool> = Extractable,
        /// Section 4.33.
        never_extractable: Option<bool> = NeverExtractable,
        /// Section 4.28.
        key_value_present: Option<bool> = KeyValuePresent,
        /// Section 4.34.
        nist_key_type: Option<NISTKeyType> = NISTKeyType,
        /// Section 4.42.
        protection_level: Option<ProtectionLevel> = ProtectionLevel,
        /// Section 4.43.
        protection_period: Option<Interval> = ProtectionPeriod,
        /// Section 4.44.
        protection_storage_mask: Option<ProtectionStorageMask> = ProtectionStorageMask,
        /// Section 4.45.
        quantum_safe: Option<bool> = QuantumSafe,
        /// Section 4.46.
        random_number_generator: Option<RandomNumberGenerator> = RandomNumberGenerator,
        /// Section 4.48.
        rotate_automatic: Option<bool> = RotateAutomatic,
        /// Section 4.49.
        rotate_date: Option<DateTime> = RotateDate,
        /// Section 4.50.
        rotate_generation: Option<i32> = RotateGeneration,
        /// Section 4.51.
        rotate_interval: Option<Interval> = RotateInterval,
        /// Section 4.52.
        rotate_latest: Option<bool> = RotateLatest,
        /// Section 4.53.
        rotate_name: Option<RotateName> = RotateName,
        /// Section 4.54.
        rotate_offset: Option<Interval> = RotateOffset,
        /// Section 4.56.
        short_unique_identifier: Option<crate::Bytes> = ShortUniqueIdentifier,
        /// Section 4.59.
        usage_limits: Option<UsageLimits> = UsageLimits,
        /// Section 4.60.
        vendor_attributes: Vec<VendorAttribute> = Attribute,
    }
}

impl Attributes {
    /// Returns one item for each instance of each attribute.
    #[must_use]
    pub fn to_items(&self) -> Vec<Item> {
        self.clone().into_items()
    }

    /// Returns the attributes that these references name, with all their instances (KMIP 2.1, section 6.1.20).
    /// Attributes that this object does not have are left out.
    #[must_use]
    pub fn select(&self, references: &[AttributeReference]) -> Self {
        let mut items = self.to_items();
        items.retain(|item| references.iter().any(|reference| reference.names(item)));
        // The items were valid attributes before, so reading them again cannot fail.
        Fields::of(Value::Structure(items)).and_then(|mut fields| Self::take_from(&mut fields)).unwrap_or_default()
    }

    /// Returns these attributes, overridden by those of `by`. An attribute that may have several instances gets the
    /// instances of both (KMIP 2.1, section 6.1.9).
    ///
    /// # Errors
    /// The result is above the bounds of this module.
    pub fn overridden(&self, by: Option<&Self>) -> Result<Self, Error> {
        let own = by.map(Self::to_items).unwrap_or_default();
        let mut items = self.to_items();
        items.retain(|item| {
            let several = has_several(item.tag);
            !own.iter().any(|other| if several { other == item } else { other.tag == item.tag })
        });
        items.extend(own);
        Self::read(Value::Structure(items))
    }

    /// Returns these attributes, in which each attribute of `by` replaces all instances of the same attribute. A vendor
    /// attribute replaces those of the same vendor and name, and tags replace all tags.
    ///
    /// # Errors
    /// The result is above the bounds of this module.
    pub fn replaced(&self, by: &Self) -> Result<Self, Error> {
        let mut kept = self.clone();
        if by.vendor_attributes.iter().any(VendorAttribute::holds_tags) {
            kept.vendor_attributes.retain(|attribute| !attribute.holds_tags());
        }
        let own = by.to_items();
        let said: Vec<AttributeReference> = own.iter().map(AttributeReference::of).collect();
        let mut items = kept.to_items();
        items.retain(|item| !said.contains(&AttributeReference::of(item)));
        items.extend(own);
        Self::read(Value::Structure(items))
    }

    /// Refuses empty names.
    ///
    /// # Errors
    /// A name is empty. The error contains its place.
    pub fn check_names(&self) -> Result<(), Error> {
        let empty = |tag, value| Err(Error::from(Fault::Empty).within(value).within(tag));
        if self.names.iter().any(|name| name.value.is_empty()) {
            return empty(Tag::Name, Tag::NameValue);
        }
        if self.alternative_names.iter().any(|name| name.value.is_empty()) {
            return empty(Tag::AlternativeName, Tag::AlternativeNameValue);
        }
        Ok(())
    }

    /// Returns a reference to every attribute that has a value, each once.
    #[must_use]
    pub fn references(&self) -> Vec<AttributeReference> {
        let mut references = Vec::new();
        for item in self.to_items() {
            let reference = AttributeReference::of(&item);
            if !references.contains(&reference) {
                references.push(reference);
            }
        }
        references
    }
}

impl Field for Attributes {
    fn read(value: Value) -> Result<Self, Error> {
        if let Value::Structure(items) = &value {
            check_bounds(items)?;
        }
        let mut fields = Fields::of(value)?;
        let attributes = Self::take_from(&mut fields)?;
        fields.finish().map_err(|error| {
            error.map_fault(|fault| match fault {
                Fault::Unexpected(tag) => Fault::UnsupportedAttribute(tag),
                other => other,
            })
        })?;
        attributes.check_tags()?;
        Ok(attributes)
    }

    fn write(self) -> Value {
        Value::Structure(self.into_items())
    }
}

fn check_bounds(items: &[Item]) -> Result<(), Error> {
    for item in items {
        check_length(item).map_err(|error| error.within(item.tag))?;
    }
    let mut tags: Vec<Tag> = items.iter().map(|item| item.tag).collect();
    tags.sort_unstable();
    match tags.chunk_by(|one, other| one == other).find(|instances| instances.len() > INSTANCES) {
        Some(instances) => {
            let tag = instances.first().copied().unwrap_or(Tag::UNKNOWN);
            Err(Fault::TooMany { tag, bound: INSTANCES }.into())
        }
        None => Ok(()),
    }
}

fn check_length(item: &Item) -> Result<(), Error> {
    match &item.value {
        _ if item.tag == Tag::AttributeValue => {
            let fits = item.ttlv_length() <= VENDOR_VALUE_BYTES;
            fits.then_some(()).ok_or_else(|| Fault::TooLong(VENDOR_VALUE_BYTES).into())
        }
        Value::TextString(text) if text.len() > TEXT_BYTES => Err(Fault::TooLong(TEXT_BYTES).into()),
        Value::ByteString(bytes) if bytes.len() > TEXT_BYTES => Err(Fault::TooLong(TEXT_BYTES).into()),
        Value::Structure(items) => {
            items.iter().try_for_each(|inner| check_length(inner).map_err(|error| error.within(inner.tag)))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "attributes/tests.rs"]
mod tests;
