//! Conversion of attributes between KMIP 1.x, with names and indexes (KMIP 1.4, section 3), and KMIP 2.x, with items.

use super::super::attributes::{AttributeReference, VendorAttribute, VendorReference, has_several};
use super::super::dialect::same_name;
use super::super::enumerations;
use super::super::error::{Error, Fault, excerpt};
use super::super::mask::{self, UsageMask};
use super::super::tag::Tag;
use super::super::ttlv::scalar::bits_of;
use super::super::ttlv::{Fields, Item, Value};
use super::{Version, since};

/// The attributes of KMIP 1.x with their names.
///
/// An attribute has the version of its tag, except Key Format Type, which was only a part of key blocks.
const NAMES: &[(Tag, &str)] = &[
    (Tag::UniqueIdentifier, "Unique Identifier"),
    (Tag::Name, "Name"),
    (Tag::ObjectType, "Object Type"),
    (Tag::CryptographicAlgorithm, "Cryptographic Algorithm"),
    (Tag::CryptographicLength, "Cryptographic Length"),
    (Tag::CryptographicParameters, "Cryptographic Parameters"),
    (Tag::CryptographicDomainParameters, "Cryptographic Domain Parameters"),
    (Tag::CertificateType, "Certificate Type"),
    (Tag::CertificateLength, "Certificate Length"),
    (Tag::X_509CertificateIdentifier, "X.509 Certificate Identifier"),
    (Tag::X_509CertificateSubject, "X.509 Certificate Subject"),
    (Tag::X_509CertificateIssuer, "X.509 Certificate Issuer"),
    (Tag::CertificateIdentifier, "Certificate Identifier"),
    (Tag::CertificateSubject, "Certificate Subject"),
    (Tag::CertificateIssuer, "Certificate Issuer"),
    (Tag::DigitalSignatureAlgorithm, "Digital Signature Algorithm"),
    (Tag::Digest, "Digest"),
    (Tag::OperationPolicyName, "Operation Policy Name"),
    (Tag::CryptographicUsageMask, "Cryptographic Usage Mask"),
    (Tag::LeaseTime, "Lease Time"),
    (Tag::UsageLimits, "Usage Limits"),
    (Tag::State, "State"),
    (Tag::InitialDate, "Initial Date"),
    (Tag::ActivationDate, "Activation Date"),
    (Tag::ProcessStartDate, "Process Start Date"),
    (Tag::ProtectStopDate, "Protect Stop Date"),
    (Tag::DeactivationDate, "Deactivation Date"),
    (Tag::DestroyDate, "Destroy Date"),
    (Tag::CompromiseOccurrenceDate, "Compromise Occurrence Date"),
    (Tag::CompromiseDate, "Compromise Date"),
    (Tag::RevocationReason, "Revocation Reason"),
    (Tag::ArchiveDate, "Archive Date"),
    (Tag::ObjectGroup, "Object Group"),
    (Tag::Fresh, "Fresh"),
    (Tag::Link, "Link"),
    (Tag::ApplicationSpecificInformation, "Application Specific Information"),
    (Tag::ContactInformation, "Contact Information"),
    (Tag::LastChangeDate, "Last Change Date"),
    (Tag::AlternativeName, "Alternative Name"),
    (Tag::KeyValuePresent, "Key Value Present"),
    (Tag::KeyValueLocation, "Key Value Location"),
    (Tag::OriginalCreationDate, "Original Creation Date"),
    (Tag::RandomNumberGenerator, "Random Number Generator"),
    (Tag::PKCS_12FriendlyName, "PKCS#12 Friendly Name"),
    (Tag::Description, "Description"),
    (Tag::Comment, "Comment"),
    (Tag::Sensitive, "Sensitive"),
    (Tag::AlwaysSensitive, "Always Sensitive"),
    (Tag::Extractable, "Extractable"),
    (Tag::NeverExtractable, "Never Extractable"),
];

/// The vendors of custom attributes: the names of a client begin with `x-`, those of a server with `y-` (KMIP 1.4,
/// section 3.39). In KMIP 2.x they are vendor identifications.
const VENDORS: [&str; 2] = ["x", "y"];

