//! Universal Auth: identities that are known by a client id and the secrets that go with it.

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::token_settings::{TokenSettings, check_networks, check_token_settings};

/// The longest client id, in bytes. The server makes UUIDs.
pub const MAX_CLIENT_ID: usize = 64;

/// Failures of one client id after which it is locked out, at least and at most.
const THRESHOLDS: std::ops::RangeInclusive<i64> = 1..=30;

/// Seconds for which it is then locked out.
const DURATIONS: std::ops::RangeInclusive<i64> = 30..=86_400;

/// Seconds without a failure after which failures are forgotten.
const RESETS: std::ops::RangeInclusive<i64> = 5..=3_600;

/// By which client id an identity is known, and what its client secrets buy. The secrets are rows of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UniversalAuthDocument {
    /// Made again whenever Universal Auth is attached: secrets and tokens of the former one are refused.
    pub id: String,
    /// Made again whenever the tokens are ended and the secrets stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_id: Option<String>,
    /// What clients present beside a secret; no secret itself.
    pub client_id: String,
    /// The networks from which a client secret may be used.
    pub client_secret_trusted_ips: Vec<String>,
    /// Seconds for which a token is good; 0 for as long as the longest life.
    pub access_token_ttl: i64,
    /// Its longest life with all renewals, in seconds; 0 for [`super::MAX_TOKEN_TTL`].
    pub access_token_max_ttl: i64,
    /// How often a token may be used; 0 for any number.
    pub access_token_num_uses_limit: i64,
    /// The networks from which a token may be used.
    pub access_token_trusted_ips: Vec<String>,
    /// Whether failures lock clients out.
    pub lockout_enabled: bool,
    /// After how many of them.
    pub lockout_threshold: i64,
    /// For how many seconds.
    pub lockout_duration_seconds: i64,
    /// After how many seconds without a failure they are forgotten.
    pub lockout_counter_reset_seconds: i64,
    /// When it was attached and last changed, in seconds since 1970-01-01 UTC.
    #[serde(default)]
    pub created_at: i64,
    /// See `created_at`.
    #[serde(default)]
    pub updated_at: i64,
}

impl UniversalAuthDocument {
    /// What an access token rests on that it gives now.
    #[must_use]
    pub fn token_basis(&self) -> String {
        match &self.tokens_id {
            None => format!("universal-auth/{}", self.id),
            Some(tokens) => format!("universal-auth/{}/{tokens}", self.id),
        }
    }

    /// What the access tokens are like that it gives.
    #[must_use]
    pub fn tokens(&self) -> TokenSettings<'_> {
        let (ttl, max_ttl) = (self.access_token_ttl, self.access_token_max_ttl);
        let uses_limit = self.access_token_num_uses_limit;
        TokenSettings { ttl, max_ttl, uses_limit, trusted_ips: &self.access_token_trusted_ips }
    }
}

/// Refuses an identifier that is no plain text of bounded length.
pub(super) fn check_plain(text: &str) -> Result<(), String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if text.is_empty() || text.len() > MAX_CLIENT_ID || !is_plain {
        return Err(format!("it must have 1 to {MAX_CLIENT_ID} letters, digits and `-._`"));
    }
    Ok(())
}

pub(super) fn check_universal_auth(id: &str, auth: &UniversalAuthDocument) -> Result<(), Fault> {
    let path = ["identities", id, "universal_auth"];
    let at = |key: &str, problem: String| Err(Fault::at(&["identities", id, "universal_auth", key], problem));
    for (key, text) in [("id", &auth.id), ("client_id", &auth.client_id)] {
        if let Err(problem) = check_plain(text) {
            return at(key, problem);
        }
    }
    check_token_settings(path, &auth.tokens())?;
    check_networks(path, "client_secret_trusted_ips", "a client secret", &auth.client_secret_trusted_ips)?;
    for (key, number, bounds) in [
        ("lockout_threshold", auth.lockout_threshold, THRESHOLDS),
        ("lockout_duration_seconds", auth.lockout_duration_seconds, DURATIONS),
        ("lockout_counter_reset_seconds", auth.lockout_counter_reset_seconds, RESETS),
    ] {
        if !bounds.contains(&number) {
            return at(key, format!("{number} is not between {} and {}", bounds.start(), bounds.end()));
        }
    }
    Ok(())
}
