//! Authenticators and hosts as Conjur has them: who vouches for whom, and by which claims.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fault::{Fault, MAX_PARTS, check_count, check_name};
use super::terms::Terms;
use super::trusted_network::TrustedNetwork;
use super::universal_auth::check_plain;
use crate::principal::Username;

/// The longest value of a variable, in bytes: a set of public keys.
const MAX_VARIABLE: usize = 64 << 10;

/// Seconds for which the access token of a host is good, and which no renewal prolongs.
pub const HOST_TOKEN_LIFETIME: i64 = 480;

/// The longest annotation or claim, in bytes.
const MAX_TEXT: usize = 1024;

/// The variables of an authenticator.
const VARIABLES: [&str; 10] = [
    "audience",
    "ca-cert",
    "claim-aliases",
    "enforced-claims",
    "identity-path",
    "issuer",
    "jwks-uri",
    "provider-uri",
    "public-keys",
    "token-app-property",
];

/// Those of which an authenticator has exactly one: where keys come from.
const KEYS: [&str; 3] = ["jwks-uri", "provider-uri", "public-keys"];

/// Claims that do not tell one caller from another, and so cannot restrict a host.
pub const NO_RESTRICTION: [&str; 6] = ["iss", "exp", "nbf", "iat", "jti", "aud"];

/// An authenticator: an issuer that vouches for hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthenticatorDocument {
    /// As [`HostDocument::id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// As [`HostDocument::since`].
    #[serde(skip)]
    pub since: Option<String>,
    /// Its variables by name: `audience`, `ca-cert`, `claim-aliases`, `enforced-claims`, `identity-path`, `issuer`, `jwks-uri`,
    /// `provider-uri`, `public-keys` and `token-app-property`.
    pub variables: BTreeMap<String, String>,
    /// Whether nobody logs in by it for now. Access tokens that it gave before are good until their end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

/// A host: an application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostDocument {
    /// Made by the server when an administrator defines the host, and kept as long as it is there: another host of its name has
    /// neither its API key nor its access tokens. Of a host of the policy file whoever writes that chooses it, if they want one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The same for the access tokens of a host without `id` that came into the policy file while the server ran: made then, and
    /// good as long as the server runs.
    #[serde(skip)]
    pub since: Option<String>,
    /// The account that it is one of.
    pub account: String,
    /// `authn-jwt/SERVICE/CLAIM`: the value that the claim must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The services that it may use; all that an annotation names if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticators: Option<Vec<String>>,
    /// The networks from which its tokens may be used; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restricted_to: Vec<String>,
}

impl HostDocument {
    /// What the access tokens rest on that its API key gave. No authenticator has such a name.
    #[must_use]
    pub fn api_key_basis(&self) -> String {
        marked(format!("api-key:{}", self.account), &[self.mark()])
    }

    /// What the access tokens rest on that an authenticator of its account gave.
    #[must_use]
    pub fn authenticator_basis(&self, service: &str, authenticator: &AuthenticatorDocument) -> String {
        let own = authenticator.id.as_deref().or(authenticator.since.as_deref());
        marked(authenticator_name(&self.account, service), &[self.mark(), own])
    }

    /// The holder of its API key: this host, and no other that has its name, `id`, before or after it.
    #[must_use]
    pub fn api_key_holder(&self, id: &str) -> String {
        // No name has a NUL.
        self.id.as_ref().map_or_else(|| id.to_owned(), |own| format!("{id}\0{own}"))
    }

    fn mark(&self) -> Option<&str> {
        self.id.as_deref().or(self.since.as_deref())
    }

