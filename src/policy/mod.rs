//! Who may do what: one model of owners, grants, roles and projects, and the one function that decides.

mod account;
mod action;
mod change;
mod conjur;
mod decide;
mod definition;
mod document;
mod duties;
mod file;
pub mod glob;
mod grants;
mod identity;
mod own;
mod ownership;
mod relation;
mod role;
mod subject;
mod terms;
#[cfg(test)]
mod tests;
mod trusted_network;
mod universal_auth;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rpds::{HashTrieMapSync, HashTrieSetSync};

pub use account::Account;
pub use action::{Action, Capability};
pub use conjur::{
    AuthenticatorDocument, HOST_TOKEN_LIFETIME, HostDocument, NO_RESTRICTION, aliases, authenticator_name, enforced,
    host_username,
};
pub use decide::{Decision, Properties, Refusal, Resource, Rule};
pub use definition::{Definition, Kind};
pub use document::{
    Documents, Effect, Fault, MAX_ENTRIES, MAX_NAME, PolicyDocument, ProjectDocument, RoleDocument, UserDocument,
    check_count, check_name,
};
pub use file::{FileError, TomlFile, read};
pub use grants::{Grant, Grantee, Grants, MAX_GRANTEES, Unreadable};
pub use identity::{
    ConfigurationType, IdentityDocument, JwtAuthDocument, JwtBounds, MAX_TOKEN_TTL, MemberFault, OidcAuthDocument,
    OrganizationRole, TokenSettings, check_jwt_auth, check_oidc_auth, identity_username, jwt_auth_basis,
    oidc_auth_basis,
};
pub use own::is_meant;
pub use subject::{Subject, SubjectError};
pub use terms::Terms;
pub use trusted_network::{TrustedNetwork, TrustedNetworkError};
pub use universal_auth::{MAX_CLIENT_ID, UniversalAuthDocument, check_universal_auth};

use crate::principal::Caller;
use document::MAX_PARTS;
use duties::Recovery;
use relation::{Name, Relation};
use role::{Role, Statement};

/// The longest description of a project, in bytes.
const MAX_DESCRIPTION: usize = 1024;

/// A map whose copies share what they have in common: to copy it costs nothing, and to change a copy costs one entry.
type Map<K, V> = HashTrieMapSync<K, V>;

/// Everything that decides beside the objects themselves. Copied, changed, then swapped.
#[derive(Debug, Default, Clone)]
pub struct Policy {
    /// `None`: everyone who is authenticated.
    create: Option<Vec<Subject>>,
    /// `None`: nobody is named.
    administrators: Option<Vec<Subject>>,
    auditors: Vec<Subject>,
    recovery: Recovery,
    /// Whether nothing has to be proved.
    default_mode: bool,
    statements: Map<String, Arc<Statement>>,
    /// What roles say, those that are faulty among them.
    role_documents: Map<String, RoleDocument>,
    roles: Map<String, Role>,
    users: Map<Subject, String>,
    projects: Map<String, HashMap<Subject, String>>,
    /// The projects that begin without environments.
    bare_projects: HashTrieSetSync<String>,
    /// The projects of which somebody is a member.
    memberships: Relation<Subject, String>,
    /// Exchanged identities by their user names.
    exchanged: Map<String, identity::Exchanged>,
    /// Identifiers of identities by their client ids.
    clients: Map<String, String>,
    /// The ways by which identities log in, each by its kind and identifier: what an access token rests on is the way of one identity.
    ways: HashTrieSetSync<(&'static str, String)>,
    authenticators: Map<String, Arc<AuthenticatorDocument>>,
    hosts: Map<String, conjur::KnownHost>,
    /// The hosts that have annotations for an authenticator, by its name, whether that is there or not.
    annotated: Relation<String, String>,
    /// Which definitions there are, faulty ones too, and how many of each kind.
    names: HashTrieSetSync<Name>,
    counts: BTreeMap<Kind, usize>,
    /// The definitions that name a definition, whether that is there or not: roles name policies, users and projects name roles.
    references: Relation<Name, Name>,
    /// What is wrong with a definition.
    faults: Map<Name, Vec<Fault>>,
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
        policy.add_duties(documents, &mut faults);
        faults.extend(policy.put_all(documents));
        (policy, faults)
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

    /// The names of the projects that are defined, in no order.
    pub fn projects(&self) -> impl Iterator<Item = &str> {
        self.projects.keys().map(String::as_str)
    }

    /// Whether a project has the environments of a new one until one is made or removed.
    #[must_use]
    pub fn has_default_environments(&self, project: &str) -> bool {
        !self.bare_projects.contains(project)
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

    /// The projects of which the caller is a member, by their names.
    #[must_use]
    pub fn projects_of(&self, caller: &Caller) -> Vec<String> {
        let own = self.memberships.of(&Subject::of(caller));
        let mut found: Vec<String> = own.chain(self.memberships.of(&Subject::Everyone)).cloned().collect();
        found.sort();
        found.dedup();
        found
    }

    /// Whether the caller is a member of a project.
    #[must_use]
    pub fn is_member(&self, caller: &Caller) -> bool {
        let own = self.memberships.of(&Subject::of(caller));
        own.chain(self.memberships.of(&Subject::Everyone)).next().is_some()
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
