//! `/api/v1/workspace/ID/environments` and `/tags`: how a project's secrets are sorted.

use serde::{Deserialize, Serialize};
use serde_json::json;
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::ask::Ask;
use super::super::problem::Problem;
use super::shapes::{iso, read};
use crate::kms::{Environment, Tag};

#[derive(Deserialize)]
struct New {
    name: String,
    slug: String,
    position: Option<i64>,
}

#[derive(Deserialize)]
struct Change {
    name: Option<String>,
    position: Option<i64>,
}

#[derive(Deserialize)]
struct NewTag {
    slug: String,
    name: Option<String>,
    #[serde(default)]
    color: String,
}

/// An environment as these clients know it.
#[derive(Serialize)]
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownTag<'a> {
    id: &'a str,
    slug: &'a str,
    name: &'a str,
    color: &'a str,
    project_id: &'a str,
    created_at: String,
    updated_at: String,
}

fn shown<'a>(project_id: &'a str, environment: &'a Environment) -> Shown<'a> {
    let Environment { id, name, slug, position, created, updated } = environment;
    let (created_at, updated_at) = (iso(*created), iso(*updated));
    Shown { id, name, slug, position: *position, project_id, created_at, updated_at }
}

fn shown_tag<'a>(project_id: &'a str, tag: &'a Tag) -> ShownTag<'a> {
    let Tag { id, slug, name, color, created } = tag;
    ShownTag { id, slug, name, color, project_id, created_at: iso(*created), updated_at: iso(*created) }
}

fn one(project: &str, environment: &Environment, message: &str) -> Answer {
    let environment = shown(project, environment);
    Answer::json(StatusCode::OK, &json!({ "message": message, "workspace": project, "environment": environment }))
}

/// `GET /api/v1/workspace/ID/environments/ENVIRONMENT`
pub(in crate::http) fn get(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let (project, id) = (ask.parameter("project"), ask.parameter("environment"));
    let environment = app.kms.environment(&ask.context, project, id)?;
    Ok(Answer::json(StatusCode::OK, &json!({ "environment": shown(project, &environment) })))
}

/// `POST /api/v1/workspace/ID/environments`
pub(in crate::http) fn create(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let (New { name, slug, position }, project) = (read(ask.body)?, ask.parameter("project"));
    let made = app.kms.create_environment(&ask.context, project, &slug, &name, position)?;
    Ok(one(project, &made, "the environment was created"))
}

/// `GET /api/v1/workspace/ID/environments`
pub(in crate::http) fn list(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let project = ask.parameter("project");
    let all = app.kms.environments(&ask.context, project)?;
    let all: Vec<_> = all.iter().map(|environment| shown(project, environment)).collect();
    Ok(Answer::json(StatusCode::OK, &json!({ "workspace": project, "environments": all })))
}

/// `PATCH /api/v1/workspace/ID/environments/ID`: the slug stays
pub(in crate::http) fn change(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let (Change { name, position }, project) = (read(ask.body)?, ask.parameter("project"));
    let changed =
        app.kms.change_environment(&ask.context, project, ask.parameter("environment"), name.as_deref(), position)?;
    Ok(one(project, &changed, "the environment was changed"))
}

/// `DELETE /api/v1/workspace/ID/environments/ID`
pub(in crate::http) fn remove(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let project = ask.parameter("project");
    let removed = app.kms.remove_environment(&ask.context, project, ask.parameter("environment"))?;
    Ok(one(project, &removed, "the environment was deleted"))
}

/// `POST /api/v1/workspace/ID/tags`
pub(in crate::http) fn create_tag(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let (NewTag { slug, name, color }, project) = (read(ask.body)?, ask.parameter("project"));
    let made = app.kms.create_tag(&ask.context, project, &slug, name.as_deref().unwrap_or(&slug), &color)?;
    Ok(Answer::json(StatusCode::OK, &json!({ "workspaceTag": shown_tag(project, &made) })))
}

/// `GET /api/v1/workspace/ID/tags`
pub(in crate::http) fn list_tags(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let project = ask.parameter("project");
    let all = app.kms.tags(&ask.context, project)?;
    let all: Vec<_> = all.iter().map(|tag| shown_tag(project, tag)).collect();
    Ok(Answer::json(StatusCode::OK, &json!({ "workspaceTags": all })))
}

/// `DELETE /api/v1/workspace/ID/tags/ID`
pub(in crate::http) fn remove_tag(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let project = ask.parameter("project");
    let removed = app.kms.remove_tag(&ask.context, project, ask.parameter("tag"))?;
    Ok(Answer::json(StatusCode::OK, &json!({ "workspaceTag": shown_tag(project, &removed) })))
}
