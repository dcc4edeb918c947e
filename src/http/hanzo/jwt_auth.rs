//! `/api/v1/auth/jwt-auth/identities/:identityId`: the JWTs that authenticate an identity, for administrators.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::problem::Problem;
use super::super::typed::{Gives, Typed, typed};
use super::attached::{
    Address, DEFAULT_TTL, KEPT, addresses, check_lives, everywhere, expect, faulty, not_attached, put, put_addresses,
    written,
};
use super::shapes::{invalid, iso, read};
use crate::auth::KeySource;
use crate::kms::{self, Identity, now, trusted_by_jwt_auth};
use crate::policy::{ConfigurationType, JwtAuthDocument, check_jwt_auth};

/// Bodies of requests and answers, for the description of the routes.
pub(super) const TAKES: Typed = typed::<Given>;
pub(super) const GIVES: Gives = Gives::One(typed::<One>);

/// The name of the authentication method in messages.
const WAY: &str = "JWT auth";

/// The members of a request. A missing member leaves the value unchanged, or sets the default.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Given {
    configuration_type: Option<ConfigurationType>,
    jwks_url: Option<String>,
    jwks_ca_cert: Option<String>,
    public_keys: Option<Vec<String>>,
    bound_issuer: Option<String>,
    bound_audiences: Option<String>,
    bound_subject: Option<String>,
    bound_claims: Option<BTreeMap<String, String>>,
    #[serde(rename = "accessTokenTTL")]
    access_token_ttl: Option<i64>,
    #[serde(rename = "accessTokenMaxTTL")]
    access_token_max_ttl: Option<i64>,
    access_token_num_uses_limit: Option<i64>,
    access_token_trusted_ips: Option<Vec<Address>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    identity_id: String,
    configuration_type: ConfigurationType,
    jwks_url: String,
    jwks_ca_cert: String,
    public_keys: Vec<String>,
    bound_issuer: String,
    bound_audiences: String,
    bound_subject: String,
    bound_claims: BTreeMap<String, String>,
    #[serde(rename = "accessTokenTTL")]
    access_token_ttl: i64,
    #[serde(rename = "accessTokenMaxTTL")]
    access_token_max_ttl: i64,
    access_token_num_uses_limit: i64,
    access_token_trusted_ips: Vec<Address>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct One {
    identity_jwt_auth: Shown,
    /// A note about the effect of the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
}

impl Given {
    /// Returns whether the request changes which JWTs are accepted.
    fn changes_trust(&self) -> bool {
        let has_keys = self.configuration_type.is_some()
            || self.jwks_url.is_some()
            || self.jwks_ca_cert.is_some()
            || self.public_keys.is_some();
        let texts = [&self.bound_issuer, &self.bound_audiences, &self.bound_subject];
        has_keys || self.bound_claims.is_some() || texts.into_iter().any(Option::is_some)
    }

    /// Returns the present document, or the defaults, with the given members applied.
    fn applied(&self, before: Option<JwtAuthDocument>, id: &str) -> JwtAuthDocument {
        let fresh = || JwtAuthDocument {
            id: id.to_owned(),
            configuration_type: ConfigurationType::Jwks,
            jwks_url: String::new(),
            jwks_ca_cert: String::new(),
            public_keys: Vec::new(),
            bound_issuer: String::new(),
            bound_audiences: String::new(),
            bound_subject: String::new(),
            bound_claims: BTreeMap::new(),
            access_token_ttl: DEFAULT_TTL,
            access_token_max_ttl: DEFAULT_TTL,
            access_token_num_uses_limit: 0,
            access_token_trusted_ips: everywhere(),
            created_at: now(),
            updated_at: now(),
        };
        let mut auth = before.unwrap_or_else(fresh);
        auth.updated_at = now();
        put(&mut auth.configuration_type, self.configuration_type.as_ref());
        put(&mut auth.jwks_url, self.jwks_url.as_ref());
        put(&mut auth.jwks_ca_cert, self.jwks_ca_cert.as_ref());
        put(&mut auth.public_keys, self.public_keys.as_ref());
        put(&mut auth.bound_issuer, self.bound_issuer.as_ref());
        put(&mut auth.bound_audiences, self.bound_audiences.as_ref());
        put(&mut auth.bound_subject, self.bound_subject.as_ref());
        put(&mut auth.bound_claims, self.bound_claims.as_ref());
        put(&mut auth.access_token_ttl, self.access_token_ttl.as_ref());
        put(&mut auth.access_token_max_ttl, self.access_token_max_ttl.as_ref());
        put(&mut auth.access_token_num_uses_limit, self.access_token_num_uses_limit.as_ref());
        put_addresses(&mut auth.access_token_trusted_ips, self.access_token_trusted_ips.as_ref());
        auth
    }
}

