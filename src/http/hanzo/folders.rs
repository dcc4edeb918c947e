//! `/api/v1/folders` and `/api/v2/folders`: the folders of environments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::page::Page;
use super::super::problem::Problem;
use super::super::typed::{Gives, Part, Typed, typed};
use super::secrets::one_project;
use super::shapes::{invalid, iso, read};
use crate::kms::{Folder, FolderChange, FolderName, SecretPlace};

/// Bodies of requests and answers, for the description of the routes.
pub(super) const TAKES: Typed = typed::<Body>;
pub(super) const ONE: Gives = Gives::Object(&[("folder", Part::One(typed::<Shown<'static>>))]);
pub(super) const ALL: Gives = Gives::Object(&[("folders", Part::Array(typed::<Shown<'static>>))]);

/// The query parameters of a list.
pub(in crate::http) const LIST: &[&str] =
    &["workspaceId", "projectId", "environment", "path", "directory", "recursive", "lastSecretModified"];

/// The body of a request about a folder.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Body {
    workspace_id: Option<String>,
    project_id: Option<String>,
    project_slug: Option<String>,
    environment: Option<String>,
    path: Option<String>,
    directory: Option<String>,
    name: Option<String>,
    description: Option<String>,
    #[serde(default)]
    force_delete: bool,
}

impl Body {
    fn place(&self) -> Result<SecretPlace, Problem> {
        let projects = [
            ("workspaceId", self.workspace_id.as_deref()),
            ("projectId", self.project_id.as_deref()),
            ("projectSlug", self.project_slug.as_deref()),
        ];
        place(&projects, self.environment.as_deref(), self.path.as_deref().or(self.directory.as_deref()))
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Environment<'a> {
    env_id: &'a str,
    env_name: &'a str,
    env_slug: &'a str,
}

/// A folder in an answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: &'a str,
    name: &'a str,
    env_id: &'a str,
    environment: Environment<'a>,
    project_id: &'a str,
    path: String,
    relative_path: String,
    parent_id: Option<&'a str>,
    description: &'a str,
    version: u32,
    is_reserved: bool,
    last_secret_modified: Option<()>,
    created_at: String,
    updated_at: String,
}

fn shown(folder: &Folder) -> Shown<'_> {
    let Folder { id, place, environment, parent, description, created, updated } = folder;
    Shown {
        id,
        name: place.folder().unwrap_or_default(),
        env_id: &environment.id,
        environment: Environment { env_id: &environment.id, env_name: &environment.name, env_slug: &environment.slug },
        project_id: place.project(),
        path: place.path(),
        relative_path: place.path().trim_start_matches('/').to_owned(),
        parent_id: parent.as_deref(),
        description,
        version: 1,
        is_reserved: false,
        last_secret_modified: None,
        created_at: iso(*created),
        updated_at: iso(*updated),
    }
}

fn place(
    projects: &[(&'static str, Option<&str>)],
    environment: Option<&str>,
    path: Option<&str>,
) -> Result<SecretPlace, Problem> {
    let project = one_project(projects)?;
    let environment = environment.ok_or_else(|| invalid("environment is missing"))?;
    Ok(SecretPlace::new(project, environment, path.unwrap_or("/"))?)
}

fn one(folder: &Folder) -> Answer {
    Answer::json(StatusCode::OK, &json!({ "folder": shown(folder) }))
}

/// `GET /api/v1/folders?workspaceId=P&environment=E&path=/`, and, with `projectId`, `GET /api/v2/folders`
pub(in crate::http) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let text = |name| request.query.text(name);
    if text("lastSecretModified").is_some() {
        return Err(invalid(
            "lastSecretModified is not served, and without it more folders would be listed: leave it out",
        ));
    }
    let recursive = request.query.boolean("recursive").map_err(|error| invalid(error.to_string()))?.unwrap_or(false);
    let projects = ["workspaceId", "projectId"].map(|name| (name, text(name)));
    let place = place(&projects, text("environment"), text("path").or(text("directory")))?;
    let above = place.path();
    let mut page = Page::named("folders");
    let mut put = |folder: Folder| {
        let path = folder.place.path();
        let relative_path = path.strip_prefix(&above).unwrap_or(&path).trim_start_matches('/').to_owned();
        page.put(&Shown { relative_path, ..shown(&folder) })
    };
    app.kms.folders(&request.context, &place, recursive, &mut put)?;
    Ok(page.end())
}

/// `POST /api/v1/folders`, `POST /api/v2/folders`
pub(in crate::http) fn create(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let body: Body = read(request.body)?;
    let place = body.place()?;
    let name = body.name.as_deref().ok_or_else(|| invalid("name is missing"))?;
    let description = body.description.as_deref().unwrap_or_default();
    Ok(one(&app.kms.create_folder(&request.context, &place, name, description)?))
}

/// `GET /api/v1/folders/ID`, `GET /api/v2/folders/ID`
pub(in crate::http) fn get(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    Ok(one(&app.kms.folder_by_id(&request.context, request.parameter("folder"))?))
}

/// `GET /api/v1/folders/PROJECT/ENVIRONMENT/PATH`
pub(in crate::http) fn get_by_path(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let place =
        SecretPlace::new(request.parameter("project"), request.parameter("environment"), request.parameter("path"))?;
    Ok(one(&app.kms.folder_at(&request.context, &place)?))
}

/// `PATCH /api/v1/folders/ID`, `PATCH /api/v2/folders/ID`
pub(in crate::http) fn change(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let body: Body = read(request.body)?;
    let place = body.place()?;
    let folder = FolderName { place: &place, name: request.parameter("folder") };
    let change = FolderChange { name: body.name.as_deref(), description: body.description.as_deref() };
    Ok(one(&app.kms.change_folder(&request.context, &folder, &change)?))
}

/// `DELETE /api/v1/folders/ID`, `DELETE /api/v2/folders/ID`. `ID` is the identifier, or the name in the path that the
/// body gives.
pub(in crate::http) fn remove(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let body: Body = read(request.body)?;
    let place = body.place()?;
    let folder = FolderName { place: &place, name: request.parameter("folder") };
    Ok(one(&app.kms.remove_folder(&request.context, &folder, body.force_delete)?))
}
