//! Roles, policies, users and projects as they are written down: in the policy file and in the database.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    /// Whether its secrets have the environments `dev`, `staging` and `prod` until an environment is made or removed; yes if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_environments: Option<bool>,
    /// Roles by who has them here.
    pub members: BTreeMap<String, String>,
}

/// Whether a time was never set.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(time: &i64) -> bool {
    *time == 0
}
