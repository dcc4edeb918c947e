//! `GET /roles/ACCOUNT/host/ID`: whether a host exists, for the host itself and for administrators.

use serde_json::{Value, json};
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::problem::Problem;
use super::super::typed::{Gives, Part, typed};
use super::resources::not_served;
use super::shapes::{ANY, TEXT};

/// The body of an answer, for the description of the routes.
pub(super) const ROLE: Gives =
    Gives::Object(&[("created_at", ANY), ("id", TEXT), ("policy", ANY), ("members", Part::Array(typed::<Value>))]);

/// The query parameters that ask for more than the role itself, which are not supported.
const QUESTIONS: [&str; 4] = ["all", "memberships", "members", "graph"];

pub(in crate::http) fn show(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (account, kind, id) = (request.parameter("account"), request.parameter("kind"), request.parameter("id"));
    if let Some(asked) = QUESTIONS.into_iter().find(|name| request.query.value(name).is_some()) {
        let instead = "a project says which role its members have (GET /access/definitions/projects)";
        return Err(not_served(&format!("{asked} of a role is not served: {instead}")));
    }
    if kind != "host" {
        return Err(not_served(&format!("roles of the kind {kind:?} are not served: only hosts are")));
    }
    if !app.kms.sees_host(&request.context, account, id, request.context.caller)? {
        return Err(Problem::new(StatusCode::NOT_FOUND, format!("there is no role {account}:host:{id}")));
    }
    let role = json!({ "created_at": null, "id": format!("{account}:host:{id}"), "policy": null, "members": [] });
    Ok(Answer::json(StatusCode::OK, &role))
}
