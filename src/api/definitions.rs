//! Roles, policies, users, projects, identities, authenticators and hosts: `/access/definitions/KIND`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An entry of `GET /access/definitions/KIND`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Its name, unique within its kind.
    pub name: String,
    /// Its version in the database; absent if the policy file defines it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The definition, with the keys of the policy file.
    pub definition: Value,
}

/// The answer to `PUT` and `DELETE` of a definition.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Defined {
    /// Its name.
    pub name: String,
    /// Its version in the database.
    pub version: i64,
}
