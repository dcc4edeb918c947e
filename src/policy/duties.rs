//! Duties that the policy file alone gives: to audit, and to recover what belongs to people who left.

use std::collections::BTreeSet;

use super::decide::{Decision, Refusal};
use super::document::{Documents, Fault};
use super::subject::Subject;
use super::{Policy, subjects};
use crate::principal::Caller;

/// Approvals that a recovery takes where the policy file does not say.
const APPROVALS: u32 = 2;

/// Fewer would be no dual control.
const MIN_APPROVALS: u32 = 2;

/// More have never been there at one time.
const MAX_APPROVALS: u32 = 16;

/// Who recovers objects, and how many of them it takes.
#[derive(Debug, Default, Clone)]
pub(super) struct Recovery {
    recoverers: Vec<Subject>,
    approvals: u32,
}

impl Policy {
    /// Reads who has which duty. What is faulty gives it to nobody.
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

    /// Whether the caller may read the audit log and the inventory: administrators and auditors may.
    ///
    /// # Errors
    /// The refusal, with the rule that decided.
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
    /// The refusal, with the rule that decided.
    pub fn decide_recover(&self, caller: &Caller) -> Decision {
        if caller.narrowing.is_some() {
            return Err(Refusal::Narrowed("than recoveries"));
        }
        self.named(&self.recovery.recoverers, caller)
    }

    /// Whether the policy file names somebody as a recoverer.
    #[must_use]
    pub fn is_recoverer(&self, subject: &Subject) -> bool {
        self.recovery.recoverers.contains(subject)
    }

    /// How many users have to approve a recovery.
    #[must_use]
    pub fn recovery_approvals(&self) -> usize {
        usize::try_from(self.recovery.approvals.max(MIN_APPROVALS)).unwrap_or(usize::MAX)
    }
}

/// Reads and checks who recovers. A recoverer is one person, made one only by the operator: administrators give
/// roles, and define identities and hosts.
fn recovery(documents: &Documents) -> Result<Recovery, Fault> {
    let approvals = documents.recovery_approvals.unwrap_or(APPROVALS);
    if !(MIN_APPROVALS..=MAX_APPROVALS).contains(&approvals) {
        let problem = format!("{approvals}: it is {MIN_APPROVALS} to {MAX_APPROVALS}");
        return Err(Fault::at(&["recovery_approvals"], problem));
    }
    let found = subjects("recoverers", documents.recoverers.as_deref())?;
    if found.is_none() && documents.recovery_approvals.is_none() {
        return Ok(Recovery::default());
    }
    let key = if found.is_some() { "recoverers" } else { "recovery_approvals" };
    let recoverers = found.unwrap_or_default();
    let is_person = |subject: &&Subject| matches!(subject, Subject::Certificate(_) | Subject::Jwt { .. });
    if let Some(other) = recoverers.iter().find(|subject| !is_person(subject)) {
        let problem =
            format!("{:?}: a recoverer is one person: NAME, certificate:NAME or jwt:ISSUER#NAME", other.to_string());
        return Err(Fault::at(&[key], problem));
    }
    // The same name is the same user, however it is proved.
    let names: BTreeSet<&str> = recoverers.iter().filter_map(Subject::name).collect();
    let (count, needed) = (names.len(), usize::try_from(approvals).unwrap_or(usize::MAX));
    if count < needed {
        let problem = format!(
            "{count} users are named as recoverers, and a recovery takes the approvals of {approvals} (recovery_approvals): \
             name more recoverers"
        );
        return Err(Fault::at(&[key], problem));
    }
    Ok(Recovery { recoverers, approvals })
}
