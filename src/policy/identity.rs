//! Exchanged identities: those for whom a trusted issuer vouches, and who get an access token for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::document::{Fault, MAX_PARTS, check_count};
use super::trusted_network::TrustedNetwork;
use super::universal_auth::{UniversalAuthDocument, check_universal_auth, universal_auth_basis};
use super::{Policy, check_name};
use crate::principal::{Caller, Method, is_exchanged};

/// The longest life of an access token and of all its renewals, in seconds: ten years.
pub const MAX_TOKEN_TTL: i64 = 315_360_000;

/// The longest text of an identity, in bytes.
const MAX_TEXT: usize = 4096;

/// The longest keys or authorities of one trust, in bytes of PEM.
const MAX_PEM: usize = 64 << 10;

/// The most networks of one trust.
const MAX_NETWORKS: usize = 64;

/// An identity of an application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityDocument {
    /// For people.
    pub name: String,
    /// What it may do beside its roles in projects.
    #[serde(default)]
    pub role: OrganizationRole,
    /// What its clients call their organization; it decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// For people and programs; it decides nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// When it was made and last changed, in seconds since 1970-01-01 UTC.
    #[serde(default)]
    pub created_at: i64,
    /// See `created_at`.
    #[serde(default)]
    pub updated_at: i64,
    /// By which JWTs it gets access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt_auth: Option<JwtAuthDocument>,
    /// By which client id and secrets it gets access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub universal_auth: Option<UniversalAuthDocument>,
}

impl IdentityDocument {
    /// What its access tokens may rest on.
    pub(super) fn bases(&self) -> Vec<String> {
        let by_jwt = self.jwt_auth.iter().map(|auth| jwt_auth_basis(&auth.id));
        by_jwt.chain(self.universal_auth.iter().map(|auth| universal_auth_basis(&auth.id))).collect()
    }
}

/// What an identity may do by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrganizationRole {
    /// Administers.
    Admin,
    /// May add objects of its own, as other users may.
    Member,
    /// May do what its roles in projects and grants of others say, and no more.
    #[default]
    NoAccess,
}

/// Which JWTs an identity is known by, and what they buy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtAuthDocument {
    /// Made again whenever JWT auth is attached: tokens of the former one are refused.
    pub id: String,
    /// Where the keys come from: a JWK Set by its URL, or those that stand here.
    pub configuration_type: ConfigurationType,
    /// The URL of the JWK Set.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub jwks_url: String,
    /// Authorities of the server of the JWK Set, PEM; the system's if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub jwks_ca_cert: String,
    /// Public keys, each PEM.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_keys: Vec<String>,
    /// The `iss`, exact.
    pub bound_issuer: String,
    /// Audiences, separated by commas; globs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bound_audiences: String,
    /// The `sub`; a glob.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bound_subject: String,
    /// Claims by their paths, with values that are separated by commas; globs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bound_claims: BTreeMap<String, String>,
    /// Seconds for which a token is good; 0 for as long as the longest life.
    pub access_token_ttl: i64,
    /// Its longest life with all renewals, in seconds; 0 for [`MAX_TOKEN_TTL`].
    pub access_token_max_ttl: i64,
    /// How often a token may be used; 0 for any number.
    pub access_token_num_uses_limit: i64,
    /// The networks from which a token may be used.
    pub access_token_trusted_ips: Vec<String>,
    /// When it was attached and last changed, in seconds since 1970-01-01 UTC.
    #[serde(default)]
    pub created_at: i64,
    /// See `created_at`.
    #[serde(default)]
    pub updated_at: i64,
}

/// Where the keys of an identity's issuer come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfigurationType {
    /// By the URL of a JWK Set.
    Jwks,
    /// They are configured.
    Static,
}

/// What the policy knows of an exchanged identity.
#[derive(Debug, Clone)]
pub(super) struct Exchanged {
    /// What its access tokens may rest on.
    pub(super) bases: Vec<String>,
    /// The identity.
    pub(super) identity: Arc<IdentityDocument>,
}

/// The user name of an identity.
#[must_use]
pub fn identity_username(id: &str) -> String {
    format!("identity:{id}")
}

/// What an access token rests on that JWT auth gave.
#[must_use]
pub fn jwt_auth_basis(id: &str) -> String {
    format!("jwt-auth/{id}")
}

impl Policy {
    /// An identity by its identifier.
    #[must_use]
    pub fn identity(&self, id: &str) -> Option<Arc<IdentityDocument>> {
        self.exchanged.get(&identity_username(id)).map(|known| Arc::clone(&known.identity))
    }

    /// All identities, by their identifiers.
    pub fn identities(&self) -> impl Iterator<Item = (&str, &Arc<IdentityDocument>)> {
        let all = self.exchanged.iter();
        all.filter_map(|(name, known)| Some((name.strip_prefix("identity:")?, &known.identity)))
    }

    /// Whether an access token of `subject` that rests on `basis` is still good: both are there.
    #[must_use]
    pub fn stands(&self, subject: &str, basis: &str) -> bool {
        match self.exchanged.get(subject) {
            Some(known) => known.bases.iter().any(|own| own == basis),
            None => self.host_stands(subject, basis),
        }
    }

