//! Authenticators and hosts, as in Conjur: which issuer vouches for which host, and by which claims.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fault::{Fault, MAX_PARTS, check_count, check_name};
use super::terms::Terms;
use super::universal_auth::check_plain;
use crate::network::TrustedNetwork;
use crate::principal::Username;

/// The longest value of a variable, in bytes. The longest values are sets of public keys.
const MAX_VARIABLE: usize = 64 << 10;

/// The lifetime of the access token of a host, in seconds. Renewals do not prolong it.
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

/// The variables that say where the keys come from. An authenticator has exactly one of them.
const KEYS: [&str; 3] = ["jwks-uri", "provider-uri", "public-keys"];

/// Claims that do not distinguish one caller from another, and so cannot restrict a host.
pub const NO_RESTRICTION: [&str; 6] = ["iss", "exp", "nbf", "iat", "jti", "aud"];

/// An authenticator: an issuer that vouches for hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthenticatorDocument {
    /// See [`HostDocument::id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// See [`HostDocument::since`].
    #[serde(skip)]
    pub since: Option<String>,
    /// The variables by name: `audience`, `ca-cert`, `claim-aliases`, `enforced-claims`, `identity-path`, `issuer`,
    /// `jwks-uri`, `provider-uri`, `public-keys` and `token-app-property`.
    pub variables: BTreeMap<String, String>,
    /// Whether logging in through the authenticator is disabled. Access tokens that it gave before remain valid until
    /// they expire.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

/// A host: an application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostDocument {
    /// The identifier that distinguishes this host from another host of the same name: API keys and access tokens are
    /// valid only for the host with this identifier. The server generates it when an administrator defines the host,
    /// and keeps it for the lifetime of the host. In the policy file it is optional, and the author of the file chooses
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The identifier that takes the place of `id` for the access tokens of a host without `id` that was added to the
    /// policy file while the server was running. It is generated at that time and valid until the server stops.
    #[serde(skip)]
    pub since: Option<String>,
    /// The account of the host.
    pub account: String,
    /// The values that claims of the host's JWTs must have, by `authn-jwt/SERVICE/CLAIM`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The services that the host may use; if absent, all services that an annotation names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticators: Option<Vec<String>>,
    /// The networks from which the host's tokens may be used; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restricted_to: Vec<String>,
}

impl HostDocument {
    /// The basis of the access tokens that the host's API key gives. No authenticator has such a name.
    #[must_use]
    pub fn api_key_basis(&self) -> String {
        marked(format!("api-key:{}", self.account), &[self.mark()])
    }

    /// The basis of the access tokens that an authenticator of the host's account gives.
    #[must_use]
    pub fn authenticator_basis(&self, service: &str, authenticator: &AuthenticatorDocument) -> String {
        let own = authenticator.id.as_deref().or(authenticator.since.as_deref());
        marked(authenticator_name(&self.account, service), &[self.mark(), own])
    }

    /// The holder of the host's API key. Another host that has or had the name `id` is another holder.
    #[must_use]
    pub fn api_key_holder(&self, id: &str) -> String {
        // A name cannot contain NUL.
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

    /// The names of the authenticators for which the host has annotations, whether they are defined or not.
    pub(super) fn annotated(&self) -> BTreeSet<String> {
        let services = self.annotations.keys().filter_map(|name| name.strip_prefix("authn-jwt/")?.split_once('/'));
        services.map(|(service, _)| authenticator_name(&self.account, service)).collect()
    }

    /// Whether the host may use the service.
    #[must_use]
    pub fn may_use(&self, service: &str) -> bool {
        self.authenticators.as_ref().is_none_or(|own| own.iter().any(|own| own == service))
    }
}

/// The networks that contain every address.
const EVERYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// A host and the terms of its access tokens.
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

/// The prefix of the user name of a host.
pub(super) const HOST: &str = "host/";

/// The user name of a host.
#[must_use]
pub fn host_username(id: &str) -> String {
    format!("{HOST}{id}")
}

/// Appends marks to a name, so that it differs from the name of a former definition. Without marks it returns the name
/// itself, which is what rows of former releases contain.
fn marked(name: String, marks: &[Option<&str>]) -> String {
    if marks.iter().all(Option::is_none) {
        return name;
    }
    marks.iter().fold(name, |name, mark| format!("{name}{MARK}{}", mark.unwrap_or_default()))
}

/// The character before a mark. Names and identifiers cannot contain it.
pub(super) const MARK: char = '#';

/// The key of an authenticator: `ACCOUNT/SERVICE`.
#[must_use]
pub fn authenticator_name(account: &str, service: &str) -> String {
    format!("{account}/{service}")
}

pub(super) fn check_authenticator(name: &str, document: &AuthenticatorDocument) -> Result<(), Fault> {
    let path = ["authenticators", name];
    let (account, service) =
        name.split_once('/').ok_or_else(|| Fault::at(&path, "the name of an authenticator must be ACCOUNT/SERVICE"))?;
    check_name(&path, account)?;
    check_name(&path, service)?;
    check_id(&["authenticators", name, "id"], document.id.as_deref())?;
    let at =
        |variable: &str, problem: String| Err(Fault::at(&["authenticators", name, "variables", variable], problem));
    for (variable, value) in &document.variables {
        if !VARIABLES.contains(&variable.as_str()) {
            return at(variable, format!("unknown variable; the variables are {}", VARIABLES.join(", ")));
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
        return at("issuer", "it is required when public-keys is given".to_owned());
    }
    for variable in ["enforced-claims", "claim-aliases"] {
        let value = document.variables.get(variable).map_or("", String::as_str);
        let checked = if variable == "claim-aliases" { aliases(value).map(drop) } else { enforced(value).map(drop) };
        if let Err(problem) = checked {
            return at(variable, problem);
        }
    }
    if has("identity-path") && !has("token-app-property") {
        return at("identity-path", "it requires token-app-property, which is not given".to_owned());
    }
    Ok(())
}

/// Parses the value of `enforced-claims`: the claims that a host must restrict, separated by commas.
///
/// # Errors
/// A description of the first invalid name.
pub fn enforced(list: &str) -> Result<Vec<&str>, String> {
    let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    for name in &names {
        check_claim(name)?;
    }
    Ok(names)
}

/// Parses the value of `claim-aliases`: pairs of an alias and the claim that it stands for. Each alias and each claim
/// may appear once.
///
/// # Errors
/// A description of the first invalid pair or name.
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
        return Err(format!("CONJ00104E the claim {name:?} may contain only letters, digits and `/-_.`"));
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
            return Err(Fault::at(&path, "the name of an annotation must be authn-jwt/SERVICE/CLAIM"));
        };
        check_name(&path, service)?;
        if NO_RESTRICTION.contains(&claim) {
            return Err(Fault::at(&path, format!("the claim {claim:?} cannot restrict a host: use another claim")));
        }
        if claim.is_empty() || claim.len() > MAX_TEXT || value.is_empty() || value.len() > MAX_TEXT {
            return Err(Fault::at(&path, format!("claim and value must have 1 to {MAX_TEXT} bytes")));
        }
    }
    check_count(&["hosts", id, "authenticators"], document.authenticators.as_ref().map_or(0, Vec::len), MAX_PARTS)?;
    check_count(&["hosts", id, "restricted_to"], document.restricted_to.len(), 64)?;
    match document.restricted_to.iter().find(|text| text.parse::<TrustedNetwork>().is_err()) {
        Some(text) => at("restricted_to", format!("{text:?} is not a network")),
        None => Ok(()),
    }
}
