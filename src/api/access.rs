//! Access to objects: `/access/grant`, `revoke`, `transfer`, `project`, `list`, `owned`, `obtained`, `explain`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Word;

/// `POST /access/grant` and `/access/revoke`, as clients of Cosmian KMS also send it. Exactly one of `user_id` and
/// `role` is present.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The object.
    pub unique_identifier: String,
    /// A user, or `*` for everyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// All users with this role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The operations to grant or to revoke.
    pub operation_types: Vec<String>,
}

impl Change {
    /// The names of the JSON fields.
    pub const MEMBERS: [&str; 4] = ["unique_identifier", "user_id", "role", "operation_types"];
}

/// `POST /access/transfer`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// The object.
    pub unique_identifier: String,
    /// The user who will own it.
    pub user_id: String,
}

/// `POST /access/project`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InProject {
    /// The object.
    pub unique_identifier: String,
    /// The new project; `null` takes the object out of its project.
    pub project: Option<String>,
}

/// `POST /access/explain`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// One user, as in `claviger access-rights explain`; the caller if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The operation.
    pub operation: String,
    /// The object, if the operation concerns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_identifier: Option<String>,
}

/// The answer to [`Question`].
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// Whether the operation is permitted.
    pub allowed: bool,
    /// The rule that decides.
    pub rule: String,
    /// The user.
    pub user: String,
    /// The user's role, if the caller may know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// The grant to one grantee. Exactly one of `user_id` and `role` is present.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Grant {
    /// A user, or `*` for everyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// All users with this role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The granted operations.
    pub operations: Vec<Word>,
}

/// `GET /access/list/ID?all=true`: the owner, members and grantees of an object. Without `all`, only the grants.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AccessList {
    /// The owner.
    pub owner: String,
    /// The project that the object is in.
    pub project: Option<String>,
    /// The members of the project.
    pub members: Vec<Member>,
    /// The grants on the object itself.
    pub grants: Vec<Grant>,
}

/// The answer to `GET /access/list/ID`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Listed {
    /// With `all=true`.
    All(AccessList),
    /// Without it.
    Grants(Vec<Grant>),
}

/// A member of a project.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// The member.
    pub member: String,
    /// The role in the project.
    pub role: String,
}

/// An entry of `GET /access/owned`: an object that the caller owns. The server writes it part by part.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Owned {
    /// The object.
    pub object_id: String,
    /// Its state, as KMIP names it.
    pub state: Word,
    /// Its attributes in KMIP's JSON.
    pub attributes: Value,
    /// Always false: for clients of Cosmian KMS.
    pub is_wrapped: bool,
}

/// An entry of `GET /access/obtained`: an object of another owner on which the caller has a grant.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Obtained {
    /// The object.
    pub object_id: String,
    /// Its owner.
    pub owner_id: String,
    /// Its state, as KMIP names it.
    pub state: Word,
    /// The granted operations.
    pub operations: Vec<Word>,
    /// Always false: for clients of Cosmian KMS.
    pub is_wrapped: bool,
}

/// `GET /access/create`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct MayCreate {
    /// Whether the caller may add objects.
    pub has_create_permission: bool,
}

/// `GET /access/privileged`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct IsPrivileged {
    /// Whether the caller is an administrator.
    pub has_privileged_access: bool,
}
