//! The authorization decision: whether a caller may do an action with an object, and by which rule.

use super::action::Action;
use super::decision::{Decision, Refusal, Rule};
use super::grants::Grantee;
use super::identity::OrganizationRole;
use super::model::Policy;
use super::names::Names;
use super::resource::Resource;
use super::role::{Judgement, Role};
use super::subject::Subject;
use crate::kmip::enumerations::Operation;
use crate::principal::{Caller, Method, Narrowing};

impl Policy {
    /// Decides whether `caller` may do `action` with the object.
    ///
    /// Restrictions are checked first: those of the credential, the caller's own role, and a deny by a role in the
    /// project. Then any of these permits the action: owning the object, a grant, a role in the object's project, or,
    /// if the object is in a project, the caller's own role. An object that is in no project belongs to its owner only.
    ///
    /// # Errors
    /// The reason for the refusal.
    pub fn decide(&self, caller: &Caller, action: Action, resource: &Resource<'_>) -> Decision {
        if action == Action::Operation(Operation::Locate) {
            // A caller who may do anything with an object may locate it.
            return self.first_allowed(caller, resource);
        }
        self.check_account(caller, resource)?;
        let own_role = self.role_of(caller);
        let is_plain = own_role.is_none() && caller.narrowing.is_none() && resource.project.is_none();
        // A no-access identity does not own what it created in a project: the object belongs to the project. If an
        // administrator moves the object out of the project, the identity has no access to it.
        let is_owner = resource.owner == caller.username.as_str()
            && self.organization_role(caller) != Some(OrganizationRole::NoAccess)
            && self.owns(caller, action, resource);
        if is_plain && is_owner {
            return Ok(Rule::Owner);
        }
        let names = if is_plain { Names::default() } else { Names::of(resource) };
        if let Some(narrowing) = &caller.narrowing {
            self.within(narrowing, action, resource, &names)?;
        }
        let reach = match own_role {
            Some(role) => Some((role, self.ask_role(role, action, &names)?)),
            None => None,
        };
        let membership = match resource.project {
            Some(project) => self.ask_members(caller, project, action, &names)?,
            None => None,
        };
        if is_owner {
            return Ok(Rule::Owner);
        }
        if action == Action::Transfer {
            return Err(Refusal::Nothing);
        }
        let granted = |to: &Grantee| resource.grants.of(to).is_some_and(|actions| actions.contains(&action));
        let user = Grantee::User(caller.username.as_str().to_owned());
        let role = own_role.map(|role| Grantee::Role(role.to_owned()));
        if let Some(to) = [Some(user), role, Some(Grantee::Everyone)].into_iter().flatten().find(granted) {
            return Ok(Rule::Grant(to));
        }
        match (membership, reach, resource.project) {
            (Some(rule), ..) => Ok(rule),
            (None, Some((role, policy)), Some(project)) if self.has_project(project) => {
                Ok(Rule::Role { role: role.to_owned(), policy: policy.to_owned() })
            }
            _ => Err(Refusal::Nothing),
        }
    }

    /// Whether the caller may know that the object exists. A caller may if they may do anything with it.
    ///
    /// # Errors
    /// The reason for the refusal of the last action that was tried.
    fn first_allowed(&self, caller: &Caller, resource: &Resource<'_>) -> Decision {
        let mut refused = Err(Refusal::Nothing);
        for action in Action::on_objects() {
            refused = self.decide(caller, action, resource);
            if refused.is_ok() {
                return refused;
            }
        }
        refused
    }

