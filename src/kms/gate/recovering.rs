//! The recovery of objects, which the policy permits to recoverers.

use super::super::call::Call;
use super::super::error::Error;
use super::super::object::Object;
use super::service::{Grant, Kms, ServerGrant};
use crate::policy::{Action, Refusal, Subject};

impl Kms {
    /// Decides whether the caller is a recoverer. Other callers get no information about any object.
    pub(in crate::kms) fn authorize_recovery<'a>(&'a self, call: &'a Call<'a>) -> Result<ServerGrant<'a>, Error> {
        match self.policy.load().decide_recover(call.caller()) {
            Ok(rule) => {
                call.trail.permitted(Action::Recover, None, rule);
                Ok(ServerGrant { kms: self, call })
            }
            Err(refusal) => {
                self.refused(call, Action::Recover, None, &refusal)?;
                Err(Error::NotPermitted { action: Action::Recover.word(), refusal })
            }
        }
    }

    /// Decides whether the caller may recover this object. The owner's grants do not matter for it.
    pub(in crate::kms) fn authorize_recovery_of<'a>(
        &'a self,
        call: &'a Call<'a>,
        id: &str,
    ) -> Result<Grant<'a>, Error> {
        match self.policy.load().decide_recover(call.caller()) {
            Ok(_) => self.authorize_action(call, Action::Recover, id),
            Err(refusal) => {
                self.refused(call, Action::Recover, Some(id), &refusal)?;
                Err(Error::NotPermitted { action: Action::Recover.word(), refusal })
            }
        }
    }

    /// Refuses if the caller is the new owner: recoverers may not approve a recovery to themselves.
    pub(in crate::kms) fn refuse_beneficiary(&self, call: &Call<'_>, object: &Object, to: &str) -> Result<(), Error> {
        if call.caller().username.as_str() != to {
            return Ok(());
        }
        let refusal = Refusal::Beneficiary;
        self.refused(call, Action::Recover, Some(&object.id), &refusal)?;
        Err(Error::NotPermitted { action: Action::Recover.word(), refusal })
    }

    /// Whether the policy file names this subject as a recoverer.
    pub(in crate::kms) fn is_recoverer(&self, subject: &Subject) -> bool {
        self.policy.load().is_recoverer(subject)
    }

    /// The number of users who must approve a recovery.
    pub(in crate::kms) fn recovery_approvals(&self) -> usize {
        self.policy.load().recovery_approvals()
    }
}
