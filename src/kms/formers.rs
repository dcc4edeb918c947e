//! The keys that an object replaces: policies know a replacement by their identifiers also. These are an attribute in the
//! bound row of the object, which only the server sets and no caller sees.

use super::lifecycle_fault::LifecycleFault;
use crate::kmip::Attributes;
use crate::kmip::attributes::{TAG_VENDOR, VendorAttribute};
use crate::kmip::ttlv::Value;

/// The vendor attribute with the identifiers, the first of the chain first. No identifier contains a space.
const NAME: &str = "formers";

/// Maximum number of identifiers of one object. Only those that policies tell apart count.
const MAX_FORMERS: usize = 16;

/// Whether this is the attribute with the identifiers.
pub(super) fn is_own(attribute: &VendorAttribute) -> bool {
    attribute.vendor_identification == TAG_VENDOR && attribute.name == NAME
}

/// The identifiers of the keys that an object with these attributes replaces, the first of the chain first.
pub(super) fn of(attributes: &Attributes) -> Vec<String> {
    let own = attributes.vendor_attributes.iter().find(|attribute| is_own(attribute));
    match own.map(|attribute| &attribute.value) {
        Some(Value::TextString(text)) => text.split_whitespace().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Sets the identifiers of the object `id`, which follows `former`: those of `former`, and its own if it is another object.
pub(super) fn follow(attributes: &mut Attributes, (former, own): (&str, &Attributes), id: &str) {
    let mut formers = of(own);
    if former != id {
        formers.push(former.to_owned());
    }
    put(attributes, &formers);
}

/// Sets the identifiers.
///
/// # Errors
/// There are more than [`MAX_FORMERS`].
pub(super) fn set(attributes: &mut Attributes, formers: &[String]) -> Result<(), LifecycleFault> {
    if formers.len() > MAX_FORMERS {
        return Err(LifecycleFault::Formers(MAX_FORMERS));
    }
    put(attributes, formers);
    Ok(())
}

/// Removes the attribute from what a caller sees.
pub(super) fn hide(attributes: &mut Attributes) {
    attributes.vendor_attributes.retain(|attribute| !is_own(attribute));
}

fn put(attributes: &mut Attributes, formers: &[String]) {
    hide(attributes);
    if formers.is_empty() {
        return;
    }
    attributes.vendor_attributes.push(VendorAttribute {
        vendor_identification: TAG_VENDOR.to_owned(),
        name: NAME.to_owned(),
        value: Value::TextString(formers.join(" ")),
    });
}
