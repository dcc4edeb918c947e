//! Exchanged identities: applications that prove who they are by one of their ways of logging in, and get an access
//! token.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::{Fault, MAX_PARTS, check_count, check_name};
use super::terms::Terms;
use super::token_settings::{MemberFault, TokenSettings, check_tokens};
use super::universal_auth::{UniversalAuthDocument, check_universal_auth};

/// The longest text in an identity, in bytes.
const MAX_TEXT: usize = 4096;

/// The longest total of public keys and CA certificates of one way of logging in, in bytes of PEM.
const MAX_PEM: usize = 64 << 10;

/// The largest number of bound claims of one way of logging in.
const MAX_CLAIMS: usize = 64;

/// An identity of an application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityDocument {
    /// A display name.
    pub name: String,
    /// What the identity may do in addition to its roles in projects.
    #[serde(default)]
    pub role: OrganizationRole,
    /// The organization of the identity according to its clients. It decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// Metadata for readers and programs. It decides nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// The time when the identity was created, in seconds since 1970-01-01 UTC.
    #[serde(default)]
    pub created_at: i64,
    /// The time of the last change, as `created_at`.
    #[serde(default)]
    pub updated_at: i64,
    /// The JWTs with which the identity gets access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt_auth: Option<JwtAuthDocument>,
    /// The JWTs of an OpenID Connect provider with which the identity gets access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc_auth: Option<OidcAuthDocument>,
    /// The client id and client secrets with which the identity gets access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub universal_auth: Option<UniversalAuthDocument>,
}

/// What an identity may do outside of projects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OrganizationRole {
    /// The identity is an administrator.
    Admin,
    /// The identity may add objects of its own, as other users may.
    Member,
    /// The identity may do only what its roles in projects and its grants permit.
    #[default]
    NoAccess,
}

/// JWT auth: the JWTs with which an identity logs in, and the settings of the access tokens that it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtAuthDocument {
    /// The identifier of this attachment. It is generated whenever JWT auth is attached; access tokens of a former
    /// attachment are refused.
    pub id: String,
    /// The source of the keys: a JWK Set by its URL, or the keys in `public_keys`.
    pub configuration_type: ConfigurationType,
    /// The URL of the JWK Set.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub jwks_url: String,
    /// CA certificates for the server of the JWK Set, in PEM; the system's if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub jwks_ca_cert: String,
    /// The public keys, each in PEM.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_keys: Vec<String>,
    /// The required `iss`. It is compared exactly.
    pub bound_issuer: String,
    /// The permitted audiences, as patterns separated by commas.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bound_audiences: String,
    /// A pattern for the `sub`; any `sub` if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bound_subject: String,
    /// The required claims by their paths. Each value is a list of patterns separated by commas.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bound_claims: BTreeMap<String, String>,
    /// The lifetime of an access token, in seconds; 0 for the longest lifetime.
    pub access_token_ttl: i64,
    /// The longest lifetime of an access token including renewals, in seconds; 0 for [`super::MAX_TOKEN_TTL`].
    pub access_token_max_ttl: i64,
    /// The number of times that an access token may be used; 0 for no limit.
    pub access_token_num_uses_limit: i64,
    /// The networks from which an access token may be used.
    pub access_token_trusted_ips: Vec<String>,
    /// The time when JWT auth was attached, in seconds since 1970-01-01 UTC.
    #[serde(default)]
    pub created_at: i64,
    /// The time of the last change, as `created_at`.
    #[serde(default)]
    pub updated_at: i64,
}

/// OIDC auth: the JWTs of an OpenID Connect provider with which an identity logs in, and the settings of the access
/// tokens that it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcAuthDocument {
    /// The identifier of this attachment. It is generated whenever OIDC auth is attached; access tokens of a former
    /// attachment are refused.
    pub id: String,
    /// The URL of the provider, whose configuration names the URL of its keys (OpenID Connect Discovery 1.0 section 4).
    pub oidc_discovery_url: String,
    /// CA certificates for the provider's servers, in PEM; the system's if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ca_cert: String,
    /// The required `iss`. It is compared exactly.
    pub bound_issuer: String,
    /// The permitted audiences, as patterns separated by commas.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bound_audiences: String,
    /// A pattern for the `sub`; any `sub` if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bound_subject: String,
    /// The required claims by their paths. Each value is a list of patterns separated by commas.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bound_claims: BTreeMap<String, String>,
    /// The lifetime of an access token, in seconds; 0 for the longest lifetime.
    pub access_token_ttl: i64,
    /// The longest lifetime of an access token including renewals, in seconds; 0 for [`super::MAX_TOKEN_TTL`].
    pub access_token_max_ttl: i64,
    /// The number of times that an access token may be used; 0 for no limit.
    pub access_token_num_uses_limit: i64,
    /// The networks from which an access token may be used.
    pub access_token_trusted_ips: Vec<String>,
    /// The time when OIDC auth was attached, in seconds since 1970-01-01 UTC.
    #[serde(default)]
    pub created_at: i64,
    /// The time of the last change, as `created_at`.
    #[serde(default)]
    pub updated_at: i64,
}

