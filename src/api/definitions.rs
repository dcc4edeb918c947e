//! Roles, policies, users, projects, identities, authenticators and hosts: `/access/definitions/KIND`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An entry of `GET /access/definitions/KIND`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name among its kind.
    pub name: String,
    /// Its version in the database; absent for one of the policy file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// What it says, with the keys of the table in the policy file.
    pub definition: Value,
}

/// What `PUT` and `DELETE` of a definition answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Defined {
    /// Its name.
    pub name: String,
    /// Its version in the database.
    pub version: i64,
}
