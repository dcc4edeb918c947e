//! The claims of a JWT (RFC 7519 section 4.1), with the types that the RFC gives them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::trusted_issuer::{TrustedIssuer, find};
use super::{narrowing, strict_json};
use crate::principal::{Narrowing, Username, UsernameError};

/// The longest issuer or audience, in bytes.
const MAX_TEXT: usize = 1024;

/// Why claims are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// The payload is no JSON object without repeated members.
    #[error("its payload is not a set of claims")]
    Malformed,
    /// A claim that must be there is not, or has another type.
    #[error("its claim `{0}` is missing or has the wrong type")]
    Claim(String),
    /// Past `exp`.
    #[error("it has expired")]
    Expired,
    /// Before `nbf`, or `iat` is in the future.
    #[error("it is not valid yet")]
    NotYet,
    /// Another `aud`.
    #[error("its audience is another")]
    Audience,
    /// A claim that is bound to a value has another, or is missing.
    #[error("its claim `{0}` is not the value that it is bound to")]
    Bound(String),
    /// No role, or several, or no text.
    #[error("its claim of roles does not hold exactly one role")]
    NotOneRole,
    /// A role that is not known, or not allowed to this issuer.
    #[error("its role is not one that this issuer may give")]
    Role,
    /// `email` names the user and is not known to be theirs.
    #[error("its e-mail address is not verified")]
    EmailNotVerified,
    /// The claim that names the user holds no user name.
    #[error("it names no user: {0}")]
    Username(#[from] UsernameError),
    /// The name begins with the prefix of another issuer or of an authority.
    #[error("its user name begins with the prefix of another issuer or authority")]
    ForeignPrefix,
    /// A token must not become the user whom the API token stands for.
    #[error("it names the default user")]
    DefaultUser,
}

/// What a token says that verified.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) username: Username,
    /// `exp`, in seconds since 1970-01-01 UTC.
    pub(super) expires: i64,
    /// What the token takes away from its bearer.
    pub(super) narrowing: Option<Arc<Narrowing>>,
    /// The role that it gives, where its issuer gives roles.
    pub(super) role: Option<Arc<str>>,
}

/// Claims that are JSON; nothing about them is checked yet.
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn parse(payload: &[u8]) -> Result<Self, ClaimsError> {
        strict_json::object(payload).map(Self).ok_or(ClaimsError::Malformed)
    }

    /// `iss`: a string, and nothing else.
    pub(super) fn issuer(&self) -> Result<&str, ClaimsError> {
        self.text("iss")
    }

    /// Checks everything that `issuer` asks for, at `now`.
    pub(super) fn check(
        &self,
        issuer: &TrustedIssuer,
        default_username: &Username,
        leeway: i64,
        now: i64,
    ) -> Result<Accepted, ClaimsError> {
        let expires = self.time("exp")?.ok_or_else(|| ClaimsError::Claim("exp".to_owned()))?;
        if expires.saturating_add(leeway) <= now {
            return Err(ClaimsError::Expired);
        }
        for name in ["nbf", "iat"] {
            if self.time(name)?.is_some_and(|time| time > now.saturating_add(leeway)) {
                return Err(ClaimsError::NotYet);
            }
        }
        self.check_audience(issuer.audience.as_deref())?;
        let subject = self.text("sub")?;
        if let Some((path, _)) = issuer.bound_claims.iter().find(|(path, value)| find(&self.0, path) != Some(value)) {
            return Err(ClaimsError::Bound(path.clone()));
        }
        let name = self.text(&issuer.username_claim)?;
        if issuer.username_claim == "email" && self.0.get("email_verified") != Some(&Value::Bool(true)) {
            return Err(ClaimsError::EmailNotVerified);
        }
        // A blank name stays blank, and a wildcard one, whatever is put before it.
        Username::new(name)?;
        let username = Username::new(&format!("{}{name}", issuer.username_prefix))?;
        if issuer.foreign_prefixes.iter().any(|foreign| username.as_str().starts_with(foreign)) {
            return Err(ClaimsError::ForeignPrefix);
        }
        if username == *default_username {
            return Err(ClaimsError::DefaultUser);
        }
        let role = issuer.role.as_ref().map(|rule| rule.role(&self.0, subject)).transpose()?;
        let mut narrowing = narrowing::read(self.0.get(narrowing::CLAIM))?;
        if issuer.narrows_by_property {
            narrowing = narrowing::with_properties(narrowing, &self.0)?;
        }
        Ok(Accepted { username, expires, narrowing, role })
    }

    /// Whether they say that the token is this issuer's, for this audience; nothing is verified.
    pub(super) fn name(&self, issuer: &TrustedIssuer) -> bool {
        self.issuer() == Ok(&issuer.issuer) && self.check_audience(issuer.audience.as_deref()).is_ok()
    }

    fn text(&self, name: &str) -> Result<&str, ClaimsError> {
        match self.0.get(name) {
            Some(Value::String(text)) if !text.is_empty() && text.len() <= MAX_TEXT => Ok(text),
            _ => Err(ClaimsError::Claim(name.to_owned())),
        }
    }

    /// A NumericDate: a number of seconds, which may have a fraction. Absent is not the same as wrong.
    fn time(&self, name: &str) -> Result<Option<i64>, ClaimsError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let wrong = || ClaimsError::Claim(name.to_owned());
        if let Some(seconds) = value.as_i64() {
            return if (0..=MAX_TIME).contains(&seconds) { Ok(Some(seconds)) } else { Err(wrong()) };
        }
        // The whole part, by way of text: a float that is out of range has no honest integer.
        let seconds = value.as_f64().filter(|seconds| (0.0..1e12).contains(seconds)).ok_or_else(wrong)?;
        format!("{:.0}", seconds.floor()).parse().map(Some).map_err(|_| wrong())
    }

    fn check_audience(&self, wanted: Option<&str>) -> Result<(), ClaimsError> {
        let Some(wanted) = wanted else { return Ok(()) };
        let is_wanted = match self.0.get("aud") {
            Some(Value::String(one)) => one == wanted,
            Some(Value::Array(several)) => {
                if !several.iter().all(Value::is_string) {
                    return Err(ClaimsError::Claim("aud".to_owned()));
                }
                several.iter().any(|one| one == wanted)
            }
            _ => return Err(ClaimsError::Claim("aud".to_owned())),
        };
        if is_wanted { Ok(()) } else { Err(ClaimsError::Audience) }
    }
}

/// The last second of the year 9999.
const MAX_TIME: i64 = 253_402_300_799;
