//! The model of a trusted issuer. The configuration of every dialect becomes this type, and one verifier serves all of
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::claims_error::ClaimsError;
use super::jose::Algorithm;
use super::jwks::KeySet;
use super::pattern::{Pattern, PatternError};
use crate::client::{self, Url, UrlError};
use crate::config::JwtIssuer;

/// RS256, RS384 and RS512 (RFC 7518 section 3.3).
pub const RSASSA_PKCS1_V1_5: &[Algorithm] = &[Algorithm::RS256, Algorithm::RS384, Algorithm::RS512];

/// A trusted issuer, and the requirements for its tokens.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// The idps table that defines it. `None` if it comes from the command line, or if its JWTs are exchanged.
    pub table: Option<Arc<str>>,
    /// Its `iss`, exactly. Empty if only the keys identify the issuer. Never empty for an issuer whose JWTs come
    /// with each call.
    pub issuer: String,
    /// For an issuer whose `issuer` is empty: the value that `iss` must have if the token has one.
    pub implied_issuer: Option<String>,
    /// The source of its keys.
    pub keys: KeySource,
    /// The authorities of the server of its keys, in PEM. `None`: those of the configuration.
    pub keys_ca: Option<Arc<str>>,
    /// The audiences. A token must be for one of them; if there are none, any audience will do.
    pub audiences: Vec<Expected>,
    /// The required `sub`.
    pub subject: Option<Expected>,
    /// The permitted signature algorithms. `None`: all that are served.
    pub algorithms: Option<&'static [Algorithm]>,
    /// The claim that names the user.
    pub username_claim: String,
    /// The prefix of the user names of its tokens.
    pub username_prefix: String,
    /// The prefixes of other authorities and issuers. No user name of its tokens may begin with one of them.
    pub foreign_prefixes: Vec<String>,
    /// Whether the caller is informed that a token was refused because the keys cannot be fetched again yet, so that it
    /// can try again.
    pub tells_deferral: bool,
    /// The claims that must have a value, by their paths.
    pub bound_claims: Vec<(String, Bound)>,
    /// The rule for the role in its tokens, if they must name one.
    pub role: Option<RoleRule>,
    /// Whether claims `<namespace>/prop/<property>` narrow the rights of its tokens.
    pub narrows_by_property: bool,
}

/// The source of an issuer's keys.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// Fetched from this URL, and kept fresh.
    Uri(Url),
    /// Fetched from the URL in the provider's configuration (OpenID Connect Discovery 1.0 section 4), and kept fresh.
    Discovery(Url),
    /// Configured.
    Inline(Arc<KeySet>),
}

/// An expected text of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Exactly this text.
    Exact(String),
    /// The text of the pattern itself, or a text that the pattern matches.
    Pattern(Pattern),
}

/// The required value of a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// Exactly this.
    Value(Value),
    /// One of these. Of an array, one member must match. Numbers, true and false are compared in their JSON form.
    AnyOf(Vec<Expected>),
}

impl Expected {
    /// Makes an expected text from a pattern.
    ///
    /// # Errors
    /// See [`PatternError`].
    pub fn pattern(text: &str) -> Result<Self, PatternError> {
        Pattern::new(text).map(Self::Pattern)
    }

    pub(super) fn is(&self, text: &str) -> bool {
        match self {
            Self::Exact(own) => own == text,
            Self::Pattern(pattern) => pattern.matches(text),
        }
    }

    /// Returns the text as it was configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(text) => text,
            Self::Pattern(pattern) => pattern.as_str(),
        }
    }
}

impl Bound {
    pub(super) fn is(&self, value: &Value) -> bool {
        let any_of = match self {
            Self::Value(own) => return own == value,
            Self::AnyOf(any_of) => any_of,
        };
        let is_one = |text: &str| any_of.iter().any(|expected| expected.is(text));
        match value {
            Value::String(text) => is_one(text),
            Value::Array(members) => members.iter().any(|member| !member.is_array() && self.is(member)),
            Value::Bool(_) | Value::Number(_) => is_one(&value.to_string()),
            Value::Null | Value::Object(_) => false,
        }
    }
}

