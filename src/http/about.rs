//! Routes that describe the server and the caller.

use serde::Serialize;
use warp::http::StatusCode;

use super::answer::Answer;
use super::app::App;
use super::ask::Ask;
use super::hanzo::iso;
use super::problem::Problem;
use crate::kms::TokenHealth;
use crate::principal::Method;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Answers with the version as a JSON string, the form that the clients of KMIP's bare dialect expect.
pub(super) fn version(_: &App) -> Result<Answer, Problem> {
    Ok(Answer::json(StatusCode::OK, &VERSION))
}

#[derive(Serialize)]
struct ServerInfo {
    version: &'static str,
}

pub(super) fn server_info(_: &App) -> Result<Answer, Problem> {
    Ok(Answer::json(StatusCode::OK, &ServerInfo { version: VERSION }))
}

#[derive(Serialize)]
struct Health {
    process: &'static str,
    store: &'static str,
    token: &'static str,
    audit: &'static str,
    /// Protections that root keys lack, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    weaker_custody: Option<String>,
}

pub(super) fn health(app: &App) -> Result<Answer, Problem> {
    let health = app.kms.health();
    let word = |good| if good { "ok" } else { "away" };
    let token = match health.token {
        TokenHealth::Good => "ok",
        TokenHealth::Unavailable => "away",
        TokenHealth::Hangs => "hangs: if it goes on, restart the server",
    };
    let status = if health.is_good() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let weaker_custody = Some(app.kms.weaker_custody()).filter(|weaknesses| !weaknesses.is_empty());
    let (store, audit) = (word(health.store), word(health.audit));
    Ok(Answer::json(status, &Health { process: "ok", store, token, audit, weaker_custody }))
}

#[derive(Serialize)]
struct WhoAmI<'a> {
    username: &'a str,
    method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(flatten)]
    host: Option<Host>,
}

/// What Conjur's clients ask about a host.
#[derive(Serialize)]
struct Host {
    account: String,
    client_ip: std::net::IpAddr,
    token_issued_at: String,
}

fn host(app: &App, ask: &Ask<'_>) -> Option<Host> {
    let caller = ask.context.caller;
    let Method::AccessToken { id, .. } = &caller.method else { return None };
    let account = app.kms.host(caller.username.as_str().strip_prefix("host/")?)?.account.clone();
    let token_issued_at = iso(app.kms.access_tokens().issued_at(id)?);
    Some(Host { account, client_ip: ask.context.peer.ip(), token_issued_at })
}

pub(super) fn whoami(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let caller = ask.context.caller;
    let (username, method) = (caller.username.as_str(), caller.method.name());
    Ok(Answer::json(StatusCode::OK, &WhoAmI { username, method, role: app.kms.role_of(caller), host: host(app, ask) }))
}
