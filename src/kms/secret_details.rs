//! The details of a secret: comment, tags and metadata. They are not encrypted, and are bound with the object's row.

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::place_fault::PlaceFault;
use super::secret_path;
use crate::kmip::Attributes;

/// Maximum length of all details as JSON, in bytes; less than a vendor attribute can hold.
const MAX_DETAILS: usize = 12 << 10;

/// The details of a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretDetails {
    /// A comment for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Identifiers of its tags, which belong to its project.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Keys and values that clients set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<(String, String)>,
    /// The text of a reminder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminder_note: Option<String>,
    /// The number of days until the reminder. This server sends no reminders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminder_days: Option<i64>,
    /// Whether clients leave line breaks in the value as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_multiline_encoding: Option<bool>,
}

/// A change of the details; what is `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct DetailsChange {
    /// Comment.
    pub comment: Option<String>,
    /// Tags.
    pub tags: Option<Vec<String>>,
    /// Metadata.
    pub metadata: Option<Vec<(String, String)>>,
    /// The text of a reminder.
    pub reminder_note: Option<String>,
    /// The number of days until the reminder.
    pub reminder_days: Option<i64>,
    /// Whether clients leave line breaks as they are.
    pub skip_multiline_encoding: Option<bool>,
}

impl SecretDetails {
    /// The details in the attributes of an object that holds a secret.
    pub(super) fn of(attributes: &Attributes) -> Self {
        // Only the server writes them, and the row is bound.
        secret_path::details(attributes).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// The details after a change.
    pub(super) fn changed(mut self, change: &DetailsChange) -> Self {
        let DetailsChange { comment, tags, metadata, reminder_note, reminder_days, skip_multiline_encoding } = change;
        if let Some(comment) = comment {
            self.comment.clone_from(comment);
        }
        if let Some(tags) = tags {
            self.tags.clone_from(tags);
        }
        if let Some(metadata) = metadata {
            self.metadata.clone_from(metadata);
        }
        if reminder_note.is_some() {
            self.reminder_note.clone_from(reminder_note);
        }
        self.reminder_days = reminder_days.or(self.reminder_days);
        self.skip_multiline_encoding = skip_multiline_encoding.or(self.skip_multiline_encoding);
        self
    }

    /// Writes the details into the attributes of the object.
    ///
    /// # Errors
    /// They are too long.
    pub(super) fn put(&self, attributes: &mut Attributes) -> Result<(), Error> {
        let text = serde_json::to_string(self).unwrap_or_default();
        if text.len() > MAX_DETAILS {
            return Err(PlaceFault::Details(MAX_DETAILS).into());
        }
        secret_path::set_details(attributes, (*self != Self::default()).then_some(text));
        Ok(())
    }
}
