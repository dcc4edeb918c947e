//! `GET /authn-jwt/SERVICE/ACCOUNT/status`: whether an authenticator can authenticate hosts, for administrators.

use serde_json::json;
use tokio::runtime::Handle;
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::problem::Problem;
use crate::kms::Fault;

pub(in crate::http) fn status(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (service, account) = (request.parameter("service"), request.parameter("account"));
    if app.kms.check_administers(&request.context).is_err() {
        return Ok(failed(StatusCode::FORBIDDEN, &Fault::no_privilege()));
    }
    let Some(document) = app.kms.authenticator(account, service) else {
        return Ok(failed(StatusCode::NOT_FOUND, &Fault::no_authenticator()));
    };
    let authenticator = match app.logins.host_authenticator(account, service, &document) {
        Ok(authenticator) => authenticator,
        Err(fault) => return Ok(failed(StatusCode::INTERNAL_SERVER_ERROR, &fault)),
    };
    // This waits for the keys at most as long as a login.
    let has_keys = Handle::current().block_on(app.authenticator.has_exchange_keys(&authenticator.issuer));
    if !has_keys {
        return Ok(failed(StatusCode::INTERNAL_SERVER_ERROR, &Fault::new("CONJ00087E", "the keys cannot be fetched")));
    }
    // Hosts that are not listed here can authenticate.
    let (kept_out, count) = app.logins.kept_out(account, service, &authenticator);
    let hosts: Vec<_> =
        kept_out.iter().map(|(host, fault)| json!({ "host": host, "error": fault.to_string() })).collect();
    let mut status = json!({ "status": "ok" });
    if let (Some(members), true) = (status.as_object_mut(), count > 0) {
        members.insert("hosts_kept_out".to_owned(), json!({ "count": count, "hosts": hosts }));
    }
    Ok(Answer::json(StatusCode::OK, &status))
}

fn failed(status: StatusCode, fault: &Fault) -> Answer {
    Answer::json(status, &json!({ "status": "error", "error": fault.to_string() }))
}
