//! The project that holds an object, as a vendor attribute.

use super::super::ttlv::Value;
use super::{Attributes, TAG_VENDOR, VendorAttribute};

const ATTRIBUTE_NAME: &str = "project";

impl VendorAttribute {
    /// Whether this attribute names the project.
    #[must_use]
    pub fn is_project(&self) -> bool {
        self.vendor_identification == TAG_VENDOR && self.name == ATTRIBUTE_NAME
    }
}

impl Attributes {
    /// Takes out the project. It is not a property of the object, but decides about access to it.
    ///
    /// # Errors
    /// The attribute is not a text, or is given several times.
    pub fn take_project(&mut self) -> Result<Option<String>, NotAProject> {
        self.take_text(VendorAttribute::is_project).map_err(|NotOneText| NotAProject)
    }

    /// Takes out the attributes that `is_it` accepts, and returns their text if there is only one.
    pub(super) fn take_text(&mut self, is_it: fn(&VendorAttribute) -> bool) -> Result<Option<String>, NotOneText> {
        let (own, others) = std::mem::take(&mut self.vendor_attributes).into_iter().partition(is_it);
        self.vendor_attributes = others;
        let mut own: Vec<VendorAttribute> = own;
        match (own.pop(), own.pop()) {
            (None, _) => Ok(None),
            (Some(VendorAttribute { value: Value::TextString(text), .. }), None) => Ok(Some(text)),
            _ => Err(NotOneText),
        }
    }

    /// Sets the project.
    pub fn set_project(&mut self, project: &str) {
        self.vendor_attributes.retain(|attribute| !attribute.is_project());
        self.vendor_attributes.push(VendorAttribute {
            vendor_identification: TAG_VENDOR.to_owned(),
            name: ATTRIBUTE_NAME.to_owned(),
            value: Value::TextString(project.to_owned()),
        });
    }
}

/// The project attribute is not a text, or is given several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAProject;

/// An attribute that must be one text is not a text, or is given several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOneText;
