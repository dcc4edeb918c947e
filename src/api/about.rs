//! Information about the server and the caller: `/server-info`, `/health`, `/whoami`.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Word;

/// `GET /server-info`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ServerInfo {
    /// The version of the server.
    pub version: Word,
}

/// `GET /api/pvlt/1.0/system/info/version`, which Piiano's clients request.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Vault {
    /// The identifier of the database.
    pub vault_id: String,
    /// The version of the server.
    pub vault_version: Word,
    /// The version of the database's schema.
    pub db_schema_version: i64,
}

/// `GET /health`: `ok` for each part, or the reason why it is not.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// The process; `stopping` after SIGTERM, while the server still serves.
    pub process: Word,
    /// The database.
    pub store: Word,
    /// The HSM token.
    pub token: Word,
    /// The audit log.
    pub audit: Word,
    /// Protections that the root keys lack, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weaker_custody: Option<String>,
}

/// `GET /health/database`: what the server knows of its database. It does not ask the database for it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct DatabaseHealth {
    /// `postgresql` or `sqlite`. The other members are left out for `sqlite`.
    pub kind: Word,
    /// The name of this server (`--server-name`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The host of the database that is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// `primary`: the host has answered within a second, and accepted writes when the connection was opened. `unknown`:
    /// it has not answered, another server has taken over this server's name, or acknowledged commits are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Word>,
    /// How old the last known state of the database is, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard_ms: Option<u64>,
    /// The number of commits of all servers that this server knows of and has not followed yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commits_behind: Option<u64>,
}

/// `GET /whoami`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct WhoAmI {
    /// The caller.
    pub username: String,
    /// The authentication method of the caller.
    pub method: Word,
    /// The caller's role, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Information for Conjur's clients about a host.
    #[serde(flatten)]
    pub host: Option<Host>,
}

/// A host of Conjur.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Its account.
    pub account: String,
    /// The address from which the request came.
    pub client_ip: IpAddr,
    /// When its access token was issued.
    pub token_issued_at: String,
}
