//! The documents that define roles, policies, users and projects, as they are written in the policy file and the
//! database.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
