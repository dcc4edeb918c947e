//! Who may do what: one model of owners, grants, roles and projects, and the one function that decides.

mod account;
mod action;
mod conjur;
mod decide;
mod document;
mod file;
pub mod glob;
mod grants;
mod identity;
mod role;
mod subject;
#[cfg(test)]
mod tests;
mod trusted_network;

use std::collections::HashMap;
use std::sync::Arc;

pub use account::Account;
pub use action::{Action, Capability};
pub use conjur::{
    AuthenticatorDocument, HostDocument, NO_RESTRICTION, aliases, authenticator_name, enforced, host_username,
};
pub use decide::{Decision, Properties, Refusal, Resource, Rule};
pub use document::{
    Documents, Effect, Fault, MAX_ENTRIES, MAX_NAME, PolicyDocument, ProjectDocument, RoleDocument, UserDocument,
    check_count, check_name,
};
pub use file::{FileError, TomlFile, read};
pub use grants::{Grant, Grantee, Grants, MAX_GRANTEES, Unreadable};
pub use identity::{
    ConfigurationType, IdentityDocument, JwtAuthDocument, MAX_TOKEN_TTL, OrganizationRole, identity_username,
    jwt_auth_basis,
};
pub use subject::{Subject, SubjectError};
pub use trusted_network::{TrustedNetwork, TrustedNetworkError};

use crate::principal::Caller;
use document::MAX_PARTS;
use role::{Role, Statement};

/// The longest description of a project, in bytes.
const MAX_DESCRIPTION: usize = 1024;

/// Everything that decides beside the objects themselves. Built whole, then swapped.
#[derive(Debug, Default)]
pub struct Policy {
    /// `None`: everyone who is authenticated.
    create: Option<Vec<Subject>>,
    /// `None`: nobody is named.
    administrators: Option<Vec<Subject>>,
    /// Whether nothing has to be proved.
    default_mode: bool,
    roles: HashMap<String, Role>,
    users: HashMap<Subject, String>,
    projects: HashMap<String, HashMap<Subject, String>>,
    /// Exchanged identities by their user names.
    exchanged: HashMap<String, identity::Exchanged>,
    authenticators: HashMap<String, Arc<AuthenticatorDocument>>,
    hosts: HashMap<String, Arc<HostDocument>>,
}

impl Policy {
    /// Reads documents. `default_mode`: nothing has to be proved, and so the default user administers if nobody is named.
    ///
    /// # Errors
    /// The first fault, with the keys that lead to it.
    pub fn new(documents: &Documents, default_mode: bool) -> Result<Self, Fault> {
        let (policy, faults) = Self::lenient(documents, default_mode);
        faults.into_iter().next().map_or(Ok(policy), Err)
    }

    /// Reads documents and leaves out what is faulty. Nobody gains by it: a role that is left out permits nothing to those
    /// who have it, and they keep it; what a project loses, its members lose.
    #[must_use]
    pub fn lenient(documents: &Documents, default_mode: bool) -> (Self, Vec<Fault>) {
        let mut faults = Vec::new();
        let mut policy = Self { default_mode, ..Self::default() };
        let nobody = |faults: &mut Vec<Fault>, fault| {
            faults.push(fault);
            Some(Vec::new())
        };
        policy.create =
            subjects("create", documents.create.as_deref()).unwrap_or_else(|fault| nobody(&mut faults, fault));
        policy.administrators = subjects("administrators", documents.administrators.as_deref())
            .unwrap_or_else(|fault| nobody(&mut faults, fault));
        let mut statements = HashMap::new();
        faults.extend(check_count(&["policies"], documents.policies.len(), MAX_ENTRIES).err());
        for (name, document) in &documents.policies {
            match check_name(&["policies", name], name).and_then(|()| Statement::new(name, document)) {
                Ok(statement) => drop(statements.insert(name.as_str(), Arc::new(statement))),
                Err(fault) => faults.push(fault),
            }
        }
        faults.extend(check_count(&["roles"], documents.roles.len(), MAX_ENTRIES).err());
        for (name, document) in &documents.roles {
            let find = |statement: &str| statements.get(statement).map(Arc::clone);
            match check_name(&["roles", name], name).and_then(|()| Role::new(name, document, find)) {
                Ok(role) => drop(policy.roles.insert(name.clone(), role)),
                Err(fault) => faults.push(fault),
            }
        }
        policy.add_users(documents, &mut faults);
        policy.add_projects(documents, &mut faults);
        faults.extend(check_count(&["identities"], documents.identities.len(), MAX_ENTRIES).err());
        policy.add_identities(documents, &mut faults);
        faults.extend(check_count(&["authenticators"], documents.authenticators.len(), MAX_PARTS).err());
        faults.extend(check_count(&["hosts"], documents.hosts.len(), MAX_ENTRIES).err());
        policy.add_conjur(documents, &mut faults);
        (policy, faults)
    }

    fn add_users(&mut self, documents: &Documents, faults: &mut Vec<Fault>) {
        faults.extend(check_count(&["users"], documents.users.len(), MAX_ENTRIES).err());
        for (name, document) in &documents.users {
            faults.extend(self.check_role(&["users", name, "role"], &document.role).err());
            match person(&["users", name], name) {
                Ok(subject) if self.users.contains_key(&subject) => {
                    faults.push(Fault::at(&["users", name], "the same user stands there in another spelling"));
                }
                Ok(subject) => drop(self.users.insert(subject, document.role.clone())),
                Err(fault) => faults.push(fault),
            }
        }
    }

