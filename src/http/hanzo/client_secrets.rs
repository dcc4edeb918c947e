//! `/api/v1/auth/universal-auth`: the login by a client secret, and, for administrators, the client secrets of an
//! identity.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::super::anonymous_request::{AnonymousRequest, Answering, not_logged_in};
use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::page::Page;
use super::super::problem::Problem;
use super::super::typed::{Gives, Part, Typed, typed};
use super::login;
use super::shapes::{iso, read, read_login, read_nothing};
use crate::api::logins::SecretLogin;
use crate::kms::{
    ClientSecretEntry, CredentialFault, MAX_ENTRIES, NewClientSecret, NoCredential, PageBuilder, PresentedSecret,
};
use crate::secret::Password;

/// Bodies of requests and answers, for the description of the routes.
pub(super) const LOGIN: Typed = typed::<SecretLogin<String>>;
pub(super) const NEW: Typed = typed::<New>;
pub(super) const MADE: Gives = Gives::One(typed::<Made<'static>>);
pub(super) const ONE: Gives = Gives::One(typed::<One>);
pub(super) const ALL: Gives = Gives::Object(&[("clientSecretData", Part::Array(typed::<Shown>))]);
pub(super) const CLEARED: Gives = Gives::One(typed::<Cleared>);

/// The answer to a caller with a wrong secret. It does not reveal whether the client exists.
const REFUSED: &str = "Invalid credentials. A client that fails too often is locked out for a while";

/// `POST /api/v1/auth/universal-auth/login`
pub(in crate::http) fn log_in<'a>(app: &'a App, request: AnonymousRequest<'a>) -> Answering<'a> {
    Box::pin(async move {
        let SecretLogin::<Password> { client_id, client_secret } = read_login(&request)?;
        let presented = PresentedSecret { client_id, client_secret };
        let issued = app.logins.log_in_by_client_secret(&request.visitor(), &presented).await;
        Ok(login::given(&issued.map_err(|refused| not_logged_in(refused, login_refused))?))
    })
}

/// Converts a refused login. Only a caller with the right secret receives the reason why it is no longer valid, as with
/// Infisical.
fn login_refused(reason: NoCredential) -> Problem {
    let message = match reason {
        NoCredential::Connection(_) => return Problem::unauthenticated(),
        NoCredential::Credential(CredentialFault::Expired) => "Access denied due to expired client secret",
        NoCredential::Credential(CredentialFault::Spent) => "Access denied due to client secret usage limit reached",
        NoCredential::Credential(_) => REFUSED,
    };
    Problem::new(StatusCode::UNAUTHORIZED, message)
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct New {
    description: String,
    num_uses_limit: i64,
    ttl: i64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    created_at: String,
    updated_at: String,
    description: String,
    client_secret_prefix: String,
    client_secret_num_uses: i64,
    client_secret_num_uses_limit: i64,
    #[serde(rename = "clientSecretTTL")]
    client_secret_ttl: i64,
    #[serde(rename = "identityUAId")]
    identity_ua_id: String,
    is_client_secret_revoked: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Made<'a> {
    client_secret: &'a str,
    client_secret_data: Shown,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct One {
    client_secret_data: Shown,
}

#[derive(Serialize, JsonSchema)]
struct Cleared {
    deleted: usize,
}

impl From<ClientSecretEntry> for Shown {
    fn from(entry: ClientSecretEntry) -> Self {
        Self {
            id: entry.id,
            created_at: iso(entry.created),
            updated_at: iso(entry.updated),
            description: entry.description,
            client_secret_prefix: entry.prefix,
            client_secret_num_uses: entry.uses,
            client_secret_num_uses_limit: entry.uses_limit,
            client_secret_ttl: entry.ttl,
            identity_ua_id: entry.auth,
            is_client_secret_revoked: entry.revoked,
        }
    }
}

fn one(entry: ClientSecretEntry) -> Answer {
    Answer::json(StatusCode::OK, &One { client_secret_data: entry.into() })
}

/// `POST .../identities/:identityId/client-secrets`: only this answer contains the secret.
pub(in crate::http) fn create(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let New { description, num_uses_limit, ttl } = read(request.body)?;
    let description = description.trim().to_owned();
    let new = NewClientSecret { description, uses_limit: num_uses_limit, ttl };
    let (secret, entry) = app.kms.create_client_secret(&request.context, request.parameter("identity"), new)?;
    Ok(Answer::json(StatusCode::OK, &Made { client_secret: &secret, client_secret_data: entry.into() }))
}

/// `GET .../identities/:identityId/client-secrets`: lists the client secrets that are not revoked.
pub(in crate::http) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let mut page = Page::named("clientSecretData");
    let mut write = |entry: ClientSecretEntry| page.put(&Shown::from(entry));
    let mut sheet = PageBuilder::new(&request.context, MAX_ENTRIES, &mut write);
    app.kms.client_secrets(&request.context, request.parameter("identity"), &mut sheet)?;
    Ok(page.end())
}

/// `GET .../identities/:identityId/client-secrets/:clientSecretId`
pub(in crate::http) fn get(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    Ok(one(app.kms.client_secret(
        &request.context,
        request.parameter("identity"),
        request.parameter("client_secret"),
    )?))
}

/// `POST .../identities/:identityId/client-secrets/:clientSecretId/revoke`
pub(in crate::http) fn revoke(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    read_nothing(request.body)?;
    Ok(one(app.kms.revoke_client_secret(
        &request.context,
        request.parameter("identity"),
        request.parameter("client_secret"),
    )?))
}

/// `POST .../identities/:identityId/clear-lockouts`
pub(in crate::http) fn clear_lockouts(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    read_nothing(request.body)?;
    let deleted = app.kms.clear_lockouts(&request.context, request.parameter("identity"))?;
    Ok(Answer::json(StatusCode::OK, &Cleared { deleted }))
}