    /// Whether the caller may add an object, and to the project if one is named.
    ///
    /// # Errors
    /// The reason for the refusal.
    pub fn decide_create(&self, caller: &Caller, action: Action, resource: &Resource<'_>) -> Decision {
        self.check_account(caller, resource)?;
        let names = Names::of(resource);
        if let Some(narrowing) = &caller.narrowing {
            self.within(narrowing, action, resource, &names)?;
        }
        let reach = match self.role_of(caller) {
            Some(role) => Some((role, self.ask_role(role, action, &names)?)),
            None => None,
        };
        let named = self.decide_adding(caller, resource.project)?;
        let Some(project) = resource.project else { return Ok(named) };
        if !self.has_project(project) {
            return Err(Refusal::UnknownProject);
        }
        match (self.ask_members(caller, project, action, &names)?, reach) {
            (Some(rule), _) => Ok(rule),
            (None, Some((role, policy))) => Ok(Rule::Role { role: role.to_owned(), policy: policy.to_owned() }),
            // The answer is the same as for a project that does not exist: callers without a role in a project must not
            // learn that it exists.
            (None, None) => Err(Refusal::UnknownProject),
        }
    }

    /// Whether the caller may add objects at all, to the project or, with `None`, outside of projects.
    ///
    /// # Errors
    /// The reason for the refusal.
    pub fn decide_adding(&self, caller: &Caller, project: Option<&str>) -> Decision {
        let named = match &self.create {
            None => Ok(Rule::Everyone),
            Some(subjects) => self.named(subjects, caller),
        };
        match self.organization_role(caller) {
            Some(OrganizationRole::Admin) => named.or(Ok(Rule::Administrator)),
            // An object in no project would belong to the identity, and a no-access identity owns nothing.
            Some(OrganizationRole::NoAccess) if project.is_none() => Err(Refusal::NoAccess),
            Some(OrganizationRole::NoAccess | OrganizationRole::Member) | None => named,
        }
    }

    /// Whether the caller may use an operation of the server that concerns no object. Roles limit only the generation of
    /// random bytes.
    ///
    /// # Errors
    /// The reason for the refusal.
    pub fn decide_server(&self, caller: &Caller, operation: Operation) -> Decision {
        let limits = caller.narrowing.as_ref().and_then(|narrowing| narrowing.operations.as_ref());
        if limits.is_some_and(|operations| !operations.contains(&operation)) {
            return Err(Refusal::Narrowed("operations"));
        }
        if operation == Operation::RNGRetrieve { self.decide_random(caller) } else { Ok(Rule::Everyone) }
    }

    /// Whether the caller may get random bytes. Every caller without a role may. Otherwise the role that the credential
    /// is limited to and the caller's own role must allow it; without an own role, one of the caller's roles in projects.
    ///
    /// # Errors
    /// The reason for the refusal.
    fn decide_random(&self, caller: &Caller) -> Decision {
        let action = Action::Operation(Operation::RNGRetrieve);
        if let Some(role) = caller.narrowing.as_ref().and_then(|narrowing| narrowing.role.as_deref()) {
            self.ask_role_of_server(role, action)?;
        }
        if let Some(role) = self.role_of(caller) {
            let policy = self.ask_role_of_server(role, action)?.to_owned();
            return Ok(Rule::Role { role: role.to_owned(), policy });
        }
        let mut refused = None;
        for project in self.projects_of(caller) {
            // A role that every caller has takes nothing away.
            let count = usize::from(self.is_member_by_name(caller, &project));
            for (number, role) in self.roles_in(caller, &project).enumerate() {
                match self.ask_role_of_server(role, action) {
                    Ok(policy) => {
                        let (role, policy) = (role.to_owned(), policy.to_owned());
                        return Ok(Rule::Member { project: project.clone(), role, policy });
                    }
                    Err(refusal) if number < count => refused = refused.or(Some(refusal)),
                    Err(_) => {}
                }
            }
        }
        refused.map_or(Ok(Rule::Everyone), Err)
    }

    /// Whether the caller is an administrator: they manage roles, policies, users and projects, and read the audit log.
    ///
    /// # Errors
    /// The reason for the refusal.
    pub fn decide_administer(&self, caller: &Caller) -> Decision {
        // An administrator can change roles, and so could widen a narrowed credential.
        if caller.narrowing.is_some() {
            return Err(Refusal::Narrowed("than administration"));
        }
        if self.organization_role(caller) == Some(OrganizationRole::Admin) {
            return Ok(Rule::Administrator);
        }
        match &self.administrators {
            None if self.default_mode && caller.method == Method::Default => Ok(Rule::DefaultMode),
            None => Err(Refusal::NotNamed),
            Some(subjects) => self.named(subjects, caller),
        }
    }

