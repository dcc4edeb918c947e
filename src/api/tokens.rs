//! Access tokens: `/access/tokens` and `/access/token-key`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An entry of `GET /access/tokens`: an access token as administrators see it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AccessToken {
    /// Its identifier.
    pub id: String,
    /// The identity that it authenticates.
    pub subject: String,
    /// The issuer that vouched for its bearer.
    pub vouched: String,
    /// When it was issued, when it expires, and the latest time to which it can be renewed, in seconds since 1970-01-01
    /// UTC.
    pub created: i64,
    /// See `created`.
    pub expires: i64,
    /// See `created`.
    pub max_expires: i64,
    /// Maximum number of uses; 0 for no limit.
    pub uses_limit: i64,
    /// Number of uses, including reserved ones.
    pub uses: i64,
    /// The networks from which it may be used.
    pub trusted: Vec<String>,
    /// Whether it is bound to a client certificate.
    pub bound: bool,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// The answer to `POST /access/token-key`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Rotated {
    /// The identifier of the new signing key.
    pub kid: String,
}
