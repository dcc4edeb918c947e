//! The inventory: what objects there are and whose, for those who administer or audit.

use super::access::MAX_OBJECTS;
use super::gate::Listed;
use super::operation::Operation;
use super::{Call, Context, Error, Kms, Page};
use crate::kmip::Attributes;
use crate::store::inventory::Filter;

/// An object of the inventory.
#[derive(Debug)]
pub struct InventoryEntry {
    /// Its Unique Identifier.
    pub id: String,
    /// What is known of it; `None` if its row was changed in the database and is refused.
    pub known: Option<Known>,
    /// When its key was last used, in days since 1970-01-01 UTC; `None` if never since uses are noted.
    pub last_used: Option<i64>,
}

/// What is known of an object.
#[derive(Debug)]
pub struct Known {
    /// The user who owns it.
    pub owner: String,
    /// The project that holds it.
    pub project: Option<String>,
    /// Its attributes, the state among them.
    pub attributes: Attributes,
}

impl Kms {
    /// Objects in the order of their creation: at most `limit` and at most [`MAX_OBJECTS`], those after the object `after`.
    ///
    /// # Errors
    /// The caller neither administers nor audits, there is no object `after`, or store or token are unavailable.
    pub fn inventory(
        &self,
        context: &Context<'_>,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<InventoryEntry>, Error> {
        let call = Call::new(context, Operation::ListObjects);
        call.describe(filter.to_string());
        self.recorded(&call, || {
            let limit = i64::try_from(limit.min(MAX_OBJECTS)).unwrap_or_default();
            let listed = self.authorize_audit(&call)?.objects(filter, after, limit)?;
            let is_full = i64::try_from(listed.len()).unwrap_or(i64::MAX) >= limit;
            let next = listed.last().filter(|_| is_full).map(|last| last.id.clone());
            // The columns that are searched are not bound; the object is.
            let belongs = |Listed { object, .. }: &Listed| {
                object
                    .as_ref()
                    .is_none_or(|object| filter.admits(&object.access.owner, object.access.project.as_deref()))
            };
            let entries = listed.into_iter().filter(belongs).map(|listed| entry(listed, &call)).collect();
            Ok(Page { entries, next })
        })
    }

    /// Writes the days of last uses that wait to be written.
    pub fn write_last_uses(&self) {
        if let Err(error) = self.try_write_last_uses() {
            tracing::warn!(%error, "when keys were last used is not written yet");
        }
    }
}

fn entry(listed: Listed, call: &Call<'_>) -> InventoryEntry {
    let Listed { id, object, last_used } = listed;
    let known = object.map(|object| {
        let (owner, project) = (object.access.owner.clone(), object.access.project.clone());
        Known { owner, project, attributes: object.shown(call.now) }
    });
    InventoryEntry { id, known, last_used }
}
