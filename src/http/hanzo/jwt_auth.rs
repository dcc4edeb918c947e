//! `/api/v1/auth/jwt-auth/identities/:identityId`: by which JWTs an identity is known, for those who administer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::super::ask::Ask;
use super::super::problem::Problem;
use super::super::{Answer, App};
use super::{invalid, iso, read};
use crate::auth::KeySource;
use crate::kms::{self, Identity, now, trusted_by_jwt_auth};
use crate::policy::{ConfigurationType, JwtAuthDocument, TrustedNetwork};

/// Seconds for which a token is good, and can be renewed, if nothing else is said: 30 days.
pub(super) const DEFAULT_TTL: i64 = 2_592_000;

/// From everywhere.
pub(super) const EVERYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Address {
    pub(super) ip_address: String,
}

impl Address {
    /// In its one spelling; what is not a network is refused with the rest of the document.
    pub(super) fn canonical(&self) -> String {
        self.ip_address.parse().map_or_else(|_| self.ip_address.clone(), |network: TrustedNetwork| network.to_string())
    }
}

/// What a request says; what it leaves out stays as it was, or is the default.
#[derive(Deserialize)]
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

#[derive(Serialize)]
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One {
    identity_jwt_auth: Shown,
}

impl Given {
    /// What there is, with what is given in its place.
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
            access_token_trusted_ips: EVERYWHERE.map(str::to_owned).into(),
            created_at: now(),
            updated_at: now(),
        };
        let mut auth = before.unwrap_or_else(fresh);
        auth.updated_at = now();
        fn put<T: Clone>(own: &mut T, given: Option<&T>) {
            if let Some(given) = given {
                *own = given.clone();
            }
        }
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
        if let Some(addresses) = &self.access_token_trusted_ips {
            auth.access_token_trusted_ips = addresses.iter().map(Address::canonical).collect();
        }
        auth
    }
}

fn one(Identity { id, document }: Identity) -> Result<Answer, Problem> {
    shown(&id, document.jwt_auth.ok_or_else(not_attached)?)
}

fn shown(identity_id: &str, auth: JwtAuthDocument) -> Result<Answer, Problem> {
    let addresses = auth.access_token_trusted_ips.into_iter().map(|ip_address| Address { ip_address });
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
        access_token_trusted_ips: addresses.collect(),
        created_at: iso(auth.created_at),
        updated_at: iso(auth.updated_at),
    };
    Ok(Answer::json(StatusCode::OK, &One { identity_jwt_auth }))
}

fn not_attached() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "the identity has no JWT auth")
}

fn id<'a>(ask: &'a Ask<'_>) -> &'a str {
    ask.parameter(0)
}

/// Refuses what could never let anybody in, or more than was meant.
fn check(app: &App, identity: &str, auth: &JwtAuthDocument) -> Result<(), Problem> {
    if auth.access_token_max_ttl > 0 && auth.access_token_ttl > auth.access_token_max_ttl {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "accessTokenTTL cannot be greater than accessTokenMaxTTL"));
    }
    let allow_http = app.authenticator.exchange().allows_http();
    let trusted = trusted_by_jwt_auth(identity, auth, allow_http).map_err(invalid)?;
    if let KeySource::Inline(set) = &trusted.keys {
        set.tell(identity);
    }
    Ok(())
}

/// Looks at what a change would make of it before it is made: faults are reported in the words of the request.
fn changed(app: &App, ask: &Ask<'_>, given: &Given, is_new: bool) -> Result<Answer, Problem> {
    let (identity, auth_id) = (id(ask), kms::uuid::random()?);
    let present = app.kms.identity(&ask.context, identity)?.document.jwt_auth;
    match (&present, is_new) {
        (Some(_), true) => {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "the identity has JWT auth already: change or remove it",
            ));
        }
        (None, false) => return Err(not_attached()),
        _ => check(app, identity, &given.applied(present, &auth_id))?,
    }
    let change = |before: Option<JwtAuthDocument>| {
        if before.is_some() == is_new {
            return Err(kms::Error::Contention);
        }
        Ok(Some(given.applied(before, &auth_id)))
    };
    one(app.kms.change_jwt_auth(&ask.context, identity, change)?)
}

/// `POST .../identities/:identityId`
pub(in crate::http) fn attach(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let given: Given = read(ask.body)?;
    if given.configuration_type.is_none() {
        return Err(invalid("configurationType is missing: `jwks` or `static`"));
    }
    changed(app, ask, &given, true)
}

/// `PATCH .../identities/:identityId`: tokens that are out stay good.
pub(in crate::http) fn change(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    changed(app, ask, &read(ask.body)?, false)
}

/// `GET .../identities/:identityId`
pub(in crate::http) fn get(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    one(app.kms.identity(&ask.context, id(ask))?)
}

/// `DELETE .../identities/:identityId`: the tokens that it gave are good no more.
pub(in crate::http) fn remove(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let identity = id(ask);
    let present = app.kms.identity(&ask.context, identity)?;
    let removed = present.document.jwt_auth.ok_or_else(not_attached)?;
    app.kms.change_jwt_auth(&ask.context, identity, |_| Ok(None))?;
    shown(identity, removed)
}
