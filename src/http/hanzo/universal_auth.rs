//! `/api/v1/auth/universal-auth/identities/:identityId`: settings of the login by client id and client secret, for
//! administrators.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::problem::Problem;
use super::super::typed::{Gives, Typed, typed};
use super::attached::{
    Address, DEFAULT_TTL, addresses, check_lives, everywhere, expect, faulty, not_attached, put_addresses, written,
};
use super::shapes::{invalid, iso, read};
use crate::kms::{self, Identity, now};
use crate::policy::{UniversalAuthDocument, check_universal_auth};

/// Bodies of requests and answers, for the description of the routes.
pub(super) const TAKES: Typed = typed::<Given>;
pub(super) const GIVES: Gives = Gives::One(typed::<One>);

/// The defaults of the lockout, as in Infisical: the threshold, the duration in seconds, and the time after which the
/// counter is reset, in seconds.
const LOCKOUT: (i64, i64, i64) = (3, 300, 30);

/// The name of the authentication method in messages.
const WAY: &str = "Universal Auth";

/// The members of a request. A missing member leaves the value unchanged, or sets the default.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Given {
    client_secret_trusted_ips: Option<Vec<Address>>,
    access_token_trusted_ips: Option<Vec<Address>>,
    #[serde(rename = "accessTokenTTL")]
    access_token_ttl: Option<i64>,
    #[serde(rename = "accessTokenMaxTTL")]
    access_token_max_ttl: Option<i64>,
    access_token_num_uses_limit: Option<i64>,
    access_token_period: Option<i64>,
    lockout_enabled: Option<bool>,
    lockout_threshold: Option<i64>,
    lockout_duration_seconds: Option<i64>,
    lockout_counter_reset_seconds: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    identity_id: String,
    client_id: String,
    client_secret_trusted_ips: Vec<Address>,
    access_token_trusted_ips: Vec<Address>,
    #[serde(rename = "accessTokenTTL")]
    access_token_ttl: i64,
    #[serde(rename = "accessTokenMaxTTL")]
    access_token_max_ttl: i64,
    access_token_num_uses_limit: i64,
    access_token_period: i64,
    lockout_enabled: bool,
    lockout_threshold: i64,
    lockout_duration_seconds: i64,
    lockout_counter_reset_seconds: i64,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct One {
    identity_universal_auth: Shown,
}

/// The identifiers of newly attached Universal Auth.
struct Fresh {
    id: String,
    client_id: String,
}

impl Given {
    /// Returns the present document, or the defaults, with the given members applied.
    fn applied(&self, before: Option<UniversalAuthDocument>, fresh: &Fresh) -> UniversalAuthDocument {
        let (threshold, duration, reset) = LOCKOUT;
        let mut auth = before.unwrap_or_else(|| UniversalAuthDocument {
            id: fresh.id.clone(),
            tokens_id: None,
            client_id: fresh.client_id.clone(),
            client_secret_trusted_ips: everywhere(),
            access_token_ttl: DEFAULT_TTL,
            access_token_max_ttl: DEFAULT_TTL,
            access_token_num_uses_limit: 0,
            access_token_trusted_ips: everywhere(),
            lockout_enabled: true,
            lockout_threshold: threshold,
            lockout_duration_seconds: duration,
            lockout_counter_reset_seconds: reset,
            created_at: now(),
            updated_at: now(),
        });
        auth.updated_at = now();
        for (own, given) in [
            (&mut auth.access_token_ttl, self.access_token_ttl),
            (&mut auth.access_token_max_ttl, self.access_token_max_ttl),
            (&mut auth.access_token_num_uses_limit, self.access_token_num_uses_limit),
            (&mut auth.lockout_threshold, self.lockout_threshold),
            (&mut auth.lockout_duration_seconds, self.lockout_duration_seconds),
            (&mut auth.lockout_counter_reset_seconds, self.lockout_counter_reset_seconds),
        ] {
            *own = given.unwrap_or(*own);
        }
        auth.lockout_enabled = self.lockout_enabled.unwrap_or(auth.lockout_enabled);
        put_addresses(&mut auth.client_secret_trusted_ips, self.client_secret_trusted_ips.as_ref());
        put_addresses(&mut auth.access_token_trusted_ips, self.access_token_trusted_ips.as_ref());
        auth
    }
}

/// Refuses settings that are not supported.
fn check(given: &Given) -> Result<(), Problem> {
    match given.access_token_period {
        None | Some(0) => Ok(()),
        Some(_) => Err(invalid("accessTokenPeriod: only 0 is supported: tokens are renewed up to accessTokenMaxTTL")),
    }
}

fn one(Identity { id, document }: Identity) -> Result<Answer, Problem> {
    Ok(shown(&id, document.universal_auth.ok_or_else(|| not_attached(WAY))?))
}

fn shown(identity_id: &str, auth: UniversalAuthDocument) -> Answer {
    let identity_universal_auth = Shown {
        id: auth.id,
        identity_id: identity_id.to_owned(),
        client_id: auth.client_id,
        client_secret_trusted_ips: addresses(auth.client_secret_trusted_ips),
        access_token_trusted_ips: addresses(auth.access_token_trusted_ips),
        access_token_ttl: auth.access_token_ttl,
        access_token_max_ttl: auth.access_token_max_ttl,
        access_token_num_uses_limit: auth.access_token_num_uses_limit,
        access_token_period: 0,
        lockout_enabled: auth.lockout_enabled,
        lockout_threshold: auth.lockout_threshold,
        lockout_duration_seconds: auth.lockout_duration_seconds,
        lockout_counter_reset_seconds: auth.lockout_counter_reset_seconds,
        created_at: iso(auth.created_at),
        updated_at: iso(auth.updated_at),
    };
    Answer::json(StatusCode::OK, &One { identity_universal_auth })
}

/// Applies a change. The result is checked first, so that errors have the names of the request's members.
fn changed(app: &App, request: &CallerRequest<'_>, is_new: bool) -> Result<Answer, Problem> {
    let given: Given = read(request.body)?;
    let (identity, fresh) =
        (request.parameter("identity"), Fresh { id: kms::uuid::random()?, client_id: kms::uuid::random()? });
    let present = app.kms.identity(&request.context, identity)?.document.universal_auth;
    expect(present.is_some(), is_new, WAY)?;
    check(&given)?;
    let auth = given.applied(present, &fresh);
    check_lives(&auth.tokens())?;
    check_universal_auth(&auth).map_err(faulty)?;
    let change = |before| written(before, is_new, |before| given.applied(before, &fresh));
    one(app.kms.change_universal_auth(&request.context, identity, change)?)
}

/// `POST .../identities/:identityId`
pub(in crate::http) fn attach(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    changed(app, request, true)
}

/// `PATCH .../identities/:identityId`: client id, client secrets and issued access tokens stay valid.
pub(in crate::http) fn change(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    changed(app, request, false)
}

/// `GET .../identities/:identityId`
pub(in crate::http) fn get(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    one(app.kms.identity(&request.context, request.parameter("identity"))?)
}

/// `DELETE .../identities/:identityId`: its client secrets, and the access tokens that they obtained, become invalid.
pub(in crate::http) fn remove(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let identity = request.parameter("identity");
    let present = app.kms.identity(&request.context, identity)?;
    let removed = present.document.universal_auth.ok_or_else(|| not_attached(WAY))?;
    app.kms.change_universal_auth(&request.context, identity, |_| Ok(None))?;
    Ok(shown(identity, removed))
}
