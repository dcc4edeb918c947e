//! Duties that only the policy file gives: auditing, and recovering objects of users who left.

use super::decision::{Decision, Refusal};
use super::definition::Documents;
use super::fault::Fault;
use super::model::Policy;
use super::recovery::{MIN_APPROVALS, recovery};
use super::subject::{Subject, subjects};
use crate::principal::Caller;

impl Policy {
    /// Reads the auditors and recoverers. A faulty list gives the duty to no subject.
    pub(super) fn add_duties(&mut self, documents: &Documents, faults: &mut Vec<Fault>) {
        match subjects("auditors", documents.auditors.as_deref()) {
            Ok(auditors) => self.auditors = auditors.unwrap_or_default(),
            Err(fault) => faults.push(fault),
        }
        match recovery(documents) {
            Ok(recovery) => self.recovery = recovery,
            Err(fault) => faults.push(fault),
        }
    }

    /// Whether the caller may read the audit log and the inventory. Administrators and auditors may.
    ///
    /// # Errors
    /// The reason for the refusal.
    pub fn decide_audit(&self, caller: &Caller) -> Decision {
        match self.decide_administer(caller) {
            Err(Refusal::Narrowed(_)) => Err(Refusal::Narrowed("than the audit log and the inventory")),
            Err(Refusal::NotNamed) => self.named(&self.auditors, caller),
            decided => decided,
        }
    }

    /// Whether the caller may propose and approve recoveries.
    ///
    /// # Errors
    /// The reason for the refusal.
    pub fn decide_recover(&self, caller: &Caller) -> Decision {
        if caller.narrowing.is_some() {
            return Err(Refusal::Narrowed("than recoveries"));
        }
        self.named(&self.recovery.recoverers, caller)
    }

    /// Whether the policy file names the subject as a recoverer.
    #[must_use]
    pub fn is_recoverer(&self, subject: &Subject) -> bool {
        self.recovery.recoverers.contains(subject)
    }

    /// The number of users who must approve a recovery.
    #[must_use]
    pub fn recovery_approvals(&self) -> usize {
        usize::try_from(self.recovery.approvals.max(MIN_APPROVALS)).unwrap_or(usize::MAX)
    }
}
