//! The inventory: all objects and their owners, for administrators and auditors.

use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::Kms;
use super::list::{PageBuilder, Summary};
use super::object::Object;
use super::operation::Operation;
use crate::kmip::ttlv::DateTime;
use crate::store::inventory::{Entry, Filter};

/// An object of the inventory.
#[derive(Debug)]
pub struct InventoryEntry {
    /// Its Unique Identifier.
    pub id: String,
    /// The properties of the object; `None` if its row was changed in the database and is refused.
    pub known: Option<Known>,
    /// The day of the last use of its key, in days since 1970-01-01 UTC; `None` if there was no use since uses are
    /// noted.
    pub last_used: Option<i64>,
}

/// The properties of an object.
#[derive(Debug)]
pub struct Known {
    /// The owner.
    pub owner: String,
    /// The project that holds it.
    pub project: Option<String>,
    /// A summary of its attributes.
    pub summary: Summary,
    /// Its dates.
    pub dates: Dates,
}

/// The dates of an object, by the names of KMIP 2.1 section 4.
#[derive(Debug)]
pub struct Dates {
    /// Initial Date.
    pub initial: Option<DateTime>,
    /// Activation Date.
    pub activation: Option<DateTime>,
    /// Process Start Date.
    pub process_start: Option<DateTime>,
    /// Protect Stop Date.
    pub protect_stop: Option<DateTime>,
    /// Deactivation Date.
    pub deactivation: Option<DateTime>,
    /// Compromise Date.
    pub compromise: Option<DateTime>,
    /// Destroy Date.
    pub destroy: Option<DateTime>,
    /// Last Change Date.
    pub last_change: Option<DateTime>,
}

impl Kms {
    /// Fills a page with objects in the order of their creation, those after the object `after`. Returns the object
    /// after which the next page begins, if there may be one.
    ///
    /// # Errors
    /// The caller is neither administrator nor auditor, there is no object `after`, or store or HSM token is
    /// unavailable.
    pub fn inventory(
        &self,
        context: &Context<'_>,
        filter: &Filter,
        after: Option<&str>,
        sheet: &mut PageBuilder<'_, InventoryEntry>,
    ) -> Result<Option<String>, Error> {
        let call = Call::new(context, Operation::ListObjects);
        call.describe(filter.to_string());
        self.recorded(&call, || {
            let grant = self.authorize_audit(&call)?;
            let begin = grant.place(after)?;
            let read = |last: Option<&Entry>| grant.rows(filter, last.map_or(begin, |last| last.number));
            let last = sheet.fill(read, |row| {
                let object = grant.object(row)?;
                // The columns of the search are not bound; the object is.
                let belongs = object
                    .as_ref()
                    .is_none_or(|object| filter.admits(&object.access.owner, object.access.project.as_deref()));
                let known = object.map(|object| Known::of(&object, call.now));
                let entry = InventoryEntry { id: row.id.clone(), known, last_used: grant.last_used(row) };
                Ok(belongs.then_some(entry))
            })?;
            Ok(last.map(|last| last.id))
        })
    }

    /// Writes the days of last uses that are not written yet.
    pub fn write_last_uses(&self) {
        if let Err(error) = self.try_write_last_uses() {
            tracing::warn!(%error, "the days of the last uses of keys are not written yet");
        }
    }
}

impl Known {
    fn of(object: &Object, now: DateTime) -> Self {
        let own = &object.attributes;
        let dates = Dates {
            initial: own.initial_date,
            activation: own.activation_date,
            process_start: own.process_start_date,
            protect_stop: own.protect_stop_date,
            deactivation: own.deactivation_date,
            compromise: own.compromise_date,
            destroy: own.destroy_date,
            last_change: own.last_change_date,
        };
        let (owner, project) = (object.access.owner.clone(), object.access.project.clone());
        Self { owner, project, summary: Summary::of(object, now), dates }
    }
}
