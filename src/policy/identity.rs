//! Exchanged identities: those for whom a trusted issuer vouches, and who get an access token for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fault::{Fault, MAX_PARTS, check_count, check_name};
use super::terms::Terms;
use super::token_settings::{MemberFault, TokenSettings, check_tokens};
use super::universal_auth::{UniversalAuthDocument, check_universal_auth};

/// The longest text of an identity, in bytes.
const MAX_TEXT: usize = 4096;

/// The longest keys or authorities of one trust, in bytes of PEM.
const MAX_PEM: usize = 64 << 10;

/// The most bound claims of one trust.
const MAX_CLAIMS: usize = 64;

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
    /// By which JWTs of an OpenID Connect provider it gets access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc_auth: Option<OidcAuthDocument>,
    /// By which client id and secrets it gets access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub universal_auth: Option<UniversalAuthDocument>,
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
    /// Its longest life with all renewals, in seconds; 0 for [`super::MAX_TOKEN_TTL`].
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

/// Which JWTs of an OpenID Connect provider an identity is known by, and what they buy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcAuthDocument {
    /// Made again whenever OIDC auth is attached: tokens of the former one are refused.
    pub id: String,
    /// The provider, whose configuration says where its keys are (OpenID Connect Discovery 1.0 section 4).
    pub oidc_discovery_url: String,
    /// Authorities of the provider's servers, PEM; the system's if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ca_cert: String,
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
    /// Its longest life with all renewals, in seconds; 0 for [`super::MAX_TOKEN_TTL`].
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

/// What JWTs must say by which an identity is known.
#[derive(Debug, Clone, Copy)]
pub struct JwtBounds<'a> {
    /// The `iss`, exact.
    pub issuer: &'a str,
    /// Audiences, separated by commas; globs.
    pub audiences: &'a str,
    /// The `sub`; a glob, or empty for any.
    pub subject: &'a str,
    /// Claims by their paths, with values that are separated by commas; globs.
    pub claims: &'a BTreeMap<String, String>,
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

impl JwtAuthDocument {
    /// What its JWTs must say.
    #[must_use]
    pub fn bounds(&self) -> JwtBounds<'_> {
        let Self { bound_issuer: issuer, bound_audiences: audiences, bound_subject: subject, .. } = self;
        JwtBounds { issuer, audiences, subject, claims: &self.bound_claims }
    }

    /// What the access tokens are like that it gives.
    #[must_use]
    pub fn tokens(&self) -> TokenSettings<'_> {
        let (ttl, max_ttl) = (self.access_token_ttl, self.access_token_max_ttl);
        let uses_limit = self.access_token_num_uses_limit;
        TokenSettings { ttl, max_ttl, uses_limit, trusted_ips: &self.access_token_trusted_ips }
    }
}

impl OidcAuthDocument {
    /// What its JWTs must say.
    #[must_use]
    pub fn bounds(&self) -> JwtBounds<'_> {
        let Self { bound_issuer: issuer, bound_audiences: audiences, bound_subject: subject, .. } = self;
        JwtBounds { issuer, audiences, subject, claims: &self.bound_claims }
    }

    /// What the access tokens are like that it gives.
    #[must_use]
    pub fn tokens(&self) -> TokenSettings<'_> {
        let (ttl, max_ttl) = (self.access_token_ttl, self.access_token_max_ttl);
        let uses_limit = self.access_token_num_uses_limit;
        TokenSettings { ttl, max_ttl, uses_limit, trusted_ips: &self.access_token_trusted_ips }
    }
}

impl IdentityDocument {
    /// The ways by which it logs in: the member that says how, and its identifier.
    pub(super) fn ways(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let jwt_auth = self.jwt_auth.iter().map(|auth| ("jwt_auth", auth.id.as_str()));
        let oidc_auth = self.oidc_auth.iter().map(|auth| ("oidc_auth", auth.id.as_str()));
        let universal_auth = self.universal_auth.iter().map(|auth| ("universal_auth", auth.id.as_str()));
        jwt_auth.chain(oidc_auth).chain(universal_auth)
    }

    /// What its access tokens may rest on, and what holds of them.
    pub(super) fn bases(&self) -> Vec<(String, Arc<Terms>)> {
        let jwt_auth = self.jwt_auth.iter().map(|auth| (jwt_auth_basis(&auth.id), auth.tokens().terms()));
        let oidc_auth = self.oidc_auth.iter().map(|auth| (oidc_auth_basis(&auth.id), auth.tokens().terms()));
        let universal_auth = self.universal_auth.iter().map(|auth| (auth.token_basis(), auth.tokens().terms()));
        jwt_auth.chain(oidc_auth).chain(universal_auth).collect()
    }
}

/// What the policy knows of an exchanged identity.
#[derive(Debug, Clone)]
pub(super) struct Exchanged {
    /// What its access tokens may rest on, and what holds of them.
    pub(super) bases: Vec<(String, Arc<Terms>)>,
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

/// What an access token rests on that OIDC auth gave.
#[must_use]
pub fn oidc_auth_basis(id: &str) -> String {
    format!("oidc-auth/{id}")
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
    for (key, faulty) in [
        ("jwt_auth", document.jwt_auth.as_ref().map_or(Ok(()), check_jwt_auth)),
        ("oidc_auth", document.oidc_auth.as_ref().map_or(Ok(()), check_oidc_auth)),
    ] {
        if let Err((member, problem)) = faulty {
            return Err(Fault::at(&["identities", id, key, member], problem));
        }
    }
    document.universal_auth.as_ref().map_or(Ok(()), |auth| check_universal_auth(id, auth))
}

/// Refuses what contradicts itself or is too large.
///
/// # Errors
/// The first fault.
pub fn check_jwt_auth(auth: &JwtAuthDocument) -> Result<(), MemberFault> {
    check_tokens(&auth.tokens())?;
    let pem = auth.public_keys.iter().map(String::len).sum::<usize>() + auth.jwks_ca_cert.len();
    if pem > MAX_PEM {
        return Err(("public_keys", format!("keys and authorities have at most {MAX_PEM} bytes")));
    }
    check_text("jwks_url", &auth.jwks_url)?;
    check_bounds(&auth.bounds())
}

/// The same of OIDC auth.
///
/// # Errors
/// The first fault.
pub fn check_oidc_auth(auth: &OidcAuthDocument) -> Result<(), MemberFault> {
    check_tokens(&auth.tokens())?;
    if auth.ca_cert.len() > MAX_PEM {
        return Err(("ca_cert", format!("authorities have at most {MAX_PEM} bytes")));
    }
    check_text("oidc_discovery_url", &auth.oidc_discovery_url)?;
    check_bounds(&auth.bounds())
}

fn check_bounds(bounds: &JwtBounds<'_>) -> Result<(), MemberFault> {
    check_text("bound_issuer", bounds.issuer)?;
    check_text("bound_audiences", bounds.audiences)?;
    check_text("bound_subject", bounds.subject)?;
    if bounds.claims.len() > MAX_CLAIMS {
        return Err(("bound_claims", format!("more than {MAX_CLAIMS} entries")));
    }
    bounds.claims.iter().flat_map(|(name, values)| [name, values]).try_for_each(|text| check_text("bound_claims", text))
}

fn check_text(key: &'static str, text: &str) -> Result<(), MemberFault> {
    if text.len() > MAX_TEXT { Err((key, format!("a text has at most {MAX_TEXT} bytes"))) } else { Ok(()) }
}
