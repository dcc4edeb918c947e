//! The one model of an issuer that is trusted: whatever dialect configures one, it becomes this, and one verifier serves all.

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

/// An issuer, and what its tokens must say.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// The idps table that it comes from; none for one of the command line, or whose JWTs are exchanged.
    pub table: Option<Arc<str>>,
    /// Its `iss`, to the letter. Empty where the keys alone tell whose a JWT is, which an issuer whose JWTs come with each call
    /// never has.
    pub issuer: String,
    /// What `iss` is if there is one, where a token need not have one: of an issuer whose `issuer` is empty.
    pub implied_issuer: Option<String>,
    /// Where its keys come from.
    pub keys: KeySource,
    /// The authorities of the server of its keys, PEM; those of the configuration if absent.
    pub keys_ca: Option<Arc<str>>,
    /// The audiences of which its tokens must be for one; none for any.
    pub audiences: Vec<Expected>,
    /// What `sub` must be.
    pub subject: Option<Expected>,
    /// The algorithms that its tokens may be signed by; `None` for all that are served.
    pub algorithms: Option<&'static [Algorithm]>,
    /// The claim that names the user.
    pub username_claim: String,
    /// Put before the user names of its tokens.
    pub username_prefix: String,
    /// Prefixes of other authorities and issuers, with which no name of its tokens may begin.
    pub foreign_prefixes: Vec<String>,
    /// Whether the caller learns that a token was refused because its keys cannot be fetched again yet, so that it can try again.
    pub tells_deferral: bool,
    /// Claims that must have a value, by their paths.
    pub bound_claims: Vec<(String, Bound)>,
    /// How its tokens name a role, if they have to.
    pub role: Option<RoleRule>,
    /// Whether claims `<namespace>/prop/<property>` narrow its tokens.
    pub narrows_by_property: bool,
}

/// Where keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// Fetched from there, and kept fresh.
    Uri(Url),
    /// Fetched from where the provider's configuration says (OpenID Connect Discovery 1.0 section 4), and kept fresh.
    Discovery(Url),
    /// Configured.
    Inline(Arc<KeySet>),
}

/// A text that a claim must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// To the letter.
    Exact(String),
    /// Itself, or what the pattern describes.
    Pattern(Pattern),
}

/// What a claim must have as its value.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// Exactly this.
    Value(Value),
    /// One of these; of an array one member has to be. Numbers, true and false are compared as JSON writes them.
    AnyOf(Vec<Expected>),
}

impl Expected {
    /// What this pattern describes.
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

    /// As it was configured.
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

/// How a token names the role of its bearer.
#[derive(Debug, Clone)]
pub struct RoleRule {
    /// The claim that holds exactly one role.
    pub claim: String,
    /// The roles that it may hold.
    pub allowed: BTreeSet<String>,
    /// The roles that there are.
    pub defined: BTreeSet<String>,
    /// Users whose role is said here and not by their tokens.
    pub of_users: BTreeMap<String, String>,
}

impl TrustedIssuer {
    /// An issuer with these keys, whose tokens must be for one of these audiences (for any if there are none). `sub` names the
    /// user, and nothing else is asked of its tokens: what a dialect asks beside that, it adds. This is the only place where one
    /// is made.
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

    /// The same, whose keys come by the word of these authorities (PEM); of those of the configuration if the text is blank.
    ///
    /// # Errors
    /// The text holds something else.
    pub fn with_authorities(self, pem: &str) -> Result<Self, client::Error> {
        let pem = pem.trim();
        if pem.is_empty() {
            return Ok(self);
        }
        client::authorities_of_pem(pem.as_bytes())?;
        Ok(Self { keys_ca: Some(Arc::from(pem)), ..self })
    }

    /// The idps table that admits no caller whatever a token says, and why.
    #[must_use]
    pub fn admits_nobody(&self) -> Option<(&str, &'static str)> {
        self.table.as_deref().zip(self.role.as_ref()?.lacks())
    }
}

impl KeySource {
    /// A JWK Set at this URL: by TLS, unless `allow_http`.
    ///
    /// # Errors
    /// It is not a URL, or one of plain HTTP that is not allowed.
    pub fn uri(text: &str, allow_http: bool) -> Result<Self, UrlError> {
        Url::of_keys(text, allow_http).map(Self::Uri)
    }

    /// The keys of the provider at this URL: by TLS, unless `allow_http`.
    ///
    /// # Errors
    /// See [`Self::uri`].
    pub fn discovery(text: &str, allow_http: bool) -> Result<Self, UrlError> {
        Url::of_keys(text, allow_http).map(Self::Discovery)
    }

    /// These keys.
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
    /// The one role of a token whose user is `user`.
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

    /// Why no token can have a role by it, if none can.
    #[must_use]
    pub fn lacks(&self) -> Option<&'static str> {
        match (self.allowed.is_empty(), self.defined.is_empty()) {
            (false, _) => None,
            (true, true) => Some("no role is defined"),
            (true, false) => Some("its allowed_roles are empty"),
        }
    }
}

/// The claim at a path: by its whole name, else by dots into nested claims, else by slashes. What is `false`, 0 or empty is
/// there.
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