/// The requirements for the claims of the JWTs with which an identity logs in.
#[derive(Debug, Clone, Copy)]
pub struct JwtBounds<'a> {
    /// The required `iss`. It is compared exactly.
    pub issuer: &'a str,
    /// The permitted audiences, as patterns separated by commas.
    pub audiences: &'a str,
    /// A pattern for the `sub`; any `sub` if empty.
    pub subject: &'a str,
    /// The required claims by their paths. Each value is a list of patterns separated by commas.
    pub claims: &'a BTreeMap<String, String>,
}

/// The source of the keys of an identity's issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConfigurationType {
    /// The URL of a JWK Set.
    Jwks,
    /// The configuration of the identity.
    Static,
}

impl JwtAuthDocument {
    /// The requirements for the claims of the JWTs.
    #[must_use]
    pub fn bounds(&self) -> JwtBounds<'_> {
        let Self { bound_issuer: issuer, bound_audiences: audiences, bound_subject: subject, .. } = self;
        JwtBounds { issuer, audiences, subject, claims: &self.bound_claims }
    }

    /// The settings of the access tokens that JWT auth gives.
    #[must_use]
    pub fn tokens(&self) -> TokenSettings<'_> {
        let (ttl, max_ttl) = (self.access_token_ttl, self.access_token_max_ttl);
        let uses_limit = self.access_token_num_uses_limit;
        TokenSettings { ttl, max_ttl, uses_limit, trusted_ips: &self.access_token_trusted_ips }
    }
}

impl OidcAuthDocument {
    /// The requirements for the claims of the JWTs.
    #[must_use]
    pub fn bounds(&self) -> JwtBounds<'_> {
        let Self { bound_issuer: issuer, bound_audiences: audiences, bound_subject: subject, .. } = self;
        JwtBounds { issuer, audiences, subject, claims: &self.bound_claims }
    }

    /// The settings of the access tokens that OIDC auth gives.
    #[must_use]
    pub fn tokens(&self) -> TokenSettings<'_> {
        let (ttl, max_ttl) = (self.access_token_ttl, self.access_token_max_ttl);
        let uses_limit = self.access_token_num_uses_limit;
        TokenSettings { ttl, max_ttl, uses_limit, trusted_ips: &self.access_token_trusted_ips }
    }
}

impl IdentityDocument {
    /// The identity's ways of logging in: for each its member name in the document, and its identifier.
    pub(super) fn ways(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let jwt_auth = self.jwt_auth.iter().map(|auth| ("jwt_auth", auth.id.as_str()));
        let oidc_auth = self.oidc_auth.iter().map(|auth| ("oidc_auth", auth.id.as_str()));
        let universal_auth = self.universal_auth.iter().map(|auth| ("universal_auth", auth.id.as_str()));
        jwt_auth.chain(oidc_auth).chain(universal_auth)
    }

    /// The bases that the identity's access tokens may have, with the current terms of each.
    pub(super) fn bases(&self) -> Vec<(String, Arc<Terms>)> {
        let jwt_auth = self.jwt_auth.iter().map(|auth| (jwt_auth_basis(&auth.id), auth.tokens().terms()));
        let oidc_auth = self.oidc_auth.iter().map(|auth| (oidc_auth_basis(&auth.id), auth.tokens().terms()));
        let universal_auth = self.universal_auth.iter().map(|auth| (auth.token_basis(), auth.tokens().terms()));
        jwt_auth.chain(oidc_auth).chain(universal_auth).collect()
    }
}

/// An exchanged identity, as the policy stores it.
#[derive(Debug, Clone)]
pub(super) struct Exchanged {
    /// The bases that the identity's access tokens may have, with the current terms of each.
    pub(super) bases: Vec<(String, Arc<Terms>)>,
    /// The identity.
    pub(super) identity: Arc<IdentityDocument>,
}

/// The user name of an identity.
#[must_use]
pub fn identity_username(id: &str) -> String {
    format!("identity:{id}")
}

/// The basis of an access token that JWT auth gave.
#[must_use]
pub fn jwt_auth_basis(id: &str) -> String {
    format!("jwt-auth/{id}")
}

/// The basis of an access token that OIDC auth gave.
#[must_use]
pub fn oidc_auth_basis(id: &str) -> String {
    format!("oidc-auth/{id}")
}

/// Refuses an identity that contradicts itself or is too large. It does not check whether the keys can be read: the
/// code that uses them does.
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
        ("universal_auth", document.universal_auth.as_ref().map_or(Ok(()), check_universal_auth)),
    ] {
        if let Err((member, problem)) = faulty {
            return Err(Fault::at(&["identities", id, key, member], problem));
        }
    }
    Ok(())
}

/// Refuses settings that contradict themselves or are too large.
///
/// # Errors
/// The first fault.
pub fn check_jwt_auth(auth: &JwtAuthDocument) -> Result<(), MemberFault> {
    check_tokens(&auth.tokens())?;
    if auth.jwks_ca_cert.len() > MAX_PEM {
        return Err(("jwks_ca_cert", format!("authorities have at most {MAX_PEM} bytes")));
    }
    let pem = auth.public_keys.iter().map(String::len).sum::<usize>() + auth.jwks_ca_cert.len();
    if pem > MAX_PEM {
        return Err(("public_keys", format!("keys and authorities have at most {MAX_PEM} bytes")));
    }
    check_text("jwks_url", &auth.jwks_url)?;
    check_bounds(&auth.bounds())
}

/// Refuses settings that contradict themselves or are too large.
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
