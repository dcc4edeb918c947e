//! Logins in the dialects of the clients: the exchange of a credential for an access token. `T` is a text type:
//! borrowed for sending, and a type that overwrites its content when it is dropped for keeping.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Word;

/// `POST /api/v1/auth/{jwt-auth,oidc-auth}/login`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JwtLogin<T> {
    /// The identity.
    pub identity_id: String,
    /// A JWT of its issuer.
    pub jwt: T,
}

/// `POST /api/v1/auth/universal-auth/login`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretLogin<T> {
    /// The client id of an identity with Universal Auth.
    pub client_id: String,
    /// One of its client secrets.
    pub client_secret: T,
}

/// `POST /api/v1/auth/token/{renew,revoke}`
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Presented<T> {
    /// The access token of the caller.
    pub access_token: T,
}

/// The answer to the logins above and to a renewal.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Given<T> {
    /// The access token.
    pub access_token: T,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// Maximum lifetime in seconds from its issue, which no renewal exceeds.
    #[serde(rename = "accessTokenMaxTTL")]
    pub access_token_max_ttl: i64,
    /// `Bearer`
    pub token_type: Word,
}

/// The answer to Conjur's logins: an access token as a flattened JWS (RFC 7515 section 7.2.2), whose parts are in
/// standard base64 with padding.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Flattened<T> {
    /// The claims.
    pub payload: T,
    /// The header.
    pub protected: T,
    /// The signature.
    pub signature: T,
}
