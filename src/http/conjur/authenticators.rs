//! `GET /authenticators` and `PATCH /authn-jwt/SERVICE/ACCOUNT`: lists authenticators, and enables or disables one.

use std::collections::BTreeSet;

use serde_json::json;
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::fields::Fields;
use super::super::problem::Problem;
use super::super::typed::Gives;
use super::shapes::TEXTS;
use crate::policy::authenticator_name;

/// The body of the list, for the description of the routes.
pub(super) const ALL: Gives = Gives::Object(&[("installed", TEXTS), ("configured", TEXTS), ("enabled", TEXTS)]);

/// `GET /authenticators`: administrators see all authenticators, hosts see those that they may use, other callers see
/// none.
pub(in crate::http) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let seen = app.kms.authenticators(&request.context)?;
    let name = |service: &String| format!("authn-jwt/{service}");
    // API keys need no definition. The set removes duplicates, because several accounts may have a service of the same
    // name.
    let beside = || std::iter::once("authn".to_owned());
    let configured: BTreeSet<String> = beside().chain(seen.iter().map(|(service, _)| name(service))).collect();
    let on = seen.iter().filter(|(_, is_on)| *is_on).map(|(service, _)| name(service));
    let enabled: BTreeSet<String> = beside().chain(on).collect();
    let all = json!({ "installed": ["authn", "authn-jwt"], "configured": configured, "enabled": enabled });
    Ok(Answer::json(StatusCode::OK, &all))
}

/// `PATCH /authn-jwt/SERVICE/ACCOUNT`: the body is a form with `enabled`.
pub(in crate::http) fn switch(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (service, account) = (request.parameter("service"), request.parameter("account"));
    let bad = || Problem::new(StatusCode::BAD_REQUEST, "the body must be enabled=true or enabled=false");
    let fields = Fields::parse(std::str::from_utf8(request.body).map_err(|_| bad())?)?;
    fields.check(&["enabled"])?;
    let enabled = fields.boolean("enabled")?.ok_or_else(bad)?;
    app.kms.switch_authenticator(&request.context, account, service, enabled)?;
    tracing::info!(authenticator = authenticator_name(account, service), enabled, "the authenticator was switched");
    Ok(Answer::text(StatusCode::NO_CONTENT, Vec::new()))
}
