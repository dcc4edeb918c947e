//! Logins, in the dialects whose clients have them: a credential for an access token. `T` is text: borrowed where it is sent, and in
//! what overwrites it where it is kept.

use serde::{Deserialize, Serialize};

use super::Word;

/// `POST /api/v1/auth/{jwt-auth,oidc-auth}/login`
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JwtLogin<T> {
    /// The identity.
    pub identity_id: String,
    /// A JWT of its issuer.
    pub jwt: T,
}

/// `POST /api/v1/auth/universal-auth/login`
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretLogin<T> {
    /// The client id of an identity with Universal Auth.
    pub client_id: String,
    /// One of its client secrets.
    pub client_secret: T,
}

/// `POST /api/v1/auth/token/{renew,revoke}`
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Presented<T> {
    /// The access token of whoever asks.
    pub access_token: T,
}

/// What the logins above and a renewal answer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Given<T> {
    /// The access token.
    pub access_token: T,
    /// Seconds until it ends.
    pub expires_in: i64,
    /// Seconds from its issue beyond which no renewal takes it.
    #[serde(rename = "accessTokenMaxTTL")]
    pub access_token_max_ttl: i64,
    /// `Bearer`
    pub token_type: Word,
}

/// What Conjur's logins answer: an access token as a flattened JWS (RFC 7515 section 7.2.2), whose parts are in the standard alphabet
/// of base64 and have padding.
#[derive(Serialize, Deserialize)]
pub struct Flattened<T> {
    /// The claims.
    pub payload: T,
    /// The header.
    pub protected: T,
    /// The signature.
    pub signature: T,
}
