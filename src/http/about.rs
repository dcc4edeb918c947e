//! Routes that describe the server and the caller.

use warp::http::StatusCode;

use super::answer::Answer;
use super::app::App;
use super::caller_request::CallerRequest;
use super::hanzo::iso;
use super::problem::Problem;
use crate::api::Word;
use crate::api::about::{DatabaseHealth, Health, Host, ServerInfo, WhoAmI};
use crate::kms::{self, TokenHealth};
use crate::principal::Method;
use crate::store::DatabaseState;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Answers with the version as a JSON string, the form that the clients of KMIP's bare dialect expect.
pub(super) fn version(_: &App) -> Result<Answer, Problem> {
    Ok(Answer::json(StatusCode::OK, &VERSION))
}

pub(super) fn server_info(_: &App) -> Result<Answer, Problem> {
    Ok(Answer::json(StatusCode::OK, &ServerInfo { version: VERSION.into() }))
}

pub(super) fn health(app: &App) -> Result<Answer, Problem> {
    let health = app.kms.health();
    let word = |good| Word::from(if good { "ok" } else { "unavailable" });
    let token = match health.token {
        TokenHealth::Good => "ok",
        TokenHealth::Unavailable => "unavailable",
        TokenHealth::Hangs => "hangs: if it goes on, restart the server",
    };
    let is_leaving = app.leaving.has_begun();
    let process = Word::from(if is_leaving { "stopping" } else { "ok" });
    let status = if health.is_good() && !is_leaving { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let weaker_custody = Some(app.kms.weaker_custody()).filter(|weaknesses| !weaknesses.is_empty());
    let (store, audit) = (word(health.store), word(health.audit));
    let token = Word::from(token);
    Ok(Answer::json(status, &Health { process, store, token, audit, weaker_custody }))
}

/// `GET /health/database`
pub(super) fn database(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let kms::DatabaseHealth { server, state } = app.kms.database(&request.context)?;
    let word = |state: &DatabaseState| Word::from(if state.primary { "primary" } else { "unknown" });
    let health = DatabaseHealth {
        kind: Word::from(if state.is_some() { "postgresql" } else { "sqlite" }),
        server: state.is_some().then_some(server),
        role: state.as_ref().map(word),
        heard_ms: state.as_ref().map(|state| u64::try_from(state.heard.as_millis()).unwrap_or(u64::MAX)),
        commits_behind: state.as_ref().map(|state| state.behind),
        host: state.map(|state| state.host),
    };
    Ok(Answer::json(StatusCode::OK, &health))
}

fn host(app: &App, request: &CallerRequest<'_>) -> Option<Host> {
    let caller = request.context.caller;
    let Method::AccessToken { id, .. } = &caller.method else { return None };
    let account = app.kms.host(caller.username.as_str().strip_prefix("host/")?)?.account.clone();
    let token_issued_at = iso(app.kms.access_tokens().issued_at(id)?);
    Some(Host { account, client_ip: request.context.peer.ip(), token_issued_at })
}

pub(super) fn whoami(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let caller = request.context.caller;
    let (username, method) = (caller.username.as_str().to_owned(), caller.method.name().into());
    Ok(Answer::json(
        StatusCode::OK,
        &WhoAmI { username, method, role: app.kms.role_of(caller), host: host(app, request) },
    ))
}
