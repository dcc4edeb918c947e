//! Access tokens: `/access/tokens` and `/access/token-key`.

use serde::{Deserialize, Serialize};

/// An entry of `GET /access/tokens`: an access token as administrators see it.
#[derive(Debug, Serialize, Deserialize)]
pub struct AccessToken {
    /// Its identifier.
    pub id: String,
    /// The identity that it stands for.
    pub subject: String,
    /// What vouched for its bearer.
    pub vouched: String,
    /// When it was issued, when it ends, and beyond which no renewal takes it, in seconds since 1970-01-01 UTC.
    pub created: i64,
    /// See `created`.
    pub expires: i64,
    /// See `created`.
    pub max_expires: i64,
    /// How often it may be used; 0 for any number.
    pub uses_limit: i64,
    /// How often it was, or is set aside to be.
    pub uses: i64,
    /// The networks from which it may be used.
    pub trusted: Vec<String>,
    /// Whether it is bound to a client certificate.
    pub bound: bool,
    /// Whether it was ended before its time.
    pub revoked: bool,
}

/// The answer to `POST /access/token-key`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rotated {
    /// The identifier of the key that signs from now on.
    pub kid: String,
}
