//! The policy: everything that decides about access, except the objects' own owners and grants.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rpds::HashTrieSetSync;

use super::conjur::{AuthenticatorDocument, KnownHost};
use super::definition::{Documents, Kind};
use super::document::RoleDocument;
use super::fault::Fault;
use super::identity::Exchanged;
use super::recovery::Recovery;
use super::relation::{Map, Name, Relation};
use super::role::{Role, Statement};
use super::subject::{Subject, subjects};
use crate::principal::Caller;

/// A user or member as a definition names it, with the role. The order is that of the names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) role: String,
}

/// Everything that decides about access, except the objects' own owners and grants. To change the policy, the server
/// changes a copy and puts it in place of the former one.
#[derive(Debug, Default, Clone)]
pub struct Policy {
    /// The subjects who may create objects; `None` for every authenticated caller.
    pub(super) create: Option<Vec<Subject>>,
    /// The administrators; `None` if none are named.
    pub(super) administrators: Option<Vec<Subject>>,
    pub(super) auditors: Vec<Subject>,
    pub(super) recovery: Recovery,
    /// Whether the server runs without authentication.
    pub(super) default_mode: bool,
    pub(super) statements: Map<String, Arc<Statement>>,
    /// The documents of all roles, including faulty ones.
    pub(super) role_documents: Map<String, RoleDocument>,
    pub(super) roles: Map<String, Role>,
    /// The users with their roles. Of the spellings of one user, the first is the one that counts.
    pub(super) users: Map<Subject, Vec<Listed>>,
    pub(super) projects: Map<String, HashMap<Subject, Listed>>,
    /// The projects that begin without environments.
    pub(super) bare_projects: HashTrieSetSync<String>,
    /// The projects of each member.
    pub(super) memberships: Relation<Subject, String>,
    /// Exchanged identities by their user names.
    pub(super) exchanged: Map<String, Exchanged>,
    /// Identifiers of identities by client id.
    pub(super) clients: Map<String, String>,
    /// The ways of logging in of all identities, each as its kind and identifier. A way belongs to one identity,
    /// because it is the basis of access tokens.
    pub(super) ways: HashTrieSetSync<(&'static str, String)>,
    pub(super) authenticators: Map<String, Arc<AuthenticatorDocument>>,
    pub(super) hosts: Map<String, KnownHost>,
    /// The hosts that have annotations for an authenticator, by the name of the authenticator, whether it is defined or
    /// not.
    pub(super) annotated: Relation<String, String>,
    /// The names of all definitions, including faulty ones.
    pub(super) names: HashTrieSetSync<Name>,
    pub(super) counts: BTreeMap<Kind, usize>,
    /// The definitions that refer to a definition, whether that is defined or not. Roles refer to policies; users and
    /// projects refer to roles.
    pub(super) references: Relation<Name, Name>,
    /// The faults of each faulty definition.
    pub(super) faults: Map<Name, Vec<Fault>>,
}

impl Policy {
    /// Builds a policy from documents. With `default_mode` the server runs without authentication, and the default user
    /// is the administrator if none are named.
    ///
    /// # Errors
    /// The first fault, with the keys that lead to it.
    pub fn new(documents: &Documents, default_mode: bool) -> Result<Self, Fault> {
        let (policy, faults) = Self::lenient(documents, default_mode);
        faults.into_iter().next().map_or(Ok(policy), Err)
    }

    /// Builds a policy from documents and leaves out faulty definitions. That never gives more access: users keep a
    /// role that is left out, and it permits nothing; the members of a project lose what the project loses.
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

    /// The names of the projects that are defined, in no particular order.
    pub fn projects(&self) -> impl Iterator<Item = &str> {
        self.projects.keys().map(String::as_str)
    }

    /// Whether a project has the environments of a new project until one is added or removed.
    #[must_use]
    pub fn has_default_environments(&self, project: &str) -> bool {
        !self.bare_projects.contains(project)
    }

    /// The caller's role: the one from their credential, otherwise the one from the configuration.
    #[must_use]
    pub fn role_of<'a>(&'a self, caller: &'a Caller) -> Option<&'a str> {
        caller.role.as_deref().or_else(|| self.configured_role(caller))
    }

    /// The caller's role from the configuration.
    pub(super) fn configured_role(&self, caller: &Caller) -> Option<&str> {
        if self.users.is_empty() {
            return None;
        }
        self.users.get(&Subject::of(caller))?.first().map(|listed| listed.role.as_str())
    }

    /// The names of the projects of which the caller is a member, sorted.
    #[must_use]
    pub fn projects_of(&self, caller: &Caller) -> Vec<String> {
        let own = self.memberships.of(&Subject::of(caller));
        let mut found: Vec<String> = own.chain(self.memberships.of(&Subject::Everyone)).cloned().collect();
        found.sort();
        found.dedup();
        found
    }

    /// Whether the caller is a member of any project.
    #[must_use]
    pub fn is_member(&self, caller: &Caller) -> bool {
        let own = self.memberships.of(&Subject::of(caller));
        own.chain(self.memberships.of(&Subject::Everyone)).next().is_some()
    }

    /// Whether the project lists the caller among its members, and not only every caller.
    pub(super) fn is_member_by_name(&self, caller: &Caller, project: &str) -> bool {
        self.projects.get(project).is_some_and(|members| members.contains_key(&Subject::of(caller)))
    }

    /// The members of a project with their roles there, as the policy file writes them, sorted.
    #[must_use]
    pub fn members_of(&self, project: &str) -> Vec<(String, String)> {
        let members = self.projects.get(project).into_iter().flatten();
        let mut found: Vec<_> = members.map(|(subject, own)| (subject.to_string(), own.role.clone())).collect();
        found.sort();
        found
    }

    /// The roles that the caller has in a project: their own, and the role of `*`.
    pub(super) fn roles_in(&self, caller: &Caller, project: &str) -> impl Iterator<Item = &str> {
        let members = self.projects.get(project);
        let subject = members.map(|_| Subject::of(caller));
        let own = members.zip(subject.as_ref()).and_then(|(members, subject)| members.get(subject));
        let everyone = members.and_then(|members| members.get(&Subject::Everyone));
        own.into_iter().chain(everyone).map(|own| own.role.as_str())
    }
}
