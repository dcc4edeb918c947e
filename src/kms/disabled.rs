//! Disabled keys: a state in addition to KMIP's, which clients of Hanzo and Infisical set and remove. It is an
//! attribute in the bound row of the object, and only the server sets it.

use super::error::Error;
use super::object::Object;
use crate::kmip::Attributes;
use crate::kmip::attributes::{TAG_VENDOR, VendorAttribute};
use crate::kmip::ttlv::Value;

/// The vendor attribute that is true for a disabled key; other keys do not have it.
const NAME: &str = "disabled";

/// Whether this is the attribute that marks a disabled key.
pub(super) fn is_own(attribute: &VendorAttribute) -> bool {
    attribute.vendor_identification == TAG_VENDOR && attribute.name == NAME
}

/// Whether a key with these attributes is disabled.
#[must_use]
pub fn is_disabled(attributes: &Attributes) -> bool {
    // Any value counts: the server writes only `true`, and an unexpected value must not enable a key.
    attributes.vendor_attributes.iter().any(is_own)
}

/// Disables the key, or enables it.
pub(super) fn set(attributes: &mut Attributes, is_disabled: bool) {
    attributes.vendor_attributes.retain(|attribute| !is_own(attribute));
    if is_disabled {
        attributes.vendor_attributes.push(VendorAttribute {
            vendor_identification: TAG_VENDOR.to_owned(),
            name: NAME.to_owned(),
            value: Value::Boolean(true),
        });
    }
}

/// Refuses the use of a disabled key.
///
/// # Errors
/// The key is disabled.
pub(super) fn check(object: &Object) -> Result<(), Error> {
    if is_disabled(&object.attributes) { Err(Error::Disabled(object.id.clone())) } else { Ok(()) }
}
