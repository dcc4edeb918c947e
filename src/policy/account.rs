//! Accounts of secrets. Each account is a project: the roles in the project decide who adds, reads and writes secrets.

use super::action::Action;
use super::conjur::HOST;
use super::decision::Refusal;
use super::model::Policy;
use super::resource::{Account, Resource};
use crate::kmip::enumerations::Operation;
use crate::principal::Caller;

impl Policy {
    /// Refuses two cases: a host that acts on a secret of another account, and a secret whose project does not exist.
    /// In the second case the project's roles could deny the action, but they cannot be evaluated.
    pub(super) fn check_account(&self, caller: &Caller, resource: &Resource<'_>) -> Result<(), Refusal> {
        let Some(account) = resource.properties.account() else { return Ok(()) };
        if self.account_of_host(caller).is_some_and(|own| own != account.name) {
            return Err(Refusal::OtherAccount);
        }
        if is_of_project(&account, resource) && !self.has_project(&account.name) {
            return Err(Refusal::NoProject(account.name));
        }
        Ok(())
    }

    /// Whether the caller has an owner's rights to an object that they own. For a secret of a project, ownership never
    /// permits reading or writing the value: only roles and grants do. All other actions on it require, in addition to
    /// ownership, a role in the project or a role of the caller's own.
    pub(super) fn owns(&self, caller: &Caller, action: Action, resource: &Resource<'_>) -> bool {
        let Some(project) = resource.project else { return true };
        if !resource.properties.account().is_some_and(|account| is_of_project(&account, resource)) {
            return true;
        }
        !matches!(action, Action::ReadSecret | Action::WriteSecret)
            && (self.roles_in(caller, project).next().is_some() || self.role_of(caller).is_some())
    }

    /// Whether the caller may do this action with every secret that the project holds, so that the caller of this
    /// function can skip the decision for each secret. `false` means only that each secret must be decided separately.
    pub fn permits_with_all(&self, caller: &Caller, project: &str, action: Action) -> bool {
        if action == Action::Operation(Operation::Locate) {
            // A caller who may do anything with an object may locate it.
            return Action::on_objects().any(|action| self.permits_with_all(caller, project, action));
        }
        if action == Action::Transfer {
            // No role permits it, only ownership.
            return false;
        }
        if caller.narrowing.is_some() || self.account_of_host(caller).is_some_and(|own| own != project) {
            return false;
        }
        let role = |name: &str| self.roles.get(name);
        let own = self.role_of(caller);
        let own_allows = own.is_none_or(|name| role(name).is_some_and(|role| role.allows_all(action)));
        let (mut allows, mut denies) = (own.is_some() && own_allows, false);
        for name in self.roles_in(caller, project) {
            allows |= role(name).is_some_and(|role| role.allows_all(action));
            denies |= role(name).is_none_or(|role| role.denies_some(action));
        }
        self.has_project(project) && own_allows && allows && !denies
    }

    /// The account of a host; `None` for callers who are not hosts. A host that is not defined gets the empty string,
    /// which is the name of no account.
    fn account_of_host(&self, caller: &Caller) -> Option<&str> {
        let id = caller.username.as_str().strip_prefix(HOST)?;
        Some(self.hosts.get(id).map_or("", |host| host.account()))
    }
}

/// Whether the secret belongs to the project of its account. False for secrets from before accounts were projects.
fn is_of_project(account: &Account, resource: &Resource<'_>) -> bool {
    !account.is_former && resource.project == Some(account.name.as_str())
}
