//! `/authn/ACCOUNT`: API keys of hosts.

use warp::http::StatusCode;

use super::super::anonymous_request::{AnonymousRequest, Answering, not_logged_in};
use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::head::authorization;
use super::super::problem::Problem;
use super::token::flattened;
use crate::auth::{Basic, Unauthenticated};
use crate::kms::{NoCredential, PresentedKey};
use crate::secret::Password;

/// `POST /authn/ACCOUNT/LOGIN/authenticate`: the body is the API key, whatever its Content-Type.
pub(in crate::http) fn authenticate<'a>(app: &'a App, request: AnonymousRequest<'a>) -> Answering<'a> {
    Box::pin(async move {
        let key = Password::from(String::from_utf8_lossy(request.body).into_owned());
        let login = request.parameter("login").unwrap_or_default();
        let presented = PresentedKey { account: account(&request), login, key: &key };
        let issued = app.logins.log_in_by_api_key(&request.visitor(), &presented).await;
        let issued = issued.map_err(|refused| not_logged_in(refused, login_refused))?;
        Ok(flattened(&issued.token, request.headers))
    })
}

/// `GET /authn/ACCOUNT/login`, with Basic credentials: the answer is the API key, if it is right.
pub(in crate::http) fn log_in<'a>(app: &'a App, request: AnonymousRequest<'a>) -> Answering<'a> {
    Box::pin(async move {
        let basic = basic(app, &request)?;
        let presented = PresentedKey { account: account(&request), login: &basic.user, key: &basic.password };
        let verified = app.logins.verify_api_key(&request.visitor(), &presented).await;
        verified.map_err(|refused| not_logged_in(refused, login_refused))?;
        Ok(text(&basic.password))
    })
}

/// `PUT /authn/ACCOUNT/api_key[?role=...]`, with Basic credentials: replaces the host's own API key.
pub(in crate::http) fn rotate_own<'a>(app: &'a App, request: AnonymousRequest<'a>) -> Answering<'a> {
    Box::pin(async move {
        let basic = basic(app, &request)?;
        if let Some(role) = request.query.text("role") {
            let host = host_of(role, account(&request))?;
            if basic.user.strip_prefix("host/") != Some(host) {
                let detail = format!("role: Basic changes the API key of {:?}, and not that of {role:?}", basic.user);
                return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
            }
        }
        let presented = PresentedKey { account: account(&request), login: &basic.user, key: &basic.password };
        let key = app.logins.rotate_api_key(&request.visitor(), &presented).await;
        Ok(text(&key.map_err(|refused| not_logged_in(refused, login_refused))?))
    })
}

/// `PUT /authn/ACCOUNT/api_key?role=[ACCOUNT:]host:ID`: an administrator creates or replaces the API key of a host.
pub(in crate::http) fn issue(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let account = request.parameter("account");
    Ok(text(&app.kms.issue_api_key(&request.context, account, host(request, account)?)?))
}

/// `DELETE /authn/ACCOUNT/api_key?role=[ACCOUNT:]host:ID`: an administrator revokes the API key of a host.
pub(in crate::http) fn remove(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let account = request.parameter("account");
    app.kms.revoke_api_key(&request.context, account, host(request, account)?)?;
    Ok(Answer::text(StatusCode::NO_CONTENT, Vec::new()))
}

/// Returns the host that the query names.
fn host<'a>(request: &CallerRequest<'a>, account: &str) -> Result<&'a str, Problem> {
    let missing = "role is missing: name the host as role=host:ID, or present the host's own API key by Basic";
    let role = request.query.text("role").ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, missing))?;
    host_of(role, account)
}

/// Returns the host of an account that a role names.
fn host_of<'a>(role: &'a str, account: &str) -> Result<&'a str, Problem> {
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
    let own = role.strip_prefix(account).and_then(|rest| rest.strip_prefix(':')).unwrap_or(role);
    match own.strip_prefix("host:") {
        Some(id) if !id.is_empty() => Ok(id),
        _ => Err(bad(format!("role: {role:?} is not host:ID or {account}:host:ID: only hosts have API keys here"))),
    }
}

fn account<'a>(request: &AnonymousRequest<'a>) -> &'a str {
    request.parameter("account").unwrap_or_default()
}

fn text(key: &Password) -> Answer {
    Answer::text(StatusCode::OK, key.as_bytes().to_vec())
}

/// Reads the Basic credentials of a request. Missing or malformed ones are refused like wrong ones.
fn basic(app: &App, request: &AnonymousRequest<'_>) -> Result<Basic, Problem> {
    let basic =
        Basic::read(authorization(request.headers)).and_then(|basic| basic.ok_or(Unauthenticated::NoCredential));
    basic.map_err(|reason| request.unauthenticated(app, &reason))
}

/// Converts a refused login. The answer is the same for every cause: 401 without a body.
fn login_refused(_: NoCredential) -> Problem {
    Problem::unauthenticated()
}
