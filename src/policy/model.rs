//! Everything that decides beside the objects themselves: who has which role, where, and what roles permit.

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

/// Everything that decides beside the objects themselves. Copied, changed, then swapped.
#[derive(Debug, Default, Clone)]
pub struct Policy {
    /// `None`: everyone who is authenticated.
    pub(super) create: Option<Vec<Subject>>,
    /// `None`: nobody is named.
    pub(super) administrators: Option<Vec<Subject>>,
    pub(super) auditors: Vec<Subject>,
    pub(super) recovery: Recovery,
    /// Whether nothing has to be proved.
    pub(super) default_mode: bool,
    pub(super) statements: Map<String, Arc<Statement>>,
    /// What roles say, those that are faulty among them.
    pub(super) role_documents: Map<String, RoleDocument>,
    pub(super) roles: Map<String, Role>,
    pub(super) users: Map<Subject, String>,
    pub(super) projects: Map<String, HashMap<Subject, String>>,
    /// The projects that begin without environments.
    pub(super) bare_projects: HashTrieSetSync<String>,
    /// The projects of which somebody is a member.
    pub(super) memberships: Relation<Subject, String>,
    /// Exchanged identities by their user names.
    pub(super) exchanged: Map<String, Exchanged>,
    /// Identifiers of identities by their client ids.
    pub(super) clients: Map<String, String>,
    /// The ways by which identities log in, each by its kind and identifier: what an access token rests on is the way of one identity.
    pub(super) ways: HashTrieSetSync<(&'static str, String)>,
    pub(super) authenticators: Map<String, Arc<AuthenticatorDocument>>,
    pub(super) hosts: Map<String, KnownHost>,
    /// The hosts that have annotations for an authenticator, by its name, whether that is there or not.
    pub(super) annotated: Relation<String, String>,
    /// Which definitions there are, faulty ones too, and how many of each kind.
    pub(super) names: HashTrieSetSync<Name>,
    pub(super) counts: BTreeMap<Kind, usize>,
    /// The definitions that name a definition, whether that is there or not: roles name policies, users and projects name roles.
    pub(super) references: Relation<Name, Name>,
    /// What is wrong with a definition.
    pub(super) faults: Map<Name, Vec<Fault>>,
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
    pub(super) fn configured_role(&self, caller: &Caller) -> Option<&str> {
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
    pub(super) fn roles_in(&self, caller: &Caller, project: &str) -> impl Iterator<Item = &str> {
        let members = self.projects.get(project);
        let subject = members.map(|_| Subject::of(caller));
        let own = members.zip(subject.as_ref()).and_then(|(members, subject)| members.get(subject));
        let everyone = members.and_then(|members| members.get(&Subject::Everyone));
        own.into_iter().chain(everyone).map(String::as_str)
    }
}