/// Reads the name of an attribute in KMIP 1.x.
///
/// # Errors
/// [`Fault::UnknownAttribute`]: the version does not have it.
pub(super) fn named(version: Version, name: &str) -> Result<AttributeReference, Error> {
    for vendor in VENDORS {
        if let Some(rest) = name.strip_prefix(vendor).and_then(|rest| rest.strip_prefix('-')) {
            let (vendor_identification, name) = (vendor.to_owned(), rest.to_owned());
            return Ok(AttributeReference::Vendor(VendorReference { vendor_identification, name }));
        }
    }
    let row = NAMES.iter().find(|(tag, known)| same_name(known, name) && since::tag(*tag) <= version);
    row.map(|(tag, _)| AttributeReference::Tag(*tag)).ok_or_else(|| Fault::UnknownAttribute(excerpt(name)).into())
}

/// The attribute as an item of KMIP 2.x.
fn item(reference: AttributeReference, value: Value) -> Item {
    match reference {
        AttributeReference::Tag(tag) => Item { tag, value: resolved(tag, value) },
        AttributeReference::Vendor(VendorReference { vendor_identification, name }) => {
            Item::new(Tag::Attribute, VendorAttribute { vendor_identification, name, value })
        }
    }
}

/// Resolves the names of an enumeration or a mask in JSON or XML, whose meaning is known only by the name of the
/// attribute.
fn resolved(tag: Tag, value: Value) -> Value {
    let Value::Invalid(fault) = &value else { return value };
    let read = match &**fault {
        Fault::EnumerationWithoutNames(name) => {
            enumerations::carried_by(tag).and_then(|table| table.code(name)).map(Value::Enumeration)
        }
        Fault::MaskWithoutNames(names) => {
            mask::carried_by(tag).and_then(|mask| bits_of(mask, names).ok()).map(Value::Integer)
        }
        _ => None,
    };
    read.unwrap_or(value)
}

/// An attribute of KMIP 1.x that an object is to have, as an item of 2.x, and its index if one is given. `None` in place of the item for an Operation Policy Name
/// (deprecated since 1.3) of `default`, which is what every object has.
///
/// # Errors
/// It lacks a part, the version does not have it, or it is another Operation Policy Name.
pub(super) fn upgrade(version: Version, value: Value) -> Result<(Option<Item>, Option<i32>), Error> {
    let (mut item, index) = read(version, value)?;
    // A key without these uses can do no less.
    if let Some(Item { tag: Tag::CryptographicUsageMask, value: Value::Integer(bits) }) = &mut item {
        *bits &= !UsageMask::FORMER;
    }
    Ok((item, index))
}

/// An attribute of KMIP 1.x that a search is about. `None` for the Operation Policy Name of `default`, which every object has.
/// No object has another one, or a use that only 1.x has: this is then an identifier that no object has.
///
/// # Errors
/// It lacks a part, or the version does not have it.
pub(super) fn criterion(version: Version, value: Value) -> Result<Option<Item>, Error> {
    /// No identifier contains a space.
    const NO_OBJECT: &str = "no object";
    let (reference, value, _) = parts(version, value)?;
    let is_met = match (&reference, &value) {
        (AttributeReference::Tag(Tag::OperationPolicyName), Value::TextString(policy)) if policy == "default" => {
            return Ok(None);
        }
        (AttributeReference::Tag(Tag::OperationPolicyName), _) => false,
        (AttributeReference::Tag(Tag::CryptographicUsageMask), Value::Integer(bits)) => bits & UsageMask::FORMER == 0,
        _ => true,
    };
    let never = || Item::new(Tag::UniqueIdentifier, NO_OBJECT.to_owned());
    Ok(Some(if is_met { item(reference, value) } else { never() }))
}

fn read(version: Version, value: Value) -> Result<(Option<Item>, Option<i32>), Error> {
    let (reference, value, index) = parts(version, value)?;
    if let AttributeReference::Tag(tag @ Tag::OperationPolicyName) = reference {
        let is_usual = matches!(&value, Value::TextString(policy) if policy == "default");
        return if is_usual { Ok((None, index)) } else { Err(Fault::UnsupportedAttribute(tag).into()) };
    }
    Ok((Some(item(reference, value)), index))
}