fn one(Identity { id, document }: Identity, message: Option<&'static str>) -> Result<Answer, Problem> {
    shown(&id, message, document.jwt_auth.ok_or_else(|| not_attached(WAY))?)
}

fn shown(identity_id: &str, message: Option<&'static str>, auth: JwtAuthDocument) -> Result<Answer, Problem> {
    let identity_jwt_auth = Shown {
        id: auth.id,
        identity_id: identity_id.to_owned(),
        configuration_type: auth.configuration_type,
        jwks_url: auth.jwks_url,
        jwks_ca_cert: auth.jwks_ca_cert,
        public_keys: auth.public_keys,
        bound_issuer: auth.bound_issuer,
        bound_audiences: auth.bound_audiences,
        bound_subject: auth.bound_subject,
        bound_claims: auth.bound_claims,
        access_token_ttl: auth.access_token_ttl,
        access_token_max_ttl: auth.access_token_max_ttl,
        access_token_num_uses_limit: auth.access_token_num_uses_limit,
        access_token_trusted_ips: addresses(auth.access_token_trusted_ips),
        created_at: iso(auth.created_at),
        updated_at: iso(auth.updated_at),
    };
    Ok(Answer::json(StatusCode::OK, &One { identity_jwt_auth, message }))
}

/// Refuses settings that can never accept a JWT, or that accept more than was meant.
fn check(app: &App, identity: &str, auth: &JwtAuthDocument) -> Result<(), Problem> {
    check_lives(&auth.tokens())?;
    check_jwt_auth(auth).map_err(faulty)?;
    let allow_http = app.authenticator.exchange().allows_http();
    let trusted = trusted_by_jwt_auth(identity, auth, allow_http).map_err(invalid)?;
    if let KeySource::Inline(set) = &trusted.keys {
        set.log_findings(identity);
    }
    Ok(())
}

/// Applies a change. The result is checked first, so that errors have the names of the request's members.
fn changed(app: &App, request: &CallerRequest<'_>, given: &Given, is_new: bool) -> Result<Answer, Problem> {
    let (identity, auth_id) = (request.parameter("identity"), kms::uuid::random()?);
    let present = app.kms.identity(&request.context, identity)?.document.jwt_auth;
    expect(present.is_some(), is_new, WAY)?;
    check(app, identity, &given.applied(present, &auth_id))?;
    let change = |before| written(before, is_new, |before| given.applied(before, &auth_id));
    let message = (!is_new && given.changes_trust()).then_some(KEPT);
    one(app.kms.change_jwt_auth(&request.context, identity, change)?, message)
}

/// `POST .../identities/:identityId`
pub(in crate::http) fn attach(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let given: Given = read(request.body)?;
    if given.configuration_type.is_none() {
        return Err(invalid("configurationType is missing: `jwks` or `static`"));
    }
    changed(app, request, &given, true)
}

/// `PATCH .../identities/:identityId`: issued access tokens stay valid, within the new networks and lifetimes.
pub(in crate::http) fn change(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    changed(app, request, &read(request.body)?, false)
}

/// `GET .../identities/:identityId`
pub(in crate::http) fn get(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    one(app.kms.identity(&request.context, request.parameter("identity"))?, None)
}

/// `DELETE .../identities/:identityId`: access tokens that were issued by this method become invalid.
pub(in crate::http) fn remove(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let identity = request.parameter("identity");
    let present = app.kms.identity(&request.context, identity)?;
    let removed = present.document.jwt_auth.ok_or_else(|| not_attached(WAY))?;
    app.kms.change_jwt_auth(&request.context, identity, |_| Ok(None))?;
    shown(identity, None, removed)
}
