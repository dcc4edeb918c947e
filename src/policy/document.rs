//! The documents that define roles, policies, users and projects, as they are written in the policy file and the
//! database.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::conjur::{AuthenticatorDocument, HostDocument};
use super::file::FileError;
use super::identity::IdentityDocument;
use super::subject::Subject;

/// The content of the policy file. Each field is a key or table of its TOML.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Documents {
    /// The subjects who may create objects; every authenticated caller if absent.
    pub create: Option<Vec<String>>,
    /// The administrators.
    pub administrators: Option<Vec<String>>,
    /// The subjects who may read the audit log and the inventory, in addition to the administrators.
    pub auditors: Option<Vec<String>>,
    /// The subjects who may propose and approve recoveries of objects.
    pub recoverers: Option<Vec<String>>,
    /// The number of recoverers who must approve a recovery.
    pub recovery_approvals: Option<u32>,
    /// Roles by name.
    pub roles: BTreeMap<String, RoleDocument>,
    /// Policies by name.
    pub policies: BTreeMap<String, PolicyDocument>,
    /// Roles of users, by subject.
    pub users: BTreeMap<String, UserDocument>,
    /// Projects by name.
    pub projects: BTreeMap<String, ProjectDocument>,
    /// Exchanged identities by their identifiers.
    pub identities: BTreeMap<String, IdentityDocument>,
    /// Conjur's authenticators by `ACCOUNT/SERVICE`.
    pub authenticators: BTreeMap<String, AuthenticatorDocument>,
    /// Conjur's hosts by their identifiers.
    pub hosts: BTreeMap<String, HostDocument>,
    /// The text of the IAM file from which some of the definitions come.
    #[serde(skip)]
    pub iam_file: Option<Arc<str>>,
}

/// A role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleDocument {
    /// Names of capabilities, or `*`.
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
    /// Reasons for an operation. Requests have no reasons, so only `*` is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<String>>,
}

/// The effect of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// The policy allows what no policy of the role denies.
    Allow,
    /// The policy denies, even if other policies allow.
    Deny,
}

/// The role of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserDocument {
    /// The name of the role.
    pub role: String,
}

/// A project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectDocument {
    /// A description for readers. It decides nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The name that the clients of Hanzo and Infisical show. The name of the project is their slug. It decides
    /// nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The purpose of the project according to those clients. It decides nothing.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub project_type: Option<String>,
    /// The time when such a client created the project, in seconds since 1970-01-01 UTC; 0 if none did.
    #[serde(skip_serializing_if = "is_zero")]
    pub created_at: i64,
    /// The time when such a client last changed the project, as `created_at`.
    #[serde(skip_serializing_if = "is_zero")]
    pub updated_at: i64,
    /// Whether the secrets of the project have the environments `dev`, `staging` and `prod` until an environment is
    /// added or removed; true if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_environments: Option<bool>,
    /// The roles of the members in the project, by subject.
    pub members: BTreeMap<String, String>,
}

/// Whether a time was never set.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(time: &i64) -> bool {
    *time == 0
}

impl Documents {
    /// Returns the documents with each user written in the canonical form, so that two spellings of one user are equal.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        let one_way = |(name, user): (String, UserDocument)| {
            (Subject::parse(&name).map_or_else(|_| name.clone(), |subject| subject.to_string()), user)
        };
        self.users = self.users.into_iter().map(one_way).collect();
        self
    }

    /// Returns these definitions together with those of another file of the configuration.
    ///
    /// # Errors
    /// Both files define the same name.
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

    /// Returns the documents in which the definitions of `stronger` replace those of the same name.
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