    fn add_projects(&mut self, documents: &Documents, faults: &mut Vec<Fault>) {
        faults.extend(check_count(&["projects"], documents.projects.len(), MAX_ENTRIES).err());
        for (name, document) in &documents.projects {
            let bounded = check_name(&["projects", name], name)
                .and_then(|()| check_count(&["projects", name, "members"], document.members.len(), MAX_PARTS));
            faults.extend(bounded.err());
            if document.description.as_ref().is_some_and(|text| text.len() > MAX_DESCRIPTION) {
                let problem = format!("it is longer than {MAX_DESCRIPTION} bytes");
                faults.push(Fault::at(&["projects", name, "description"], problem));
            }
            let members = self.members(name, document, faults);
            self.projects.insert(name.clone(), members);
        }
    }

    fn members(&self, project: &str, document: &ProjectDocument, faults: &mut Vec<Fault>) -> HashMap<Subject, String> {
        let mut members = HashMap::new();
        for (member, role) in &document.members {
            let path = ["projects", project, "members", member];
            faults.extend(self.check_role(&path, role).err());
            match person(&path, member) {
                Ok(subject) if members.contains_key(&subject) => {
                    faults.push(Fault::at(&path, "the same member stands there in another spelling"));
                }
                Ok(subject) => drop(members.insert(subject, role.clone())),
                Err(fault) => faults.push(fault),
            }
        }
        members
    }

    fn check_role(&self, path: &[&str], role: &str) -> Result<(), Fault> {
        if self.has_role(role) { Ok(()) } else { Err(Fault::at(path, format!("there is no role {role:?}"))) }
    }

    /// Whether a role of this name is defined.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains_key(role)
    }

    /// Whether a project of this name is defined.
    #[must_use]
    pub fn has_project(&self, project: &str) -> bool {
        self.projects.contains_key(project)
    }

    /// The caller's role: the one that their credential gives, else the one that the configuration gives.
    #[must_use]
    pub fn role_of<'a>(&'a self, caller: &'a Caller) -> Option<&'a str> {
        caller.role.as_deref().or_else(|| self.configured_role(caller))
    }

    /// The role that the configuration gives to the caller.
    fn configured_role(&self, caller: &Caller) -> Option<&str> {
        if self.users.is_empty() {
            return None;
        }
        self.users.get(&Subject::of(caller)).map(String::as_str)
    }

    /// The projects in which the caller may find something: those of which they are a member, or all that there are if
    /// they have a role of their own.
    #[must_use]
    pub fn projects_of(&self, caller: &Caller) -> Vec<String> {
        let everywhere = self.role_of(caller).is_some();
        let subject = Subject::of(caller);
        let is_open = |members: &HashMap<Subject, String>| everywhere || is_member(members, &subject);
        let mut found: Vec<String> =
            self.projects.iter().filter(|(_, members)| is_open(members)).map(|(name, _)| name.clone()).collect();
        found.sort();
        found
    }

    /// The members of a project as the policy file writes them, with their roles there, in the order of their names.
    #[must_use]
    pub fn members_of(&self, project: &str) -> Vec<(String, String)> {
        let members = self.projects.get(project).into_iter().flatten();
        let mut found: Vec<_> = members.map(|(subject, role)| (subject.to_string(), role.clone())).collect();
        found.sort();
        found
    }

    /// The roles that the caller has in a project: their own there, and everyone's.
    fn roles_in(&self, caller: &Caller, project: &str) -> impl Iterator<Item = &str> {
        let members = self.projects.get(project);
        let subject = members.map(|_| Subject::of(caller));
        let own = members.zip(subject.as_ref()).and_then(|(members, subject)| members.get(subject));
        let everyone = members.and_then(|members| members.get(&Subject::Everyone));
        own.into_iter().chain(everyone).map(String::as_str)
    }
}

fn is_member(members: &HashMap<Subject, String>, subject: &Subject) -> bool {
    members.contains_key(subject) || members.contains_key(&Subject::Everyone)
}

fn subjects(key: &str, texts: Option<&[String]>) -> Result<Option<Vec<Subject>>, Fault> {
    let Some(texts) = texts else { return Ok(None) };
    check_count(&[key], texts.len(), MAX_PARTS)?;
    let parse = |text: &String| Subject::parse(text).map_err(|error| Fault::at(&[key], format!("{text:?}: {error}")));
    texts.iter().map(parse).collect::<Result<_, _>>().map(Some)
}

/// Somebody to whom a role is given: no role.
fn person(path: &[&str], text: &str) -> Result<Subject, Fault> {
    match Subject::parse(text) {
        Ok(Subject::Role(_)) => Err(Fault::at(path, "a role has no role: name its users")),
        Ok(Subject::Everyone) if path.first() == Some(&"users") => {
            Err(Fault::at(path, "not everyone can have a role of their own; `*` may be a member of a project"))
        }
        Ok(subject) => Ok(subject),
        Err(error) => Err(Fault::at(path, error.to_string())),
    }
}
