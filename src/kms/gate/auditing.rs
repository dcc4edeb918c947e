//! What leave to audit lets one do: read the audit log and the inventory.

use std::sync::Arc;

use super::super::object::Object;
use super::super::{Call, Error};
use super::Kms;
use crate::audit::search::{self, Filter, Found};
use crate::policy::Action;
use crate::store::{audit_head, inventory, object};

/// How much of the audit log one search reads, in bytes, and then to the end of the file.
const MAX_SEARCHED: u64 = 1 << 30;

/// Leave to read the audit log and the inventory.
pub(in crate::kms) struct AuditGrant<'a>(&'a Kms, &'a Call<'a>);

/// An object of the inventory.
pub(in crate::kms) struct Listed {
    pub(in crate::kms) id: String,
    /// `None` if its row cannot be believed.
    pub(in crate::kms) object: Option<Arc<Object>>,
    /// When its key was last used, in days since 1970-01-01 UTC.
    pub(in crate::kms) last_used: Option<i64>,
}

impl Kms {
    /// Decides whether the caller audits.
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
    /// The last checkpoint of the audit log that the database knows.
    pub(in crate::kms) fn audit_head(&self) -> Result<Option<String>, Error> {
        let known = self.0.store.read(|connection| Ok(audit_head::read(connection)?))?;
        Ok(known.and_then(|known| known.signed_line))
    }

    /// Lines of the audit log.
    pub(in crate::kms) fn search_audit(&self, filter: &Filter, limit: usize) -> Result<Found, Error> {
        let audit = self.0.audit.as_ref().ok_or(Error::NoAudit)?;
        let _alone = self.0.searching.try_lock().map_err(|_| Error::Searching)?;
        Ok(search::search(&audit.files()?, filter, limit, MAX_SEARCHED, &|| self.1.go_on().is_err())?)
    }

    /// Objects in the order of their creation: at most `limit`, those after the object `after`.
    pub(in crate::kms) fn objects(
        &self,
        filter: &inventory::Filter,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Listed>, Error> {
        let store = &self.0.store;
        let number = match after {
            None => 0,
            Some(id) => {
                let number = store.read(|connection| object::number(connection, id))?;
                number.ok_or_else(|| Error::NoPlace(id.to_owned()))?
            }
        };
        let rows = store.read(|connection| inventory::page(connection, filter, number, limit))?;
        let listed = |inventory::Entry { id, used }| {
            self.1.go_on()?;
            let last_used = used.max(self.0.last_uses.day_of(&id));
            Ok(Listed { object: self.0.found(&id)?, id, last_used })
        };
        rows.into_iter().map(listed).collect()
    }
}
