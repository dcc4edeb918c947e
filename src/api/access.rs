//! Who may do what with an object: `/access/grant`, `revoke`, `transfer`, `project`, `list`, `owned`, `obtained`, `explain`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Word;

/// `POST /access/grant` and `/access/revoke`, as clients of Cosmian KMS send it too; exactly one of `user_id` and `role` is there.
#[derive(Debug, Serialize, Deserialize)]
pub struct Change {
    /// The object.
    pub unique_identifier: String,
    /// A user, or `*` for everyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Everyone with this role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What is granted or taken back.
    pub operation_types: Vec<String>,
}

impl Change {
    /// Its members.
    pub const MEMBERS: [&str; 4] = ["unique_identifier", "user_id", "role", "operation_types"];
}

/// `POST /access/transfer`
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// The object.
    pub unique_identifier: String,
    /// The user who is to own it.
    pub user_id: String,
}

/// `POST /access/project`
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InProject {
    /// The object.
    pub unique_identifier: String,
    /// Its project; `null` takes it out.
    pub project: Option<String>,
}

/// `POST /access/explain`
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// One user, as `claviger access-rights explain` has it.
    pub user: String,
    /// An operation.
    pub operation: String,
    /// The object, where the operation is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_identifier: Option<String>,
}

/// The answer to [`Question`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// Whether the user may.
    pub allowed: bool,
    /// The rule that says so.
    pub rule: String,
    /// The user.
    pub user: String,
    /// The user's role, for those who may know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// What is granted to one grantee; exactly one of `user_id` and `role` is there.
#[derive(Debug, Serialize, Deserialize)]
pub struct Grant {
    /// A user, or `*` for everyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Everyone with this role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What is granted.
    pub operations: Vec<Word>,
}

/// `GET /access/list/ID?all=true`: everybody who has access to an object. Without `all`, the grants only.
#[derive(Debug, Serialize, Deserialize)]
pub struct AccessList {
    /// The owner.
    pub owner: String,
    /// The project that the object is in.
    pub project: Option<String>,
    /// The members of the project.
    pub members: Vec<Member>,
    /// What is granted on the object itself.
    pub grants: Vec<Grant>,
}

/// A member of a project.
#[derive(Debug, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub member: String,
    /// The role in the project.
    pub role: String,
}

/// An entry of `GET /access/owned`: an object of the caller's. The server writes it part by part.
#[derive(Debug, Serialize, Deserialize)]
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

/// An entry of `GET /access/obtained`: an object of somebody else on which something is granted to the caller.
#[derive(Debug, Serialize, Deserialize)]
pub struct Obtained {
    /// The object.
    pub object_id: String,
    /// Its owner.
    pub owner_id: String,
    /// Its state, as KMIP names it.
    pub state: Word,
    /// What is granted.
    pub operations: Vec<Word>,
    /// Always false: for clients of Cosmian KMS.
    pub is_wrapped: bool,
}

/// `GET /access/create`
#[derive(Debug, Serialize, Deserialize)]
pub struct MayCreate {
    /// Whether the caller may add objects.
    pub has_create_permission: bool,
}

/// `GET /access/privileged`
#[derive(Debug, Serialize, Deserialize)]
pub struct IsPrivileged {
    /// Whether the caller administers.
    pub has_privileged_access: bool,
}
