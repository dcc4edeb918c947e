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
        let (projects, others) =
            std::mem::take(&mut self.vendor_attributes).into_iter().partition(|one| one.is_project());
        self.vendor_attributes = others;
        let mut projects: Vec<VendorAttribute> = projects;
        match (projects.pop(), projects.pop()) {
            (None, _) => Ok(None),
            (Some(VendorAttribute { value: Value::TextString(name), .. }), None) => Ok(Some(name)),
            _ => Err(NotAProject),
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