    /// What an exchanged caller may do by itself; `None` for all others, and for those who run as the default user.
    pub(super) fn organization_role(&self, caller: &Caller) -> Option<OrganizationRole> {
        let name = caller.username.as_str();
        let is_exchanged = matches!(caller.method, Method::AccessToken { .. }) && is_exchanged(name);
        let role = || match self.exchanged.get(name) {
            Some(known) => known.identity.role,
            None if self.host_of(name).is_some() => OrganizationRole::Member,
            None => OrganizationRole::NoAccess,
        };
        is_exchanged.then(role)
    }
}

/// Refuses an identity that contradicts itself or is too large. Whether its keys are keys is asked by whoever uses them.
///
/// # Errors
/// The first fault.
pub(super) fn check_identity(id: &str, document: &IdentityDocument) -> Result<(), Fault> {
    let at = |key: &str, problem: String| Err(Fault::at(&["identities", id, key], problem));
    check_name(&["identities", id], id)?;
    if document.name.trim().is_empty() || document.name.len() > 255 {
        return at("name", "a name has 1 to 255 bytes".to_owned());
    }
    check_count(&["identities", id, "metadata"], document.metadata.len(), MAX_PARTS)?;
    let texts = document.metadata.iter().flat_map(|(key, value)| [key, value]).chain(&document.organization_id);
    if texts.into_iter().any(|text| text.len() > MAX_TEXT) {
        return at("metadata", format!("a text has at most {MAX_TEXT} bytes"));
    }
    document.jwt_auth.as_ref().map_or(Ok(()), |auth| check_jwt_auth(id, auth))?;
    document.universal_auth.as_ref().map_or(Ok(()), |auth| check_universal_auth(id, auth))
}

/// What a way of authentication says of the access tokens that it gives.
pub(super) struct TokenSettings<'a> {
    pub(super) ttl: i64,
    pub(super) max_ttl: i64,
    pub(super) uses_limit: i64,
    pub(super) trusted: &'a [String],
}

/// Refuses settings that are out of bounds; `path` leads to their document.
pub(super) fn check_token_settings(path: [&str; 3], settings: &TokenSettings<'_>) -> Result<(), Fault> {
    let at = |key: &str, problem: String| {
        let [table, id, auth] = path;
        Err(Fault::at(&[table, id, auth, key], problem))
    };
    for (key, seconds) in [("access_token_ttl", settings.ttl), ("access_token_max_ttl", settings.max_ttl)] {
        if !(0..=MAX_TOKEN_TTL).contains(&seconds) {
            return at(key, format!("0 to {MAX_TOKEN_TTL} seconds"));
        }
    }
    if settings.max_ttl > 0 && settings.ttl > settings.max_ttl {
        return at("access_token_ttl", "it is greater than access_token_max_ttl".to_owned());
    }
    if !(0..=i64::from(i32::MAX)).contains(&settings.uses_limit) {
        return at("access_token_num_uses_limit", format!("0 to {}", i32::MAX));
    }
    check_networks(path, "access_token_trusted_ips", "a token", settings.trusted)
}

/// Refuses lists of networks from which nothing could come, and what is not a network.
pub(super) fn check_networks(path: [&str; 3], key: &str, what: &str, networks: &[String]) -> Result<(), Fault> {
    let [table, id, auth] = path;
    let path = [table, id, auth, key];
    check_count(&path, networks.len(), MAX_NETWORKS)?;
    if networks.is_empty() {
        return Err(Fault::at(&path, format!("it is empty: {what} could be used from nowhere")));
    }
    let parsed = networks.iter().map(|text| (text, text.parse::<TrustedNetwork>()));
    for (text, network) in parsed {
        network.map_err(|error| Fault::at(&path, format!("{text:?}: {error}")))?;
    }
    Ok(())
}

fn check_jwt_auth(id: &str, auth: &JwtAuthDocument) -> Result<(), Fault> {
    let at = |key: &str, problem: String| Err(Fault::at(&["identities", id, "jwt_auth", key], problem));
    let settings = TokenSettings {
        ttl: auth.access_token_ttl,
        max_ttl: auth.access_token_max_ttl,
        uses_limit: auth.access_token_num_uses_limit,
        trusted: &auth.access_token_trusted_ips,
    };
    check_token_settings(["identities", id, "jwt_auth"], &settings)?;
    let pem = auth.public_keys.iter().map(String::len).sum::<usize>() + auth.jwks_ca_cert.len();
    if pem > MAX_PEM {
        return at("public_keys", format!("keys and authorities have at most {MAX_PEM} bytes"));
    }
    check_count(&["identities", id, "jwt_auth", "bound_claims"], auth.bound_claims.len(), 64)?;
    let texts = [&auth.jwks_url, &auth.bound_issuer, &auth.bound_audiences, &auth.bound_subject];
    let claims = auth.bound_claims.iter().flat_map(|(name, values)| [name, values]);
    match texts.into_iter().chain(claims).any(|text| text.len() > MAX_TEXT) {
        true => at("bound_claims", format!("a text has at most {MAX_TEXT} bytes")),
        false => Ok(()),
    }
}
