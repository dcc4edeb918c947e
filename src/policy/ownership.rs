//! Decides which caller may become the owner of an object.

use super::action::Action;
use super::decision::{Decision, Refusal, Rule};
use super::identity::OrganizationRole;
use super::model::Policy;
use super::names::Names;
use super::resource::Resource;
use crate::principal::Caller;

impl Policy {
    /// Whether the caller may become the owner of an object that is offered to the user `receiver`. The caller's own
    /// role is not checked, because it will restrict the new owner as well. A narrowed credential must permit
    /// `transfer` of the object.
    ///
    /// # Errors
    /// The reason for the refusal.
    pub fn decide_accept(&self, caller: &Caller, receiver: Option<&str>, resource: &Resource<'_>) -> Decision {
        if let Some(narrowing) = &caller.narrowing {
            self.within(narrowing, Action::Transfer, resource, &Names::of(resource))?;
        }
        if self.organization_role(caller) == Some(OrganizationRole::NoAccess) {
            return Err(Refusal::NoAccess);
        }
        if receiver == Some(caller.username.as_str()) { Ok(Rule::Offered) } else { Err(Refusal::NotOffered) }
    }
}
