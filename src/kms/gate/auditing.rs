//! The reads that an audit permission allows: the audit log and the inventory.

use std::sync::Arc;

use super::super::call::Call;
use super::super::error::Error;
use super::super::list::CHUNK;
use super::super::object::Object;
use super::health::DatabaseHealth;
use super::service::Kms;
use crate::audit::search::{self, Filter, Found};
use crate::policy::Action;
use crate::store::{audit_head, inventory, object};

/// How much of the audit log one search reads, in bytes; the file in which the limit is reached is read to its end.
const MAX_SEARCHED: u64 = 1 << 30;

/// The permission to read the audit log and the inventory.
pub(in crate::kms) struct AuditGrant<'a>(&'a Kms, &'a Call<'a>);

impl Kms {
    /// Decides whether the caller is an auditor.
    pub(in crate::kms) fn authorize_audit<'a>(&'a self, call: &'a Call<'a>) -> Result<AuditGrant<'a>, Error> {
        match self.policy.load().decide_audit(call.caller()) {
            Ok(rule) => {
                call.trail.permitted(Action::Audit, None, rule);
                Ok(AuditGrant(self, call))
            }
            Err(refusal) => {
                self.refused(call, Action::Audit, None, &refusal)?;
                Err(Error::NotPermitted { action: Action::Audit.word(), refusal })
            }
        }
    }
}

impl AuditGrant<'_> {
    /// The last checkpoint of the audit log that the database has.
    pub(in crate::kms) fn audit_head(&self) -> Result<Option<String>, Error> {
        let known = audit_head::read(&self.0.store)?;
        Ok(known.and_then(|known| known.signed_line))
    }

    /// Lines of the audit log.
    pub(in crate::kms) fn search_audit(&self, filter: &Filter, limit: usize) -> Result<Found, Error> {
        let audit = self.0.audit.as_ref().ok_or(Error::NoAudit)?;
        let _alone = self.0.searching.try_lock().map_err(|_| Error::Searching)?;
        Ok(search::search(&audit.files()?, filter, limit, MAX_SEARCHED, &|| self.1.go_on().is_err())?)
    }

    /// What is known of the database.
    pub(in crate::kms) fn database(&self) -> DatabaseHealth {
        self.0.database_health()
    }

    /// The position in the order of creation after the object `after`; the beginning if it is `None`.
    pub(in crate::kms) fn place(&self, after: Option<&str>) -> Result<i64, Error> {
        let Some(id) = after else { return Ok(0) };
        let number = object::number(&self.0.store, id)?;
        number.ok_or_else(|| Error::NoPlace(id.to_owned()))
    }

    /// A chunk of the rows of objects in the order of creation, those after `number`.
    pub(in crate::kms) fn rows(&self, filter: &inventory::Filter, number: i64) -> Result<Vec<inventory::Entry>, Error> {
        Ok(inventory::page(&self.0.store, filter, number, CHUNK)?)
    }

    /// The object of a row; `None` if the row is not what the server wrote.
    pub(in crate::kms) fn object(&self, row: &inventory::Entry) -> Result<Option<Arc<Object>>, Error> {
        self.0.found(&row.id)
    }

    /// The day of the last use of a row's key, in days since 1970-01-01 UTC.
    pub(in crate::kms) fn last_used(&self, row: &inventory::Entry) -> Option<i64> {
        row.used.max(self.0.last_uses.day_of(&row.id))
    }
}
