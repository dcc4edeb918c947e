//! The decision: who may do what with which object, and by which rule.

use super::action::Action;
use super::decision::{Decision, Refusal, Rule};
use super::grants::Grantee;
use super::identity::OrganizationRole;
use super::model::Policy;
use super::resource::Resource;
use super::role::Judgement;
use super::subject::Subject;
use crate::kmip::enumerations::Operation;
use crate::principal::{Caller, Method, Narrowing};

impl Policy {
    /// Decides whether `caller` may do `action` with the object.
    ///
    /// Limits come first: a narrowed credential, the caller's own role, a deny in the project. Then whatever gives it: to own
    /// the object, a grant, a role in its project, or the caller's own role where the object is in a project. What is
    /// in no project belongs to its owner only.
    ///
    /// # Errors
    /// The refusal, with the rule that decided.
    pub fn decide(&self, caller: &Caller, action: Action, resource: &Resource<'_>) -> Decision {
        if action == Action::Operation(Operation::Locate) {
            // Whoever may do something with an object may find it.
            return self.first_allowed(caller, resource);
        }
        self.check_account(caller, resource)?;
        let own_role = self.role_of(caller);
        let is_plain = own_role.is_none() && caller.narrowing.is_none() && resource.project.is_none();
        // What an identity of no access made for a project is the project's: whoever takes it out of there means that.
        let is_owner = resource.owner == caller.username.as_str()
            && self.organization_role(caller) != Some(OrganizationRole::NoAccess)
            && self.owns(caller, action, resource);
        if is_plain && is_owner {
            return Ok(Rule::Owner);
        }
        let names = if is_plain { Vec::new() } else { names(resource) };
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

    /// Whether the caller may know that the object exists: who may do anything with it may.
    ///
    /// # Errors
    /// The refusal of the first operation.
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

    /// Whether the caller may add an object, to a project if one is named.
    ///
    /// # Errors
    /// The refusal, with the rule that decided.
    pub fn decide_create(&self, caller: &Caller, action: Action, resource: &Resource<'_>) -> Decision {
        self.check_account(caller, resource)?;
        let names = names(resource);
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
            // The same for a project that there is not: its name is no business of those who are nobody there.
            (None, None) => Err(Refusal::UnknownProject),
        }
    }

    /// Whether the caller is one of those who may add objects at all, to a project or to none.
    ///
    /// # Errors
    /// The refusal, with the rule that decided.
    pub fn decide_adding(&self, caller: &Caller, project: Option<&str>) -> Decision {
        let named = match &self.create {
            None => Ok(Rule::Everyone),
            Some(subjects) => self.named(subjects, caller),
        };
        match self.organization_role(caller) {
            Some(OrganizationRole::Admin) => named.or(Ok(Rule::Administrator)),
            // What is in no project would be its own, and it has nothing of its own.
            Some(OrganizationRole::NoAccess) if project.is_none() => Err(Refusal::NoAccess),
            Some(OrganizationRole::NoAccess | OrganizationRole::Member) | None => named,
        }
    }

    /// Whether the caller may have the server do what concerns no object.
    ///
    /// # Errors
    /// The refusal, with the rule that decided.
    pub fn decide_server(&self, caller: &Caller, operation: Operation) -> Decision {
        let limits = caller.narrowing.as_ref().and_then(|narrowing| narrowing.operations.as_ref());
        if limits.is_some_and(|operations| !operations.contains(&operation)) {
            return Err(Refusal::Narrowed("operations"));
        }
        Ok(Rule::Everyone)
    }

    /// Whether the caller administers: roles, policies, users, projects, and reading the audit log.
    ///
    /// # Errors
    /// The refusal, with the rule that decided.
    pub fn decide_administer(&self, caller: &Caller) -> Decision {
        // Whoever can write roles could widen what the credential was narrowed to.
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
        // Whoever issues tokens must not choose who administers.
        let role = caller.role.is_none().then(|| self.configured_role(caller)).flatten();
        let role = role.map(|role| Subject::Role(role.into()));
        let means =
            |subject: &&Subject| **subject == own || Some(*subject) == role.as_ref() || **subject == Subject::Everyone;
        subjects.iter().find(means).map(|subject| Rule::Named(subject.clone())).ok_or(Refusal::NotNamed)
    }

    /// What a credential is limited to.
    pub(super) fn within(
        &self,
        narrowing: &Narrowing,
        action: Action,
        resource: &Resource<'_>,
        names: &[String],
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

    /// The policy by which a role allows it.
    fn ask_role<'a>(&'a self, name: &str, action: Action, names: &[String]) -> Result<&'a str, Refusal> {
        let role = || name.to_owned();
        let found = self.roles.get(name).ok_or_else(|| Refusal::UnknownRole(role()))?;
        match found.judge(action, names) {
            Judgement::Allowed { policy } => Ok(policy),
            Judgement::Denied { policy } => Err(Refusal::Policy { role: role(), policy: policy.to_owned() }),
            Judgement::Incapable(capability) => Err(Refusal::Capability { role: role(), capability }),
            Judgement::Silent => Err(Refusal::Silent { role: role() }),
        }
    }

    /// What the caller's roles in a project say: a deny refuses, an allow is a rule, and who has no role there has nothing.
    fn ask_members(
        &self,
        caller: &Caller,
        project: &str,
        action: Action,
        names: &[String],
    ) -> Result<Option<Rule>, Refusal> {
        let mut found = None;
        for role in self.roles_in(caller, project) {
            match self.ask_role(role, action, names) {
                Ok(policy) => {
                    let (project, role, policy) = (project.to_owned(), role.to_owned(), policy.to_owned());
                    found.get_or_insert(Rule::Member { project, role, policy });
                }
                // What a role that cannot be known would deny cannot be known either.
                Err(denied @ (Refusal::Policy { .. } | Refusal::UnknownRole(_))) => return Err(denied),
                // Another role of the caller's may give it.
                Err(_) => {}
            }
        }
        Ok(found)
    }
}

/// The names under which policies find an object.
pub(super) fn names(resource: &Resource<'_>) -> Vec<String> {
    let mut names = vec![format!("objects/{}", resource.id)];
    names.extend(resource.project.map(|project| format!("projects/{project}/{}", resource.id)));
    names.extend(resource.properties.tags().into_iter().map(|tag| format!("tags/{tag}")));
    names
}
