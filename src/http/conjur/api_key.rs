//! `/authn/ACCOUNT`: API keys of hosts.

use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::ask::Ask;
use super::super::head::authorization;
use super::super::problem::Problem;
use super::super::visit::{Answering, Visit, not_logged_in};
use super::token::flattened;
use crate::auth::{Basic, Unauthenticated};
use crate::kms::{NoCredential, PresentedKey};
use crate::secret::Password;

/// `POST /authn/ACCOUNT/LOGIN/authenticate`: the body is the API key, whatever its Content-Type.
pub(in crate::http) fn authenticate<'a>(app: &'a App, visit: Visit<'a>) -> Answering<'a> {
    Box::pin(async move {
        let key = Password::from(String::from_utf8_lossy(visit.body).into_owned());
        let login = visit.parameter("login").unwrap_or_default();
        let presented = PresentedKey { account: account(&visit), login, key: &key };
        let issued = app.logins.log_in_by_api_key(&visit.visitor(), &presented).await;
        let issued = issued.map_err(|refused| not_logged_in(refused, told))?;
        Ok(flattened(&issued.token, visit.headers))
    })
}

/// `GET /authn/ACCOUNT/login`, with Basic credentials: the answer is the API key, if it is right.
pub(in crate::http) fn log_in<'a>(app: &'a App, visit: Visit<'a>) -> Answering<'a> {
    Box::pin(async move {
        let basic = basic(app, &visit)?;
        let presented = PresentedKey { account: account(&visit), login: &basic.user, key: &basic.password };
        let verified = app.logins.verify_api_key(&visit.visitor(), &presented).await;
        verified.map_err(|refused| not_logged_in(refused, told))?;
        Ok(text(&basic.password))
    })
}

/// `PUT /authn/ACCOUNT/api_key[?role=...]`, with Basic credentials: replaces the host's own API key.
pub(in crate::http) fn rotate_own<'a>(app: &'a App, visit: Visit<'a>) -> Answering<'a> {
    Box::pin(async move {
        let basic = basic(app, &visit)?;
        if let Some(role) = visit.query.text("role") {
            let host = host_of(role, account(&visit))?;
            if basic.user.strip_prefix("host/") != Some(host) {
                let detail = format!("role: Basic changes the API key of {:?}, and not that of {role:?}", basic.user);
                return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
            }
        }
        let presented = PresentedKey { account: account(&visit), login: &basic.user, key: &basic.password };
        let key = app.logins.rotate_api_key(&visit.visitor(), &presented).await;
        Ok(text(&key.map_err(|refused| not_logged_in(refused, told))?))
    })
}

/// `PUT /authn/ACCOUNT/api_key?role=[ACCOUNT:]host:ID`: an administrator creates or replaces the API key of a host.
pub(in crate::http) fn issue(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let account = ask.parameter("account");
    Ok(text(&app.kms.issue_api_key(&ask.context, account, host(ask, account)?)?))
}

/// `DELETE /authn/ACCOUNT/api_key?role=[ACCOUNT:]host:ID`: an administrator revokes the API key of a host.
pub(in crate::http) fn remove(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let account = ask.parameter("account");
    app.kms.revoke_api_key(&ask.context, account, host(ask, account)?)?;
    Ok(Answer::text(StatusCode::NO_CONTENT, Vec::new()))
}

/// Returns the host that the query names.
fn host<'a>(ask: &Ask<'a>, account: &str) -> Result<&'a str, Problem> {
    let missing = "role is missing: name the host as role=host:ID, or present the host's own API key by Basic";
    let role = ask.query.text("role").ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, missing))?;
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

fn account<'a>(visit: &Visit<'a>) -> &'a str {
    visit.parameter("account").unwrap_or_default()
}

fn text(key: &Password) -> Answer {
    Answer::text(StatusCode::OK, key.as_bytes().to_vec())
}

/// Reads the Basic credentials of a request. Missing or malformed ones are refused like wrong ones.
fn basic(app: &App, visit: &Visit<'_>) -> Result<Basic, Problem> {
    let basic = Basic::read(authorization(visit.headers)).and_then(|basic| basic.ok_or(Unauthenticated::NoCredential));
    basic.map_err(|reason| visit.unauthenticated(app, &reason))
}

/// Converts a refused login. The answer is the same for every cause: 401 without a body.
fn told(_: NoCredential) -> Problem {
    Problem::unauthenticated()
}
