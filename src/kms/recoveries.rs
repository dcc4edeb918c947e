//! Recovery: an object whose owner has left gets a new owner, when enough recoverers have approved.

use super::bounds::MAX_REASON;
use super::call::Call;
use super::context::Context;
use super::error::{Error, NoEffect};
use super::gate::Kms;
use super::handover::{Kept, LIFE, RECOVERIES, Recovery, users};
use super::handover_fault::HandoverFault;
use super::list::{PageBuilder, Summary};
use super::object::Object;
use super::operation::Operation;
use super::ownership::KeptAccess;
use super::uuid;
use crate::policy::Subject;
use crate::principal::Username;
use crate::text::is_unprintable;

/// The proposal of a recoverer.
#[derive(Debug)]
pub struct Proposal {
    /// The user who will own the object.
    pub to: Username,
    /// The reason: 1 to [`MAX_REASON`] bytes of printable text.
    pub reason: String,
    /// Whether grants to other users and the project are kept.
    pub keep_access: bool,
}

/// A pending recovery, or one that was just completed.
#[derive(Debug)]
pub struct RecoveryEntry {
    /// Its identifier.
    pub id: String,
    /// The object's Unique Identifier.
    pub object: String,
    /// The object's owner.
    pub owner: String,
    /// The user who will own the object.
    pub to: String,
    /// The reason.
    pub reason: String,
    /// Whether grants to other users and the project are kept, as they were at the time of the proposal.
    pub keep_access: bool,
    /// The kept access: what existed at the time of the proposal and was not removed since.
    pub kept: KeptAccess,
    /// The recoverers who have approved, as the policy file writes them; the first one is the proposer.
    pub approvals: Vec<String>,
    /// The number of users who must approve.
    pub needed: usize,
    /// Whether enough users have approved, so that the new owner owns the object.
    pub done: bool,
    /// When it ends, in seconds since 1970-01-01 UTC.
    pub expires: i64,
    /// A summary of the object's attributes.
    pub summary: Summary,
}

impl Kms {
    /// Proposes a new owner for an object. The proposal is also the first approval. It is pending for 7 days.
    ///
    /// # Errors
    /// The caller is not a recoverer or would be the owner, the reason is not valid, or another proposal is pending.
    pub fn propose_recovery(
        &self,
        context: &Context<'_>,
        id: &str,
        proposal: &Proposal,
    ) -> Result<RecoveryEntry, Error> {
        let call = Call::new(context, Operation::ProposeRecovery);
        call.describe(described(proposal.to.as_str(), &proposal.reason, proposal.keep_access));
        self.recorded(&call, || {
            let grant = self.authorize_recovery_of(&call, id)?;
            check_reason(&proposal.reason)?;
            let mut recovery = Recovery {
                id: uuid::random()?,
                to: proposal.to.as_str().to_owned(),
                reason: proposal.reason.clone(),
                keep_access: proposal.keep_access,
                kept: Kept::default(),
                approvals: vec![Subject::of(call.caller()).to_string()],
                expires: call.now.0.saturating_add(LIFE),
            };
            let mut entry = None;
            grant.change_access(|object, access| {
                object.check_undestroyed(call.now)?;
                self.refuse_beneficiary(&call, object, &recovery.to)?;
                if access.owner == recovery.to {
                    return Err(NoEffect::Owner(access.owner.clone()).into());
                }
                if let Some(waiting) = access.pending.recovery.as_ref().filter(|waiting| waiting.is_open(call.now)) {
                    let (object, to, id) = (id.to_owned(), waiting.to.clone(), waiting.id.clone());
                    return Err(HandoverFault::RecoveryWaits { object, to, id }.into());
                }
                if recovery.keep_access {
                    recovery.kept = Kept::of(access);
                }
                entry = Some(self.recovery_entry(object, &recovery, &call));
                access.pending.recovery = Some(recovery);
                Ok(())
            })?;
            entry.ok_or(Error::Contention)
        })
    }

