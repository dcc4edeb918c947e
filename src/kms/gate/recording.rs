//! The records that the gate makes for the audit log.

use super::super::call::Call;
use super::super::error::Error;
use super::super::object::Object;
use super::service::Kms;
use crate::audit::Record;
use crate::kmip::ttlv::DateTime;
use crate::policy::{Action, Refusal};
use crate::store;

impl Kms {
    /// Notes that the key of an object is used at `now`.
    pub(in crate::kms) fn note_use_of(&self, object: &Object, now: DateTime) {
        self.last_uses.note(object, now);
    }

    /// Closes the audit log. No operation may follow.
    pub fn close(&self) {
        self.write_last_uses();
        if let Err(error) = self.tokens.settle() {
            tracing::warn!(%error, "reserved uses of access tokens are lost");
        }
        if let Some(audit) = &self.audit {
            audit.close();
        }
    }

    /// Writes the days of the last uses of keys.
    pub(in crate::kms) fn try_write_last_uses(&self) -> Result<(), store::Error> {
        self.last_uses.write(&self.store)
    }

    /// Opens the audit log again at its path, after the file was renamed.
    pub fn reopen_audit(&self) {
        if let Some(audit) = &self.audit {
            audit.reopen();
        }
    }

    /// Counts a failed authentication from an address in the audit log. `method` and `reason` are the server's own
    /// words, not input of the caller.
    pub fn failed_authentication(&self, network: std::net::IpAddr, method: &'static str, reason: &'static str) {
        if let Some(audit) = &self.audit {
            audit.failed_authentication(network, method, reason);
        }
    }

    /// The public key of the audit log, in DER.
    pub(in crate::kms) fn audit_key(&self) -> Vec<u8> {
        self.custody.audit_public_key()
    }

    /// Records a refusal. The record is on disk before the answer.
    pub(super) fn refused(
        &self,
        call: &Call<'_>,
        action: Action,
        object: Option<&str>,
        refusal: &Refusal,
    ) -> Result<(), Error> {
        tracing::info!(user = %call.caller().username, %action, object, reason = %refusal, "refused");
        self.record(|| call.refusal(action, object, refusal))
    }

    /// Records something that changes nothing. The record is on disk before the answer.
    pub(super) fn record(&self, record: impl FnOnce() -> Record) -> Result<(), Error> {
        let Some(audit) = &self.audit else { return Ok(()) };
        audit.write(vec![record()]).map(drop).map_err(Error::Audit)
    }

    /// Records several of these at once.
    pub(super) fn record_all(&self, records: Vec<Record>) -> Result<(), Error> {
        let Some(audit) = &self.audit else { return Ok(()) };
        audit.write(records).map(drop).map_err(Error::Audit)
    }

    /// Checks that the audit log can be written now.
    pub(in crate::kms) fn can_record(&self) -> Result<(), Error> {
        self.audit.as_ref().map_or(Ok(()), |audit| audit.admit()).map_err(Error::Audit)
    }

    /// Records a use of a key. The record is on disk within a second.
    pub(in crate::kms) fn note(&self, record: Record) -> Result<(), Error> {
        self.audit.as_ref().map_or(Ok(()), |audit| audit.note(record)).map_err(Error::Audit)
    }
}
