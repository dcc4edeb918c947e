//! Who may become the owner of an object.

use super::action::Action;
use super::decide::names;
use super::decision::{Decision, Refusal, Rule};
use super::identity::OrganizationRole;
use super::model::Policy;
use super::resource::Resource;
use crate::principal::Caller;

impl Policy {
    /// Whether the caller may become the owner of an object that is offered to the user `receiver`. What their own role limits
    /// it goes on to limit when the object is theirs; what their credential is limited to must hold for a transfer of it.
    ///
    /// # Errors
    /// The refusal, with the rule that decided.
    pub fn decide_accept(&self, caller: &Caller, receiver: Option<&str>, resource: &Resource<'_>) -> Decision {
        if let Some(narrowing) = &caller.narrowing {
            self.within(narrowing, Action::Transfer, resource, &names(resource))?;
        }
        if self.organization_role(caller) == Some(OrganizationRole::NoAccess) {
            return Err(Refusal::NoAccess);
        }
        if receiver == Some(caller.username.as_str()) { Ok(Rule::Offered) } else { Err(Refusal::NotOffered) }
    }
}