    /// Approves a recovery; the last necessary approval changes the owner.
    ///
    /// # Errors
    /// The caller is not a recoverer, has approved it already or would be the owner, or the recovery is not pending any
    /// more.
    pub fn approve_recovery(&self, context: &Context<'_>, id: &str, recovery: &str) -> Result<RecoveryEntry, Error> {
        let call = Call::new(context, Operation::ApproveRecovery);
        call.describe(recovery.to_owned());
        self.recorded(&call, || {
            let grant = self.authorize_recovery_of(&call, id)?;
            let mut entry = None;
            grant.change_access(|object, access| {
                object.check_undestroyed(call.now)?;
                let mut approved = access.pending.recovery(id, recovery)?.clone();
                call.describe(format!(
                    "{recovery}: {}",
                    described(&approved.to, &approved.reason, approved.keep_access)
                ));
                self.refuse_beneficiary(&call, object, &approved.to)?;
                if !approved.is_open(call.now) {
                    return Err(HandoverFault::RecoveryExpired(recovery.to_owned()).into());
                }
                let (approvals, is_new) = approved.with(call.caller(), |subject| self.is_recoverer(subject));
                approved.approvals = approvals;
                let mut told = self.recovery_entry(object, &approved, &call);
                told.done = users(&approved.approvals).len() >= told.needed;
                if told.done {
                    let by = approved.approvals.join(", ");
                    let (from, to) = (&access.owner, &approved.to);
                    let detail = format!("{recovery}: from the user {from:?} to the user {to:?}, approved by {by}");
                    call.conclude(Operation::Recover, detail);
                    match approved.keep_access {
                        true => access.pass_on_to(&approved.to, &approved.kept, object.leaves_project()),
                        false => access.pass_to(&approved.to, object.leaves_project()),
                    }
                } else if is_new {
                    access.pending.recovery = Some(approved);
                } else {
                    return Err(HandoverFault::Approved(recovery.to_owned()).into());
                }
                entry = Some(told);
                Ok(())
            })?;
            entry.ok_or(Error::Contention)
        })
    }

    /// Withdraws a proposal; every recoverer may do so.
    ///
    /// # Errors
    /// The caller is not a recoverer, or the recovery is not pending any more.
    pub fn withdraw_recovery(&self, context: &Context<'_>, id: &str, recovery: &str) -> Result<(), Error> {
        let call = Call::new(context, Operation::WithdrawRecovery);
        call.describe(recovery.to_owned());
        self.recorded(&call, || {
            let grant = self.authorize_recovery_of(&call, id)?;
            grant.change_access(|_, access| {
                access.pending.recovery(id, recovery)?;
                access.pending.recovery = None;
                Ok(())
            })
        })
    }

    /// Fills a page with pending recoveries, sorted by object identifier, after `after`. Returns the identifier after
    /// which the next page begins, if there may be one.
    ///
    /// # Errors
    /// The caller is not a recoverer, or store or HSM token is unavailable.
    pub fn recoveries(
        &self,
        context: &Context<'_>,
        after: &str,
        sheet: &mut PageBuilder<'_, RecoveryEntry>,
    ) -> Result<Option<String>, Error> {
        let call = Call::new(context, Operation::ListRecoveries);
        self.recorded(&call, || {
            let grant = self.authorize_recovery(&call)?;
            let read = |last: Option<&String>| grant.pending(RECOVERIES, last.map_or(after, String::as_str));
            sheet.fill(read, |id| {
                // The index is not bound; the object is.
                let Some(object) = self.found(id)? else { return Ok(None) };
                let waiting = object.access.pending.recovery.as_ref().filter(|own| own.is_open(call.now));
                Ok(waiting.map(|recovery| self.recovery_entry(&object, recovery, &call)))
            })
        })
    }

    fn recovery_entry(&self, object: &Object, recovery: &Recovery, call: &Call<'_>) -> RecoveryEntry {
        let Recovery { id, to, reason, keep_access, kept, approvals, expires } = recovery.clone();
        let kept =
            if keep_access { object.access.kept(&to, &kept, object.leaves_project()) } else { KeptAccess::default() };
        RecoveryEntry {
            id,
            object: object.id.clone(),
            owner: object.access.owner.clone(),
            to,
            reason,
            keep_access,
            kept,
            approvals,
            needed: self.recovery_approvals(),
            done: false,
            expires,
            summary: Summary::of(object, call.now),
        }
    }
}

/// The proposal as text for the audit log.
fn described(to: &str, reason: &str, keep_access: bool) -> String {
    let keeps = if keep_access { ", access stays" } else { "" };
    format!("to the user {to:?}{keeps}: {reason}")
}

fn check_reason(reason: &str) -> Result<(), Error> {
    let is_plain = !reason.trim().is_empty() && !reason.chars().any(is_unprintable);
    if is_plain && reason.len() <= MAX_REASON { Ok(()) } else { Err(Error::Reason) }
}