    pub(super) fn named(&self, subjects: &[Subject], caller: &Caller) -> Decision {
        let own = Subject::of(caller);
        // A role that comes from the credential does not count here. Otherwise the issuer of tokens would choose the
        // administrators.
        let role = caller.role.is_none().then(|| self.configured_role(caller)).flatten();
        let role = role.map(|role| Subject::Role(role.into()));
        let means =
            |subject: &&Subject| **subject == own || Some(*subject) == role.as_ref() || **subject == Subject::Everyone;
        subjects.iter().find(means).map(|subject| Rule::Named(subject.clone())).ok_or(Refusal::NotNamed)
    }

    /// Checks the action against the limits of a narrowed credential.
    pub(super) fn within(
        &self,
        narrowing: &Narrowing,
        action: Action,
        resource: &Resource<'_>,
        names: &Names,
    ) -> Result<(), Refusal> {
        if let Some(operations) = &narrowing.operations
            && !operations.iter().any(|operation| Action::Operation(*operation) == action)
        {
            return Err(Refusal::Narrowed("operations"));
        }
        if let Some(projects) = &narrowing.projects
            && !resource.project.is_some_and(|own| projects.iter().any(|project| project == own))
        {
            return Err(Refusal::Narrowed("projects"));
        }
        for (property, wanted) in &narrowing.properties {
            if !resource.properties.values(property).iter().any(|own| wanted.contains(own)) {
                return Err(Refusal::Narrowed("objects"));
            }
        }
        if let Some(role) = &narrowing.role {
            self.ask_role(role, action, names)?;
        }
        Ok(())
    }

    /// Returns the policy by which the role allows the action.
    fn ask_role<'a>(&'a self, name: &str, action: Action, names: &Names) -> Result<&'a str, Refusal> {
        self.ask(name, |role| role.judge(action, names))
    }

    /// The same for an operation that concerns no object.
    fn ask_role_of_server<'a>(&'a self, name: &str, action: Action) -> Result<&'a str, Refusal> {
        self.ask(name, |role| role.judge_server(action))
    }

    fn ask<'a>(&'a self, name: &str, judge: impl FnOnce(&'a Role) -> Judgement<'a>) -> Result<&'a str, Refusal> {
        let role = || name.to_owned();
        match judge(self.roles.get(name).ok_or_else(|| Refusal::UnknownRole(role()))?) {
            Judgement::Allowed { policy } => Ok(policy),
            Judgement::Denied { policy } => Err(Refusal::Policy { role: role(), policy: policy.to_owned() }),
            Judgement::Incapable(capability) => Err(Refusal::Capability { role: role(), capability }),
            Judgement::Silent => Err(Refusal::Silent { role: role() }),
        }
    }

    /// Evaluates the caller's roles in a project. A deny of any role refuses; an allow of any role is the rule. Returns
    /// `None` if the caller has no role there, or no role there allows the action.
    fn ask_members(
        &self,
        caller: &Caller,
        project: &str,
        action: Action,
        names: &Names,
    ) -> Result<Option<Rule>, Refusal> {
        let mut found = None;
        for role in self.roles_in(caller, project) {
            match self.ask_role(role, action, names) {
                Ok(policy) => {
                    let (project, role, policy) = (project.to_owned(), role.to_owned(), policy.to_owned());
                    found.get_or_insert(Rule::Member { project, role, policy });
                }
                // What an undefined role would deny is not known, so the action is refused.
                Err(denied @ (Refusal::Policy { .. } | Refusal::UnknownRole(_))) => return Err(denied),
                // Another role of the caller may allow it.
                Err(_) => {}
            }
        }
        Ok(found)
    }
}