/// The rule by which a token names the role of its bearer.
#[derive(Debug, Clone)]
pub struct RoleRule {
    /// The claim that holds exactly one role.
    pub claim: String,
    /// The roles that it may hold.
    pub allowed: BTreeSet<String>,
    /// All roles that are defined.
    pub defined: BTreeSet<String>,
    /// Users whose role is configured here and not taken from their tokens.
    pub of_users: BTreeMap<String, String>,
}

impl TrustedIssuer {
    /// Makes an issuer with these keys. Its tokens must be for one of these audiences (any if there are none). `sub`
    /// names the user, and there are no other requirements; a dialect adds its own. This is the only place where a
    /// trusted issuer is made.
    #[must_use]
    pub fn new(issuer: impl Into<String>, keys: KeySource, audiences: Vec<Expected>) -> Self {
        Self {
            table: None,
            issuer: issuer.into(),
            implied_issuer: None,
            keys,
            keys_ca: None,
            audiences,
            subject: None,
            algorithms: None,
            tells_deferral: false,
            username_claim: "sub".to_owned(),
            username_prefix: String::new(),
            foreign_prefixes: Vec::new(),
            bound_claims: Vec::new(),
            role: None,
            narrows_by_property: false,
        }
    }

    /// Sets the authorities (PEM) of the server of its keys. If the text is blank, those of the configuration stay.
    ///
    /// # Errors
    /// The text is not a list of PEM certificates.
    pub fn with_authorities(self, pem: &str) -> Result<Self, client::Error> {
        let pem = pem.trim();
        if pem.is_empty() {
            return Ok(self);
        }
        client::authorities_of_pem(pem.as_bytes())?;
        Ok(Self { keys_ca: Some(Arc::from(pem)), ..self })
    }

    /// Returns the idps table and the reason, if the table admits no caller whatever a token says.
    #[must_use]
    pub fn admits_nobody(&self) -> Option<(&str, &'static str)> {
        self.table.as_deref().zip(self.role.as_ref()?.lacks())
    }
}

impl KeySource {
    /// Makes a source from the URL of a JWK Set. It must be HTTPS, unless `allow_http`.
    ///
    /// # Errors
    /// The text is not a URL, or it is a plain HTTP URL that is not allowed.
    pub fn uri(text: &str, allow_http: bool) -> Result<Self, UrlError> {
        Url::of_keys(text, allow_http).map(Self::Uri)
    }

    /// Makes a source from the URL of a provider. It must be HTTPS, unless `allow_http`.
    ///
    /// # Errors
    /// See [`Self::uri`].
    pub fn discovery(text: &str, allow_http: bool) -> Result<Self, UrlError> {
        Url::of_keys(text, allow_http).map(Self::Discovery)
    }

    /// Makes a source of configured keys.
    #[must_use]
    pub fn inline(keys: KeySet) -> Self {
        Self::Inline(Arc::new(keys))
    }
}

impl From<JwtIssuer> for TrustedIssuer {
    fn from(configured: JwtIssuer) -> Self {
        let JwtIssuer { issuer, jwks_uri, audience, username_claim, username_prefix, foreign_prefixes } = configured;
        let audiences = audience.into_iter().map(Expected::Exact).collect();
        let mut own = Self::new(issuer, KeySource::Uri(jwks_uri), audiences);
        (own.username_claim, own.username_prefix) = (username_claim, username_prefix);
        own.foreign_prefixes = foreign_prefixes;
        own
    }
}

impl RoleRule {
    /// Returns the role of a token whose user is `user`.
    pub(super) fn role(&self, claims: &Map<String, Value>, user: &str) -> Result<Arc<str>, ClaimsError> {
        if let Some(role) = self.of_users.get(user) {
            return Ok(Arc::from(role.as_str()));
        }
        let one = match find(claims, &self.claim) {
            Some(Value::String(one)) => Some(one),
            Some(Value::Array(roles)) => match roles.as_slice() {
                [Value::String(one)] => Some(one),
                _ => None,
            },
            _ => None,
        };
        let role = one.ok_or(ClaimsError::NotOneRole)?;
        if self.allowed.contains(role) {
            return Ok(Arc::from(role.as_str()));
        }
        let role = role.clone();
        Err(if self.defined.contains(&role) { ClaimsError::Role(role) } else { ClaimsError::NoSuchRole(role) })
    }