    /// The claims that the host's JWTs for a service must have, with their values.
    pub fn restrictions<'a>(&'a self, service: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.annotations.iter().filter_map(move |(name, value)| {
            let claim = name.strip_prefix("authn-jwt/")?.strip_prefix(service)?.strip_prefix('/')?;
            Some((claim, value.as_str()))
        })
    }

    /// The names of the authenticators for which it has annotations, whether they are there or not.
    pub(super) fn annotated(&self) -> BTreeSet<String> {
        let services = self.annotations.keys().filter_map(|name| name.strip_prefix("authn-jwt/")?.split_once('/'));
        services.map(|(service, _)| authenticator_name(&self.account, service)).collect()
    }

    /// Whether it may use the service at all.
    #[must_use]
    pub fn may_use(&self, service: &str) -> bool {
        self.authenticators.as_ref().is_none_or(|own| own.iter().any(|own| own == service))
    }
}

/// From everywhere.
const EVERYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// A host, and what holds of its access tokens.
#[derive(Debug, Clone)]
pub(super) struct KnownHost {
    pub(super) document: Arc<HostDocument>,
    pub(super) terms: Arc<Terms>,
}

impl KnownHost {
    pub(super) fn account(&self) -> &str {
        &self.document.account
    }

    pub(super) fn new(document: HostDocument) -> Self {
        let everywhere = EVERYWHERE.map(str::to_owned);
        let networks = if document.restricted_to.is_empty() { &everywhere[..] } else { &document.restricted_to };
        let terms = Arc::new(Terms::new(HOST_TOKEN_LIFETIME, HOST_TOKEN_LIFETIME, networks));
        Self { document: Arc::new(document), terms }
    }
}

/// Begins the user name of a host.
pub(super) const HOST: &str = "host/";

/// The user name of a host.
#[must_use]
pub fn host_username(id: &str) -> String {
    format!("{HOST}{id}")
}

/// Sets what a name stands for now apart from what it stood for before. Without marks it is the name, as in rows of former releases.
fn marked(name: String, marks: &[Option<&str>]) -> String {
    if marks.iter().all(Option::is_none) {
        return name;
    }
    marks.iter().fold(name, |name, mark| format!("{name}{MARK}{}", mark.unwrap_or_default()))
}

/// Before a mark: no name and no identifier has it.
pub(super) const MARK: char = '#';

/// An authenticator's name among its kind.
#[must_use]
pub fn authenticator_name(account: &str, service: &str) -> String {
    format!("{account}/{service}")
}

pub(super) fn check_authenticator(name: &str, document: &AuthenticatorDocument) -> Result<(), Fault> {
    let path = ["authenticators", name];
    let (account, service) =
        name.split_once('/').ok_or_else(|| Fault::at(&path, "an authenticator is called ACCOUNT/SERVICE"))?;
    check_name(&path, account)?;
    check_name(&path, service)?;
    check_id(&["authenticators", name, "id"], document.id.as_deref())?;
    let at =
        |variable: &str, problem: String| Err(Fault::at(&["authenticators", name, "variables", variable], problem));
    for (variable, value) in &document.variables {
        if !VARIABLES.contains(&variable.as_str()) {
            return at(variable, format!("there is no such variable; there are {}", VARIABLES.join(", ")));
        }
        if value.trim().is_empty() {
            return at(variable, "CONJ00037E the variable is defined and has no value".to_owned());
        }
        if value.len() > MAX_VARIABLE {
            return at(variable, format!("it is longer than {MAX_VARIABLE} bytes"));
        }
    }
    let has = |variable: &str| document.variables.contains_key(variable);
    if KEYS.iter().filter(|variable| has(variable)).count() != 1 {
        return at("jwks-uri", format!("there must be exactly one of {}", KEYS.join(", ")));
    }
    if has("public-keys") && !has("issuer") {
        return at("issuer", "it must be there beside public-keys".to_owned());
    }
    for variable in ["enforced-claims", "claim-aliases"] {
        let value = document.variables.get(variable).map_or("", String::as_str);
        let checked = if variable == "claim-aliases" { aliases(value).map(drop) } else { enforced(value).map(drop) };
        if let Err(problem) = checked {
            return at(variable, problem);
        }
    }
    if has("identity-path") && !has("token-app-property") {
        return at("identity-path", "it goes before what token-app-property names, which is not there".to_owned());
    }
    Ok(())
}

