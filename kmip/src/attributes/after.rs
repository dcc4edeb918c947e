//! The object after which a search continues, as a vendor attribute among the criteria of Locate.

use super::super::ttlv::Value;
use super::{Attributes, NotOneText, TAG_VENDOR, VendorAttribute};

const ATTRIBUTE_NAME: &str = "after";

impl VendorAttribute {
    fn is_after(&self) -> bool {
        self.vendor_identification == TAG_VENDOR && self.name == ATTRIBUTE_NAME
    }
}

impl Attributes {
    /// Takes out the Unique Identifier after which a search continues. It is not a property of the objects to find.
    ///
    /// # Errors
    /// The attribute is not a text, or is given several times.
    pub fn take_after(&mut self) -> Result<Option<String>, NotOneText> {
        self.take_text(VendorAttribute::is_after)
    }

    /// Makes a search continue after the object of this Unique Identifier.
    pub fn set_after(&mut self, id: &str) {
        self.vendor_attributes.retain(|attribute| !attribute.is_after());
        self.vendor_attributes.push(VendorAttribute {
            vendor_identification: TAG_VENDOR.to_owned(),
            name: ATTRIBUTE_NAME.to_owned(),
            value: Value::TextString(id.to_owned()),
        });
    }
}
