//! The claims of a JWT (RFC 7519 section 4.1), with the types that the RFC gives them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::claims_error::ClaimsError;
use super::trusted_issuer::{Bound, Expected, TrustedIssuer, find};
use super::{narrowing, strict_json};
use crate::principal::{Narrowing, Username};

/// The maximum length of a text claim, in bytes.
const MAX_TEXT: usize = 1024;

/// The checked claims of a verified token.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) username: Username,
    /// `exp`, in seconds since 1970-01-01 UTC.
    pub(super) expires: i64,
    /// The rights that the token takes from its bearer.
    pub(super) narrowing: Option<Arc<Narrowing>>,
    /// The role that the token gives, if its issuer gives roles.
    pub(super) role: Option<Arc<str>>,
}

/// Parsed claims, which are not checked yet.
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn parse(payload: &[u8]) -> Result<Self, ClaimsError> {
        strict_json::object(payload).map(Self).ok_or(ClaimsError::Malformed)
    }

    /// Returns `iss`, which must be a string.
    pub(super) fn issuer(&self) -> Result<&str, ClaimsError> {
        self.text("iss")
    }

    /// Checks all requirements of `issuer` at `now`.
    pub(super) fn check(
        &self,
        issuer: &TrustedIssuer,
        default_username: &Username,
        leeway: i64,
        now: i64,
    ) -> Result<Accepted, ClaimsError> {
        let expires = self.check_bounds(issuer, leeway, now)?;
        let subject = self.text("sub")?;
        let name = self.text(&issuer.username_claim)?;
        if issuer.username_claim == "email" && self.0.get("email_verified") != Some(&Value::Bool(true)) {
            return Err(ClaimsError::EmailNotVerified);
        }
        // Checked without the prefix: a blank or wildcard name is refused whatever the prefix is.
        Username::new(name)?;
        let username = Username::new(&format!("{}{name}", issuer.username_prefix))?;
        if issuer.foreign_prefixes.iter().any(|foreign| username.as_str().starts_with(foreign)) {
            return Err(ClaimsError::ForeignPrefix);
        }
        if username == *default_username {
            return Err(ClaimsError::DefaultUser);
        }
        let role = issuer.role.as_ref().map(|rule| rule.role(&self.0, subject)).transpose()?;
        let mut narrowing = self.narrowing()?;
        if issuer.narrows_by_property {
            narrowing = narrowing::with_properties(narrowing, &self.0)?;
        }
        Ok(Accepted { username, expires, narrowing, role })
    }

    /// Checks, at `now`, the requirements of `issuer` that do not depend on the use of the token: times, issuer,
    /// audience, subject and bound claims. Returns `exp`.
    pub(super) fn check_bounds(&self, issuer: &TrustedIssuer, leeway: i64, now: i64) -> Result<i64, ClaimsError> {
        let expires = self.check_end(leeway, now)?;
        self.check_start(leeway, now)?;
        self.check_issuer(issuer)?;
        self.check_audience(&issuer.audiences)?;
        self.check_subject(issuer)?;
        self.check_bound(&issuer.bound_claims)?;
        Ok(expires)
    }

    /// Checks `exp`, which must exist and must not be in the past. Returns it.
    pub(super) fn check_end(&self, leeway: i64, now: i64) -> Result<i64, ClaimsError> {
        let expires = self.time("exp")?.ok_or_else(|| ClaimsError::Claim("exp".to_owned()))?;
        if expires.saturating_add(leeway) <= now { Err(ClaimsError::Expired) } else { Ok(expires) }
    }

    /// Checks `nbf` and `iat`, which must not be in the future.
    pub(super) fn check_start(&self, leeway: i64, now: i64) -> Result<(), ClaimsError> {
        for name in ["nbf", "iat"] {
            if self.time(name)?.is_some_and(|time| time > now.saturating_add(leeway)) {
                return Err(ClaimsError::NotYet);
            }
        }
        Ok(())
    }

    /// Checks `iss`, unless only the keys identify the issuer. If the claim may be absent, it is still checked if it
    /// exists.
    pub(super) fn check_issuer(&self, issuer: &TrustedIssuer) -> Result<(), ClaimsError> {
        let is_right = match (issuer.issuer.as_str(), &issuer.implied_issuer) {
            ("", None) => true,
            ("", Some(implied)) => self.0.get("iss").is_none_or(|iss| iss.as_str() == Some(implied)),
            (own, _) => self.issuer()? == own,
        };
        if is_right { Ok(()) } else { Err(ClaimsError::Issuer) }
    }

    /// Checks `sub`: it must be a string if it exists, and must match if the issuer binds it.
    pub(super) fn check_subject(&self, issuer: &TrustedIssuer) -> Result<(), ClaimsError> {
        // A `sub` that is not a string is refused even if it is not used (RFC 7519 section 4.1.2).
        if self.0.get("sub").is_some_and(|sub| !sub.is_string()) {
            return Err(ClaimsError::Claim("sub".to_owned()));
        }
        match &issuer.subject {
            Some(subject) if !subject.is(self.text("sub")?) => Err(ClaimsError::Subject),
            _ => Ok(()),
        }
    }

    /// Checks claims that must have values. They are named by their paths.
    pub(super) fn check_bound(&self, bound: &[(String, Bound)]) -> Result<(), ClaimsError> {
        for (path, bound) in bound {
            let value = find(&self.0, path).ok_or_else(|| ClaimsError::Lacking(path.clone()))?;
            if !bound.is(value) {
                return Err(ClaimsError::Bound(path.clone()));
            }
        }
        Ok(())
    }

    /// Returns the claim at a path: by its whole name, otherwise by dots or slashes into nested claims.
    pub(super) fn at(&self, path: &str) -> Option<&Value> {
        find(&self.0, path)
    }

    /// Returns what the claim `claviger` takes away from the bearer.
    pub(super) fn narrowing(&self) -> Result<Option<Arc<Narrowing>>, ClaimsError> {
        narrowing::read(self.0.get(narrowing::CLAIM))
    }

    /// Whether the claims name this issuer and its audience. Nothing is verified.
    pub(super) fn name(&self, issuer: &TrustedIssuer) -> bool {
        self.issuer() == Ok(&issuer.issuer) && self.check_audience(&issuer.audiences).is_ok()
    }

    fn text(&self, name: &str) -> Result<&str, ClaimsError> {
        match self.0.get(name) {
            Some(Value::String(text)) if !text.is_empty() && text.len() <= MAX_TEXT => Ok(text),
            _ => Err(ClaimsError::Claim(name.to_owned())),
        }
    }

    /// Returns a NumericDate: a number of seconds, which may have a fraction. A wrong value is an error; an absent one
    /// is `None`.
    fn time(&self, name: &str) -> Result<Option<i64>, ClaimsError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let wrong = || ClaimsError::Claim(name.to_owned());
        if let Some(seconds) = value.as_i64() {
            return if (0..=MAX_TIME).contains(&seconds) { Ok(Some(seconds)) } else { Err(wrong()) };
        }
        // The integer part is converted through text, because a float that is out of range has no exact integer.
        let seconds = value.as_f64().filter(|seconds| (0.0..1e12).contains(seconds)).ok_or_else(wrong)?;
        format!("{:.0}", seconds.floor()).parse().map(Some).map_err(|_| wrong())
    }

    /// Checks `aud`: it must be one of these, or anything if there are none.
    pub(super) fn check_audience(&self, wanted: &[Expected]) -> Result<(), ClaimsError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let is_wanted = |audience: &str| wanted.iter().any(|own| own.is(audience));
        let has_wanted = match self.0.get("aud") {
            Some(Value::String(one)) => is_wanted(one),
            Some(Value::Array(several)) => {
                let texts = several.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
                texts.ok_or_else(|| ClaimsError::Claim("aud".to_owned()))?.into_iter().any(is_wanted)
            }
            _ => return Err(ClaimsError::Claim("aud".to_owned())),
        };
        if has_wanted { Ok(()) } else { Err(ClaimsError::Audience) }
    }
}

/// The last second of the year 9999.
const MAX_TIME: i64 = 253_402_300_799;