/// The claims that a host must restrict, as `enforced-claims` lists them.
///
/// # Errors
/// What is wrong with a name.
pub fn enforced(list: &str) -> Result<Vec<&str>, String> {
    let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    for name in &names {
        check_claim(name)?;
    }
    Ok(names)
}

/// Names of annotations with the claims that they stand for, as `claim-aliases` lists them: each once.
///
/// # Errors
/// What is wrong with a name.
pub fn aliases(list: &str) -> Result<Vec<(&str, &str)>, String> {
    let mut all: Vec<(&str, &str)> = Vec::new();
    for pair in list.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let Some((alias, claim)) = pair.split_once(':').map(|(alias, claim)| (alias.trim(), claim.trim())) else {
            return Err(format!("CONJ00113E {pair:?} is not a pair ALIAS:CLAIM"));
        };
        check_claim(claim)?;
        check_claim(alias)?;
        if alias.contains('/') {
            return Err(format!("CONJ00104E the alias {alias:?} has a slash"));
        }
        if let Some(twice) = all
            .iter()
            .find_map(|(other, real)| if *other == alias { Some(alias) } else { (*real == claim).then_some(claim) })
        {
            return Err(format!("CONJ00113E {twice:?} appears more than once"));
        }
        all.push((alias, claim));
    }
    Ok(all)
}

fn check_claim(name: &str) -> Result<(), String> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
    if name.is_empty() || !plain {
        return Err(format!("CONJ00104E the claim {name:?} has others than letters, digits and `/-_.`"));
    }
    if NO_RESTRICTION.contains(&name) {
        return Err(format!("CONJ00105E the claim {name:?} cannot restrict a host: use another claim"));
    }
    Ok(())
}

fn check_id(path: &[&str], id: Option<&str>) -> Result<(), Fault> {
    match id.map_or(Ok(()), check_plain) {
        Err(problem) => Err(Fault::at(path, problem)),
        Ok(()) => Ok(()),
    }
}

pub(super) fn check_host(id: &str, document: &HostDocument) -> Result<(), Fault> {
    let at = |key: &str, problem: String| Err(Fault::at(&["hosts", id, key], problem));
    if let Err(error) = Username::exchanged(&host_username(id)) {
        return Err(Fault::at(&["hosts", id], format!("not a host name: {error}")));
    }
    check_name(&["hosts", id, "account"], &document.account)?;
    check_id(&["hosts", id, "id"], document.id.as_deref())?;
    check_count(&["hosts", id, "annotations"], document.annotations.len(), MAX_PARTS)?;
    for (name, value) in &document.annotations {
        let path = ["hosts", id, "annotations", name];
        let mut parts = name.splitn(3, '/');
        let (Some("authn-jwt"), Some(service), Some(claim)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Fault::at(&path, "an annotation is called authn-jwt/SERVICE/CLAIM"));
        };
        check_name(&path, service)?;
        if NO_RESTRICTION.contains(&claim) {
            return Err(Fault::at(&path, format!("the claim {claim:?} cannot restrict a host: use another claim")));
        }
        if claim.is_empty() || claim.len() > MAX_TEXT || value.is_empty() || value.len() > MAX_TEXT {
            return Err(Fault::at(&path, format!("claim and value have 1 to {MAX_TEXT} bytes")));
        }
    }
    check_count(&["hosts", id, "authenticators"], document.authenticators.as_ref().map_or(0, Vec::len), MAX_PARTS)?;
    check_count(&["hosts", id, "restricted_to"], document.restricted_to.len(), 64)?;
    match document.restricted_to.iter().find(|text| text.parse::<TrustedNetwork>().is_err()) {
        Some(text) => at("restricted_to", format!("{text:?} is not a network")),
        None => Ok(()),
    }
}
