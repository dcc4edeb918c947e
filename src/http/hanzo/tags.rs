//! `/api/v1/workspace/ID/tags`: the tags of a project's secrets.

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
use crate::kms::{Tag, TagChange, TagName};

/// Bodies of requests and answers, for the description of the routes.
pub(super) const NEW: Typed = typed::<New>;
pub(super) const CHANGE: Typed = typed::<Change>;
pub(super) const ONE: Gives = Gives::Object(&[("workspaceTag", Part::One(typed::<Shown<'static>>))]);
pub(super) const ALL: Gives = Gives::Object(&[("workspaceTags", Part::Array(typed::<Shown<'static>>))]);

#[derive(Deserialize, JsonSchema)]
struct New {
    slug: String,
    name: Option<String>,
    #[serde(default)]
    color: String,
}

#[derive(Deserialize, JsonSchema)]
struct Change {
    slug: Option<String>,
    name: Option<String>,
    color: Option<String>,
}

/// A tag in an answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: &'a str,
    slug: &'a str,
    name: &'a str,
    color: &'a str,
    project_id: &'a str,
    created_at: String,
    updated_at: String,
}

fn shown<'a>(project_id: &'a str, tag: &'a Tag) -> Shown<'a> {
    let Tag { id, slug, name, color, created, updated } = tag;
    Shown { id, slug, name, color, project_id, created_at: iso(*created), updated_at: iso(*updated) }
}

fn one(project: &str, tag: &Tag) -> Answer {
    Answer::json(StatusCode::OK, &json!({ "workspaceTag": shown(project, tag) }))
}

/// `POST /api/v1/workspace/ID/tags`
pub(in crate::http) fn create(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (New { slug, name, color }, project) = (read(request.body)?, request.parameter("project"));
    let name = name.as_deref().unwrap_or(&slug);
    Ok(one(project, &app.kms.create_tag(&request.context, project, &slug, name, &color)?))
}

/// `GET /api/v1/workspace/ID/tags`
pub(in crate::http) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    list_of(app, request, request.parameter("project"))
}

pub(super) fn list_of(app: &App, request: &CallerRequest<'_>, project: &str) -> Result<Answer, Problem> {
    let all = app.kms.tags(&request.context, project)?;
    let all: Vec<_> = all.iter().map(|tag| shown(project, tag)).collect();
    Ok(Answer::json(StatusCode::OK, &json!({ "workspaceTags": all })))
}

/// `GET /api/v1/workspace/ID/tags/TAG`
pub(in crate::http) fn get(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let project = request.parameter("project");
    Ok(one(project, &app.kms.tag(&request.context, project, TagName::Id(request.parameter("tag")))?))
}

/// `GET /api/v1/workspace/ID/tags/slug/SLUG`
pub(in crate::http) fn get_by_slug(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let project = request.parameter("project");
    Ok(one(project, &app.kms.tag(&request.context, project, TagName::Slug(request.parameter("slug")))?))
}

/// `PATCH /api/v1/workspace/ID/tags/TAG`
pub(in crate::http) fn change(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (Change { slug, name, color }, project) = (read(request.body)?, request.parameter("project"));
    let change = TagChange { slug: slug.as_deref(), name: name.as_deref(), color: color.as_deref() };
    Ok(one(project, &app.kms.change_tag(&request.context, project, request.parameter("tag"), &change)?))
}

/// `DELETE /api/v1/workspace/ID/tags/TAG`
pub(in crate::http) fn remove(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let project = request.parameter("project");
    Ok(one(project, &app.kms.remove_tag(&request.context, project, request.parameter("tag"))?))
}
