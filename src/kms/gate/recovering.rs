//! What leave to recover lets one do.

use super::super::call::Call;
use super::super::error::Error;
use super::super::object::Object;
use super::service::{Grant, Kms, ServerGrant};
use crate::policy::{Action, Refusal, Subject};

impl Kms {
    /// Decides whether the caller recovers objects. Those who do not learn nothing of any object.
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

    /// The same on an object, whose owner has no say in it.
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

    /// Refuses to let the new owner decide.
    pub(in crate::kms) fn refuse_beneficiary(&self, call: &Call<'_>, object: &Object, to: &str) -> Result<(), Error> {
        if call.caller().username.as_str() != to {
            return Ok(());
        }
        let refusal = Refusal::Beneficiary;
        self.refused(call, Action::Recover, Some(&object.id), &refusal)?;
        Err(Error::NotPermitted { action: Action::Recover.word(), refusal })
    }

    /// Whether the policy file names somebody as a recoverer.
    pub(in crate::kms) fn is_recoverer(&self, subject: &Subject) -> bool {
        self.policy.load().is_recoverer(subject)
    }

    /// How many users have to approve a recovery.
    pub(in crate::kms) fn recovery_approvals(&self) -> usize {
        self.policy.load().recovery_approvals()
    }
}