/// What is named, its value, and its index if one is given.
fn parts(version: Version, value: Value) -> Result<(AttributeReference, Value, Option<i32>), Error> {
    let mut fields = Fields::of(value)?;
    let name: String = fields.required(Tag::AttributeName)?;
    let index: Option<i32> = fields.optional(Tag::AttributeIndex)?;
    let value = fields.item(Tag::AttributeValue)?.ok_or(Fault::Missing(Tag::AttributeValue))?;
    fields.finish()?;
    Ok((named(version, &name)?, value, index))
}

/// The same of an attribute that a change is about, and that cannot be left out.
///
/// # Errors
/// As [`upgrade`], and for every Operation Policy Name.
pub(super) fn upgrade_needed(version: Version, value: Value) -> Result<(Item, Option<i32>), Error> {
    let (item, index) = read(version, value)?;
    Ok((item.ok_or(Fault::UnsupportedAttribute(Tag::OperationPolicyName))?, index))
}

/// The name in KMIP 1.x of an attribute of 2.x; `None` if the version does not have it.
fn name_of(version: Version, reference: &AttributeReference) -> Option<String> {
    match reference {
        AttributeReference::Tag(tag) => {
            let row = NAMES.iter().find(|(known, _)| known == tag && since::tag(*known) <= version)?;
            Some(row.1.to_owned())
        }
        AttributeReference::Vendor(VendorReference { vendor_identification, name }) => {
            VENDORS.contains(&vendor_identification.as_str()).then(|| format!("{vendor_identification}-{name}"))
        }
    }
}

/// Converts attributes of KMIP 2.x to attributes of 1.x. Attributes that the version does not have are left out. An
/// attribute that may have several instances has an index, also the first one: PyKMIP reads it.
pub(super) fn downgrade(version: Version, items: Vec<Item>) -> Vec<Item> {
    let mut written: Vec<(String, usize)> = Vec::new();
    let mut downgraded = Vec::with_capacity(items.len());
    for item in items {
        let Some(name) = name_of(version, &AttributeReference::of(&item)) else { continue };
        let index = match written.iter_mut().find(|(known, _)| *known == name) {
            Some((_, index)) => {
                *index += 1;
                *index
            }
            None => {
                written.push((name.clone(), 0));
                0
            }
        };
        downgraded.push(named_item(name, index, item));
    }
    downgraded
}

/// Converts one instance of an attribute, with its index as in [`downgrade`]; `None` if the version does not have the
/// attribute.
pub(super) fn downgrade_instance(version: Version, item: Item, index: usize) -> Option<Item> {
    let name = name_of(version, &AttributeReference::of(&item))?;
    Some(named_item(name, index, item))
}

/// The attribute of KMIP 1.x with this name, and the value of an item of 2.x. The index is left out if there is at most
/// one instance.
fn named_item(name: String, index: usize, item: Item) -> Item {
    let index = i32::try_from(index).ok().filter(|index| *index > 0 || has_several(item.tag));
    let value = match item {
        Item { tag: Tag::Attribute, value: Value::Structure(parts) } => {
            parts.into_iter().find(|part| part.tag == Tag::AttributeValue).map(|part| part.value)
        }
        Item { value, .. } => Some(value),
    };
    let mut parts = vec![Item::new(Tag::AttributeName, name)];
    parts.extend(index.map(|index| Item::new(Tag::AttributeIndex, index)));
    parts.extend(value.map(|value| Item { tag: Tag::AttributeValue, value }));
    Item { tag: Tag::Attribute, value: Value::Structure(parts) }
}

/// The names of attributes of KMIP 2.x, each once. In 1.x, attributes that the version does not have are left out.
pub(super) fn names(version: Version, attributes: &[Item]) -> Vec<Item> {
    let mut names = Vec::new();
    for reference in attributes.iter().map(AttributeReference::of) {
        let name = if version.has_templates() {
            name_of(version, &reference).map(|name| Item::new(Tag::AttributeName, name))
        } else {
            Some(Item::new(Tag::AttributeReference, reference))
        };
        if let Some(name) = name.filter(|name| !names.contains(name)) {
            names.push(name);
        }
    }
    names
}
