//! The rules for the values of attributes, of new objects and of existing ones.

use super::attribute_fault::AttributeFault;
use super::error::Error;
use super::object::Object;
use super::object_kind::{only_derives, only_wraps};
use super::{disabled, formers, secret_path};
use crate::kmip::attributes::{Edit, Link, VendorAttribute, VendorReference};
use crate::kmip::{AttributeReference, Attributes, Tag, UsageMask};

/// The vendor of the attributes that a server made for clients of KMIP 1.x (KMIP 2.1 section 4.60).
const SERVERS_VENDOR: &str = "y";

/// Refuses attributes that the server would have to enforce, but does not support. From other servers (`is_brought`),
/// those without an effect are accepted.
pub(super) fn check_supported(given: &Attributes, is_brought: bool) -> Result<(), Error> {
    let unsupported = [
        (Tag::LeaseTime, given.lease_time.is_some() && !is_brought),
        (Tag::ArchiveDate, given.archive_date.is_some()),
        (Tag::ShortUniqueIdentifier, given.short_unique_identifier.is_some() && !is_brought),
    ];
    if let Some((tag, _)) = unsupported.into_iter().find(|(_, given)| *given) {
        return Err(Error::UnsupportedAttribute(tag));
    }
    // The server would have to choose the data (section 4.4).
    let mut applications = given.application_specific_information.iter();
    if let Some(own) = applications.find(|own| own.data.is_none()) {
        return Err(AttributeFault::Namespace(own.namespace.clone()).into());
    }
    if given.vendor_attributes.iter().any(VendorAttribute::asks_for_wrapping) {
        return Err(Error::Feature(
            "storing a key wrapped under another key (wrapping_key_id) is not supported, because the HSM wraps every key: leave it out",
        ));
    }
    Ok(())
}

/// Whether the attribute is a mark of the server, which no client sets.
pub(super) fn is_mark(attribute: &VendorAttribute) -> bool {
    secret_path::is_own(attribute) || disabled::is_own(attribute) || formers::is_own(attribute)
}

/// Whether a change may not concern the attribute, because the server sets it: a mark of the server, the project, or an
/// attribute of the vendor of servers.
pub(super) fn is_of_server(reference: &AttributeReference) -> bool {
    let AttributeReference::Vendor(VendorReference { vendor_identification, name }) = reference else { return false };
    let attribute = VendorAttribute {
        vendor_identification: vendor_identification.clone(),
        name: name.clone(),
        value: crate::kmip::ttlv::Value::Boolean(true),
    };
    vendor_identification == SERVERS_VENDOR || attribute.is_project() || is_mark(&attribute)
}

/// Refuses a Deactivation Date before the Activation Date.
pub(super) fn check_life(attributes: &Attributes) -> Result<(), Error> {
    match (attributes.activation_date, attributes.deactivation_date) {
        (Some(start), Some(end)) if end < start => {
            Err(Error::Invalid { tag: Tag::DeactivationDate, fault: "it is before the Activation Date" })
        }
        _ => Ok(()),
    }
}

/// Refuses a Protect Stop Date before the Process Start Date.
pub(super) fn check_use(attributes: &Attributes) -> Result<(), Error> {
    match (attributes.process_start_date, attributes.protect_stop_date) {
        (Some(start), Some(end)) if end < start => {
            Err(Error::Invalid { tag: Tag::ProtectStopDate, fault: "it is before the Process Start Date" })
        }
        _ => Ok(()),
    }
}

/// Checks the attributes of an object after a change of one of them.
///
/// # Errors
/// The new value is not valid for the object.
pub(super) fn check_changed(present: &Object, attributes: &Attributes, edit: &Edit) -> Result<(), Error> {
    let own = &present.attributes;
    match edit {
        Edit::Insert(new) | Edit::Replace(_, new) => {
            let reference = new.reference();
            let same = attributes.instances(&reference).into_iter().filter(|item| item == new.item());
            if same.count() > 1 {
                return Err(AttributeFault::Same(reference).into());
            }
            match new.item().tag {
                Tag::Name | Tag::AlternativeName => attributes.check_names()?,
                Tag::ActivationDate | Tag::DeactivationDate => check_life(attributes)?,
                Tag::ProcessStartDate | Tag::ProtectStopDate => check_use(attributes)?,
                _ => {}
            }
        }
        Edit::Remove(..) | Edit::RemoveAll(_) => {}
    }
    let (mask, former) = (attributes.cryptographic_usage_mask, own.cryptographic_usage_mask);
    if !former.unwrap_or_default().contains(mask.unwrap_or_default()) {
        return Err(AttributeFault::MaskGrows.into());
    }
    // What the key has encrypted could be decrypted by what is derived from it.
    if mask.is_some_and(only_derives) && !former.is_some_and(only_derives) {
        return Err(AttributeFault::WouldDerive.into());
    }
    // What the key has encrypted could be unwrapped as a key.
    let unwraps = mask.is_some_and(|mask| mask.contains(UsageMask::UNWRAP_KEY) && only_wraps(mask));
    if unwraps && !former.is_some_and(only_wraps) {
        return Err(AttributeFault::WouldUnwrap.into());
    }
    if !present.keeps_what_it_wraps() && present.keeps_what_it_wraps_with(attributes) {
        return Err(AttributeFault::WouldKeep.into());
    }
    for (tag, is_kept) in [
        (Tag::Sensitive, attributes.sensitive == own.sensitive),
        (Tag::Extractable, attributes.extractable == own.extractable),
    ] {
        if !is_kept {
            return Err(AttributeFault::OfClass(tag).into());
        }
    }
    let pair_links = |attributes: &Attributes| -> Vec<Link> {
        let link_type = present.kind.half().map(|half| half.link);
        let mut links = attributes.links.clone();
        links.retain(|link| link_type.is_some() && link.link_type == link_type);
        links
    };
    if pair_links(attributes) != pair_links(own) {
        return Err(AttributeFault::PairLink.into());
    }
    Ok(())
}
