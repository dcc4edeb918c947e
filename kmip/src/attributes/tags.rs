//! Tags: labels that callers choose. They are a vendor attribute whose text is a JSON array of strings.

use super::super::error::{Error, Fault};
use super::super::tag::Tag;
use super::super::ttlv::Value;
use super::{Attributes, VendorAttribute};

/// The vendor identification with which tags are written.
pub const TAG_VENDOR: &str = "claviger";
/// The largest number of tags of one object.
pub const TAGS: usize = 32;
/// The longest tag, in bytes.
pub const TAG_BYTES: usize = 255;

/// The vendor identification of Cosmian's server, whose clients continue to use it.
const OTHER_VENDOR: &str = "cosmian";
const ATTRIBUTE_NAME: &str = "tag";

/// Whether the vendor attribute of this vendor and name holds tags.
#[must_use]
pub fn are_tags(vendor: &str, name: &str) -> bool {
    [TAG_VENDOR, OTHER_VENDOR].contains(&vendor) && name == ATTRIBUTE_NAME
}

impl VendorAttribute {
    /// Whether this attribute holds tags.
    #[must_use]
    pub fn holds_tags(&self) -> bool {
        are_tags(&self.vendor_identification, &self.name)
    }

    /// Whether this attribute requests that the object be stored wrapped under another key of the caller.
    #[must_use]
    pub fn asks_for_wrapping(&self) -> bool {
        self.vendor_identification == OTHER_VENDOR && self.name == "wrapping_key_id"
    }

    fn tags(&self) -> Result<Vec<String>, Error> {
        let Value::TextString(text) = &self.value else {
            return Err(Fault::BadTags.into());
        };
        tags_of(text)
    }
}

/// Parses tags from a JSON array of strings.
///
/// # Errors
/// It is not such an array, is above the bounds of tags, or contains an empty tag.
pub fn tags_of(text: &str) -> Result<Vec<String>, Error> {
    let tags: Vec<String> = serde_json::from_str(text).map_err(|_| Fault::BadTags)?;
    if tags.len() > TAGS {
        return Err(Fault::TooMany { tag: Tag::AttributeValue, bound: TAGS }.into());
    }
    if tags.iter().any(|tag| tag.len() > TAG_BYTES) {
        return Err(Fault::TooLong(TAG_BYTES).into());
    }
    if tags.iter().any(String::is_empty) {
        return Err(Fault::Empty.into());
    }
    Ok(tags)
}

impl Attributes {
    /// The tags without repetitions, in the order in which they were given.
    #[must_use]
    pub fn tags(&self) -> Vec<String> {
        let mut tags = Vec::new();
        for attribute in self.vendor_attributes.iter().filter(|attribute| attribute.holds_tags()) {
            // Invalid lists of tags were refused when the attributes were read.
            for tag in attribute.tags().unwrap_or_default() {
                if !tags.contains(&tag) {
                    tags.push(tag);
                }
            }
        }
        tags
    }

    /// Replaces the tags.
    pub fn set_tags(&mut self, tags: &[String]) {
        self.vendor_attributes.retain(|attribute| !attribute.holds_tags());
        if !tags.is_empty() {
            self.vendor_attributes.push(VendorAttribute {
                vendor_identification: TAG_VENDOR.to_owned(),
                name: ATTRIBUTE_NAME.to_owned(),
                value: Value::TextString(serde_json::Value::from(tags).to_string()),
            });
        }
    }

    pub(super) fn check_tags(&self) -> Result<(), Error> {
        for attribute in self.vendor_attributes.iter().filter(|attribute| attribute.holds_tags()) {
            attribute.tags().map_err(|error| error.within(Tag::AttributeValue).within(Tag::Attribute))?;
        }
        if self.tags().len() > TAGS {
            return Err(Fault::TooMany { tag: Tag::AttributeValue, bound: TAGS }.into());
        }
        Ok(())
    }
}
