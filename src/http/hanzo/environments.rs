//! `/api/v1/workspace/ID/environments`: the environments of a project's secrets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::problem::Problem;
use super::super::typed::{Gives, Part, Typed, typed};
use super::shapes::{iso, read};
use super::tags;
use crate::kms::{Environment, EnvironmentChange};

/// Bodies of requests and answers, for the description of the routes.
const TEXT: Part = Part::One(typed::<String>);
const SHOWN: (&str, Part) = ("environment", Part::One(typed::<Shown<'static>>));
pub(super) const NEW: Typed = typed::<New>;
pub(super) const CHANGE: Typed = typed::<Change>;
pub(super) const CHANGED: Gives = Gives::Object(&[("message", TEXT), ("workspace", TEXT), SHOWN]);
pub(super) const ONE: Gives = Gives::Object(&[SHOWN]);
pub(super) const ALL: Gives =
    Gives::Object(&[("workspace", TEXT), ("environments", Part::Array(typed::<Shown<'static>>))]);
pub(super) const ANY: Gives = Gives::AnyOf(&[ONE, ALL, tags::ALL]);

#[derive(Deserialize, JsonSchema)]
struct New {
    name: String,
    slug: String,
    position: Option<i64>,
}

#[derive(Deserialize, JsonSchema)]
struct Change {
    name: Option<String>,
    slug: Option<String>,
    position: Option<i64>,
}

/// An environment in an answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: &'a str,
    name: &'a str,
    slug: &'a str,
    position: i64,
    project_id: &'a str,
    created_at: String,
    updated_at: String,
}

fn shown<'a>(project_id: &'a str, environment: &'a Environment) -> Shown<'a> {
    let Environment { id, name, slug, position, created, updated } = environment;
    let (created_at, updated_at) = (iso(*created), iso(*updated));
    Shown { id, name, slug, position: *position, project_id, created_at, updated_at }
}

fn one(project: &str, environment: &Environment, message: &str) -> Answer {
    let environment = shown(project, environment);
    Answer::json(StatusCode::OK, &json!({ "message": message, "workspace": project, "environment": environment }))
}

/// `GET /api/v1/workspace/ID/environments/ENVIRONMENT`
pub(in crate::http) fn get(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (project, id) = (request.parameter("project"), request.parameter("environment"));
    let environment = app.kms.environment(&request.context, project, id)?;
    Ok(Answer::json(StatusCode::OK, &json!({ "environment": shown(project, &environment) })))
}

/// `GET /api/v1/workspace/environments/ENVIRONMENT`: an environment of any project. The path is also a list of a
/// project with the name `environments`.
pub(in crate::http) fn get_anywhere(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let id = match request.parameter("environment") {
        "environments" => return list_of(app, request, "environments"),
        "tags" => return tags::list_of(app, request, "environments"),
        id => id,
    };
    let (project, environment) = app.kms.environment_anywhere(&request.context, id)?;
    Ok(Answer::json(StatusCode::OK, &json!({ "environment": shown(&project, &environment) })))
}

/// `POST /api/v1/workspace/ID/environments`
pub(in crate::http) fn create(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (New { name, slug, position }, project) = (read(request.body)?, request.parameter("project"));
    let made = app.kms.create_environment(&request.context, project, &slug, &name, position)?;
    Ok(one(project, &made, "the environment was created"))
}

/// `GET /api/v1/workspace/ID/environments`
pub(in crate::http) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    list_of(app, request, request.parameter("project"))
}

fn list_of(app: &App, request: &CallerRequest<'_>, project: &str) -> Result<Answer, Problem> {
    let all = app.kms.environments(&request.context, project)?;
    let all: Vec<_> = all.iter().map(|environment| shown(project, environment)).collect();
    Ok(Answer::json(StatusCode::OK, &json!({ "workspace": project, "environments": all })))
}

/// `PATCH /api/v1/workspace/ID/environments/ID`: the slug cannot be changed.
pub(in crate::http) fn change(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (Change { name, slug, position }, project) = (read(request.body)?, request.parameter("project"));
    let change = EnvironmentChange { name: name.as_deref(), slug: slug.as_deref(), position };
    let changed = app.kms.change_environment(&request.context, project, request.parameter("environment"), &change)?;
    Ok(one(project, &changed, "the environment was changed"))
}

/// `DELETE /api/v1/workspace/ID/environments/ID`
pub(in crate::http) fn remove(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let project = request.parameter("project");
    let removed = app.kms.remove_environment(&request.context, project, request.parameter("environment"))?;
    Ok(one(project, &removed, "the environment was deleted"))
}
