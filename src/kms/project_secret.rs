//! A secret of a project, by environment and folder.

use super::secret_details::SecretDetails;
use super::secret_path::last_number;
use super::secret_place::SecretPlace;
use crate::kmip::Attributes;
use crate::kmip::ttlv::DateTime;
use crate::secret::Bytes;

/// A secret as a list or a single answer shows it.
#[derive(Debug)]
pub struct ProjectSecret {
    /// Its object's identifier.
    pub id: String,
    /// Its environment and folder.
    pub place: SecretPlace,
    /// Its name in the folder.
    pub name: String,
    /// The number of the value.
    pub version: i64,
    /// The value; `None` if it was not requested, or the answer must not have it.
    pub value: Option<Bytes>,
    /// Comment, metadata, tags and reminder.
    pub details: SecretDetails,
    /// When the secret was made, in seconds since 1970-01-01 UTC.
    pub created: i64,
    /// When it was last changed, in seconds since 1970-01-01 UTC.
    pub updated: i64,
}

impl ProjectSecret {
    /// A secret with these attributes.
    pub(super) fn new(place: SecretPlace, name: &str, attributes: &Attributes, value: Option<Bytes>) -> Self {
        let date = |date: Option<DateTime>| date.map_or(0, |date| date.0);
        let id = attributes.unique_identifier.as_ref().and_then(|id| id.as_text()).unwrap_or_default();
        Self {
            id: id.to_owned(),
            place,
            name: name.to_owned(),
            version: last_number(attributes).unwrap_or_default(),
            value,
            details: SecretDetails::of(attributes),
            created: date(attributes.initial_date),
            updated: date(attributes.last_change_date),
        }
    }
}
