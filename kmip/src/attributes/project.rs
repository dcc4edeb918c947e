//! The project that holds an object, carried as a vendor attribute.

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
    /// Takes the project out: it is no property of the object but decides who may use it. `Err` if it is no text, or given
    /// several times.
    ///
    /// # Errors
    /// What was given instead of one text.
    pub fn take_project(&mut self) -> Result<Option<String>, NotAProject> {
        self.take_text(VendorAttribute::is_project).map_err(|NotOneText| NotAProject)
    }

    /// Takes the one text out that the attribute holds which `is_it` tells from others.
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

    /// Names the project.
    pub fn set_project(&mut self, project: &str) {
        self.vendor_attributes.retain(|attribute| !attribute.is_project());
        self.vendor_attributes.push(VendorAttribute {
            vendor_identification: TAG_VENDOR.to_owned(),
            name: ATTRIBUTE_NAME.to_owned(),
            value: Value::TextString(project.to_owned()),
        });
    }
}

/// The attribute is no text, or stands there several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAProject;

/// An attribute that is one text is no text, or stands there several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOneText;
