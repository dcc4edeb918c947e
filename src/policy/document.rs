//! Roles, policies, users and projects as they are written down: in the policy file and in the database.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::conjur::{AuthenticatorDocument, HostDocument};
use super::file::FileError;
use super::identity::IdentityDocument;
use super::subject::Subject;

/// Everything that the file can say, in the tables of TOML.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Documents {
    /// Who may create objects; every authenticated caller if absent.
    pub create: Option<Vec<String>>,
    /// Who administers.
    pub administrators: Option<Vec<String>>,
    /// Who reads the audit log and the inventory, beside those who administer.
    pub auditors: Option<Vec<String>>,
    /// Who recovers objects, with others of them.
    pub recoverers: Option<Vec<String>>,
    /// How many of them a recovery takes.
    pub recovery_approvals: Option<u32>,
    /// Roles by name.
    pub roles: BTreeMap<String, RoleDocument>,
    /// Policies by name.
    pub policies: BTreeMap<String, PolicyDocument>,
    /// Roles of users, by who they are.
    pub users: BTreeMap<String, UserDocument>,
    /// Projects by name.
    pub projects: BTreeMap<String, ProjectDocument>,
    /// Exchanged identities by their identifiers.
    pub identities: BTreeMap<String, IdentityDocument>,
    /// Conjur's authenticators by `ACCOUNT/SERVICE`.
    pub authenticators: BTreeMap<String, AuthenticatorDocument>,
    /// Conjur's hosts by their identifiers.
    pub hosts: BTreeMap<String, HostDocument>,
    /// The IAM file from which some of it comes, as it was read.
    #[serde(skip)]
    pub iam_file: Option<Arc<str>>,
}

/// A role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleDocument {
    /// Kinds of operations, or `*`.
    pub capabilities: Vec<String>,
    /// Names of policies.
    pub policies: Vec<String>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// Whether it allows or denies.
    pub policy_type: Effect,
    /// Patterns of operations.
    pub operations: Vec<String>,
    /// Patterns of resources: `objects/ID`, `projects/PROJECT/ID`, `tags/TAG`.
    pub resources: Vec<String>,
    /// Why an operation is asked for. No request says so here: `*` alone is taken, other words are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<String>>,
}

/// What a policy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Allows what no policy of the role denies.
    Allow,
    /// Denies, whatever allows.
    Deny,
}

/// The role of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserDocument {
    /// Its name.
    pub role: String,
}

/// A project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectDocument {
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What the clients of Hanzo and Infisical call it beside its name, which is their slug; for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What those clients say that it is for; it decides nothing.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub project_type: Option<String>,
    /// When it was made and last changed by such a client, in seconds since 1970-01-01 UTC; 0 if it never was.
    #[serde(skip_serializing_if = "is_zero")]
    pub created_at: i64,
    /// See `created_at`.
    #[serde(skip_serializing_if = "is_zero")]
    pub updated_at: i64,
    /// Roles by who has them here.
    pub members: BTreeMap<String, String>,
}

/// Whether a time was never set.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(time: &i64) -> bool {
    *time == 0
}

impl Documents {
    /// The same with each user written in one way, so that the same user elsewhere is seen to be the same.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        let one_way = |(name, user): (String, UserDocument)| {
            (Subject::parse(&name).map_or_else(|_| name.clone(), |subject| subject.to_string()), user)
        };
        self.users = self.users.into_iter().map(one_way).collect();
        self
    }

    /// This and what another file of the configuration says.
    ///
    /// # Errors
    /// Both define the same.
    pub fn joined(mut self, other: Self) -> Result<Self, FileError> {
        fn join<T>(
            kind: &'static str,
            own: &mut BTreeMap<String, T>,
            other: BTreeMap<String, T>,
        ) -> Result<(), FileError> {
            for (name, document) in other {
                if own.contains_key(&name) {
                    return Err(FileError::TwoFiles { kind, name });
                }
                own.insert(name, document);
            }
            Ok(())
        }
        join("role", &mut self.roles, other.roles)?;
        join("policy", &mut self.policies, other.policies)?;
        join("user", &mut self.users, other.users)?;
        join("project", &mut self.projects, other.projects)?;
        join("identity", &mut self.identities, other.identities)?;
        join("authenticator", &mut self.authenticators, other.authenticators)?;
        join("host", &mut self.hosts, other.hosts)?;
        self.iam_file = other.iam_file.or(self.iam_file);
        Ok(self)
    }

    /// The same with what `stronger` says in the place of what this says under the same name.
    #[must_use]
    pub fn overridden(mut self, stronger: &Self) -> Self {
        self.create = stronger.create.clone().or(self.create);
        self.administrators = stronger.administrators.clone().or(self.administrators);
        self.auditors = stronger.auditors.clone().or(self.auditors);
        self.recoverers = stronger.recoverers.clone().or(self.recoverers);
        self.recovery_approvals = stronger.recovery_approvals.or(self.recovery_approvals);
        let Self { roles, policies, users, projects, identities, authenticators, hosts, .. } = stronger.clone();
        self.roles.extend(roles);
        self.policies.extend(policies);
        self.users.extend(users);
        self.projects.extend(projects);
        self.identities.extend(identities);
        self.authenticators.extend(authenticators);
        self.hosts.extend(hosts);
        self
    }
}