    /// Returns the reason for which no token can have a role by this rule, if that is so.
    #[must_use]
    pub fn lacks(&self) -> Option<&'static str> {
        match (self.allowed.is_empty(), self.defined.is_empty()) {
            (false, _) => None,
            (true, true) => Some("no role is defined"),
            (true, false) => Some("its allowed_roles are empty"),
        }
    }
}

/// Returns the claim at a path: by its whole name, otherwise by dots into nested claims, otherwise by slashes. A claim
/// that is `false`, 0 or empty counts as present.
pub(super) fn find<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let walk = |separator: char| {
        let (first, rest) = path.split_once(separator)?;
        rest.split(separator).try_fold(claims.get(first)?, |value, name| value.as_object()?.get(name))
    };
    claims.get(path).or_else(|| walk('.')).or_else(|| walk('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_found_by_name_and_by_path() {
        let claims = json!({"https://a.b/c": 1, "d": {"e": {"f": false}}, "g": 0, "h": ""});
        let claims = claims.as_object().unwrap();
        for (path, value) in [
            ("https://a.b/c", Some(json!(1))),
            ("d.e.f", Some(json!(false))),
            ("d/e/f", Some(json!(false))),
            ("g", Some(json!(0))),
            ("h", Some(json!(""))),
            ("d.e/f", None),
            ("d.e.f.x", None),
            ("g.x", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(find(claims, path), value.as_ref(), "{path}");
        }
    }

    #[test]
    fn a_claim_is_bound_to_values_or_patterns() {
        let any_of =
            |texts: &[&str]| Bound::AnyOf(texts.iter().map(|&text| Expected::pattern(text).unwrap()).collect());
        for (bound, value, is) in [
            (Bound::Value(json!(false)), json!(false), true),
            (Bound::Value(json!(0)), json!(false), false),
            (any_of(&["a", "b*"]), json!("bcd"), true),
            (any_of(&["a", "b*"]), json!("cb"), false),
            (any_of(&["a"]), json!(["x", "a"]), true),
            (any_of(&["a"]), json!([]), false),
            (any_of(&["a"]), json!([["a"]]), false),
            (any_of(&["false"]), json!(false), true),
            (any_of(&["0"]), json!(0), true),
            (any_of(&[""]), json!(""), true),
            (any_of(&["*"]), json!(null), false),
            (any_of(&["*"]), json!({}), false),
            (Bound::AnyOf(vec![Expected::Exact("a*".to_owned())]), json!("ab"), false),
        ] {
            assert_eq!(bound.is(&value), is, "{bound:?} {value}");
        }
    }

    #[test]
    fn a_token_has_exactly_one_role() {
        let rule = RoleRule {
            claim: "roles".to_owned(),
            allowed: ["a", "b"].map(str::to_owned).into(),
            defined: ["a", "b", "d"].map(str::to_owned).into(),
            of_users: [("carol".to_owned(), "b".to_owned())].into(),
        };
        let role = |roles: Value, user: &str| {
            let claims = json!({ "roles": roles });
            rule.role(claims.as_object().unwrap(), user)
        };
        assert_eq!(role(json!("a"), "x").as_deref(), Ok("a"));
        assert_eq!(role(json!(["b"]), "x").as_deref(), Ok("b"));
        assert_eq!(role(json!(["c"]), "carol").as_deref(), Ok("b"));
        for roles in [json!([]), json!(["a", "b"]), json!(["a", "a"]), json!(null), json!(1), json!([["a"]]), json!({})]
        {
            assert_eq!(role(roles.clone(), "x"), Err(ClaimsError::NotOneRole), "{roles}");
        }
        for (roles, name) in [(json!("c"), "c"), (json!(""), ""), (json!(["A"]), "A")] {
            assert_eq!(role(roles.clone(), "x"), Err(ClaimsError::NoSuchRole(name.to_owned())), "{roles}");
        }
        assert_eq!(role(json!("d"), "x"), Err(ClaimsError::Role("d".to_owned())));
    }
}
