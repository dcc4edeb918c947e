//! Universal Auth: identities that log in with a client id and a client secret.

use serde::{Deserialize, Serialize};

use super::token_settings::{MemberFault, TokenSettings, check_tokens, networks_of};

/// The longest client id, in bytes. The server generates UUIDs.
pub const MAX_CLIENT_ID: usize = 64;

/// The bounds of the number of failures after which a client id is locked out.
const THRESHOLDS: std::ops::RangeInclusive<i64> = 1..=30;

/// The bounds of the duration of a lockout, in seconds.
const DURATIONS: std::ops::RangeInclusive<i64> = 30..=86_400;

/// The bounds of the time without a failure after which failures are forgotten, in seconds.
const RESETS: std::ops::RangeInclusive<i64> = 5..=3_600;

/// Universal Auth of an identity: its client id, and the settings of the access tokens that its client secrets give.
/// The secrets are stored in rows of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UniversalAuthDocument {
    /// The identifier of this attachment. It is generated whenever Universal Auth is attached; client secrets and
    /// access tokens of a former attachment are refused.
    pub id: String,
    /// A second identifier, generated whenever the access tokens are revoked and the client secrets stay valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_id: Option<String>,
    /// The client id, which clients send together with a client secret. It is not secret.
    pub client_id: String,
    /// The networks from which a client secret may be used.
    pub client_secret_trusted_ips: Vec<String>,
    /// The lifetime of an access token, in seconds; 0 for the longest lifetime.
    pub access_token_ttl: i64,
    /// The longest lifetime of an access token including renewals, in seconds; 0 for [`super::MAX_TOKEN_TTL`].
    pub access_token_max_ttl: i64,
    /// The number of times that an access token may be used; 0 for no limit.
    pub access_token_num_uses_limit: i64,
    /// The networks from which an access token may be used.
    pub access_token_trusted_ips: Vec<String>,
    /// Whether failures lock a client out.
    pub lockout_enabled: bool,
    /// The number of failures that lock a client out.
    pub lockout_threshold: i64,
    /// The duration of a lockout, in seconds.
    pub lockout_duration_seconds: i64,
    /// The time without a failure after which failures are forgotten, in seconds.
    pub lockout_counter_reset_seconds: i64,
    /// The time when Universal Auth was attached, in seconds since 1970-01-01 UTC.
    #[serde(default)]
    pub created_at: i64,
    /// The time of the last change, as `created_at`.
    #[serde(default)]
    pub updated_at: i64,
}

impl UniversalAuthDocument {
    /// The basis of the access tokens that Universal Auth gives now.
    #[must_use]
    pub fn token_basis(&self) -> String {
        match &self.tokens_id {
            None => format!("universal-auth/{}", self.id),
            Some(tokens) => format!("universal-auth/{}/{tokens}", self.id),
        }
    }

    /// The settings of the access tokens that Universal Auth gives.
    #[must_use]
    pub fn tokens(&self) -> TokenSettings<'_> {
        let (ttl, max_ttl) = (self.access_token_ttl, self.access_token_max_ttl);
        let uses_limit = self.access_token_num_uses_limit;
        TokenSettings { ttl, max_ttl, uses_limit, trusted_ips: &self.access_token_trusted_ips }
    }
}

/// Refuses an identifier that is empty, too long or has characters other than letters, digits and `-._`.
pub(super) fn check_plain(text: &str) -> Result<(), String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if text.is_empty() || text.len() > MAX_CLIENT_ID || !is_plain {
        return Err(format!("it must have 1 to {MAX_CLIENT_ID} letters, digits and `-._`"));
    }
    Ok(())
}

/// Refuses settings that contradict themselves or are out of bounds.
///
/// # Errors
/// The first fault.
pub fn check_universal_auth(auth: &UniversalAuthDocument) -> Result<(), MemberFault> {
    for (member, text) in [("id", &auth.id), ("client_id", &auth.client_id)] {
        check_plain(text).map_err(|problem| (member, problem))?;
    }
    check_tokens(&auth.tokens())?;
    networks_of("a client secret", &auth.client_secret_trusted_ips)
        .map_err(|problem| ("client_secret_trusted_ips", problem))?;
    for (member, number, bounds) in [
        ("lockout_threshold", auth.lockout_threshold, THRESHOLDS),
        ("lockout_duration_seconds", auth.lockout_duration_seconds, DURATIONS),
        ("lockout_counter_reset_seconds", auth.lockout_counter_reset_seconds, RESETS),
    ] {
        if !bounds.contains(&number) {
            return Err((member, format!("{number} is not between {} and {}", bounds.start(), bounds.end())));
        }
    }
    Ok(())
}
