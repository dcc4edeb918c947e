//! `/api/v1/workspace` and `/api/v2/workspace`: projects, for administrators. A project's slug is its identifier
//! everywhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::page::Page;
use super::super::problem::Problem;
use super::super::typed::{Gives, Part, Typed, typed};
use super::shapes::{COUNT, MAX_OFFSET, invalid, iso, number, organization, read};
use crate::kms::{self, MAX_ENTRIES, PageBuilder, Project};
use crate::policy::{ProjectDocument, check_name};

/// Bodies of requests and answers, for the description of the routes.
pub(super) const NEW: Typed = typed::<New>;
pub(super) const CHANGE: Typed = typed::<Change>;
pub(super) const MADE: Gives = Gives::One(typed::<Made>);
pub(super) const ONE: Gives = Gives::One(typed::<One>);
pub(super) const SHOWN: Gives = Gives::One(typed::<Shown>);
pub(super) const ALL: Gives = Gives::Object(&[("workspaces", Part::Array(typed::<Shown>)), COUNT]);

/// The longest name and type of a project, in bytes.
const MAX_NAME: usize = 255;
const MAX_TYPE: usize = 64;

/// The default type of a project.
const DEFAULT_TYPE: &str = "secret-manager";

/// The version of projects that current clients expect.
const VERSION: u32 = 3;

/// The only accepted template, which stands for none.
const DEFAULT_TEMPLATE: &str = "default";

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct New {
    project_name: String,
    slug: Option<String>,
    #[serde(rename = "projectDescription")]
    description: Option<String>,
    #[serde(rename = "type")]
    project_type: Option<String>,
    template: Option<String>,
    kms_key_id: Option<String>,
    should_create_default_envs: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
struct Change {
    name: Option<String>,
    slug: Option<String>,
    description: Option<String>,
}

/// A project in an answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    name: String,
    slug: String,
    description: String,
    r#type: String,
    org_id: String,
    version: u32,
    auto_capitalization: bool,
    has_delete_protection: bool,
    /// Always null: there are no upgrades of projects.
    upgrade_status: Option<String>,
    /// Always null: the server chooses the keys that encrypt secrets.
    kms_secret_manager_key_id: Option<String>,
    /// Always null: the audit log is kept without a time limit.
    audit_logs_retention_days: Option<u32>,
    environments: Vec<Environment>,
    created_at: String,
    updated_at: String,
}

/// An environment of a project.
#[derive(Serialize, JsonSchema)]
struct Environment {
    id: String,
    name: String,
    slug: String,
}

impl From<kms::Environment> for Environment {
    fn from(kms::Environment { id, name, slug, .. }: kms::Environment) -> Self {
        Self { id, name, slug }
    }
}

#[derive(Serialize, JsonSchema)]
struct Made {
    project: Shown,
}

#[derive(Serialize, JsonSchema)]
struct One {
    workspace: Shown,
}

fn shown(Project { name, document, environments }: Project, org_id: &str) -> Shown {
    let ProjectDocument { description, display_name, project_type, created_at, updated_at, .. } = document;
    Shown {
        id: name.clone(),
        name: display_name.unwrap_or_else(|| name.clone()),
        slug: name,
        description: description.unwrap_or_default(),
        r#type: project_type.unwrap_or_else(|| DEFAULT_TYPE.to_owned()),
        org_id: org_id.to_owned(),
        version: VERSION,
        auto_capitalization: false,
        has_delete_protection: false,
        upgrade_status: None,
        kms_secret_manager_key_id: None,
        audit_logs_retention_days: None,
        environments: environments.into_iter().map(Environment::from).collect(),
        created_at: iso(created_at),
        updated_at: iso(updated_at),
    }
}

fn check_text(member: &str, text: &str, most: usize) -> Result<(), Problem> {
    let fits = !text.trim().is_empty() && text.len() <= most && !text.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(invalid(format!("{member}: give 1 to {most} bytes of printable characters"))) }
}

/// Returns the default slug of a project: its name, if this is a valid slug, or else the letters and digits of the
/// name, in lower case and joined by `-`.
fn slug_of(name: &str) -> String {
    if check_name(&[], name).is_ok() {
        return name.to_owned();
    }
    let character = |own: char| if own.is_ascii_alphanumeric() { own.to_ascii_lowercase() } else { '-' };
    let slug: String = name.chars().map(character).collect();
    let parts: Vec<&str> = slug.split('-').filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

/// `POST /api/v2/workspace`
pub(in crate::http) fn create(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let New { project_name, slug, description, project_type, template, kms_key_id, should_create_default_envs } =
        read(request.body)?;
    check_text("projectName", &project_name, MAX_NAME)?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    if let Some(template) = given(template).filter(|own| own != DEFAULT_TEMPLATE) {
        return Err(invalid(format!("template: {template:?}: there are no templates of projects here: leave it out")));
    }
    if given(kms_key_id).is_some() {
        let why = "a project's secrets are encrypted by keys that the server chooses: leave it out";
        return Err(invalid(format!("kmsKeyId: {why}")));
    }
    let project_type = given(project_type);
    project_type.as_deref().map_or(Ok(()), |own| check_text("type", own, MAX_TYPE))?;
    let slug = given(slug).unwrap_or_else(|| slug_of(&project_name));
    check_name(&[], &slug).map_err(|fault| invalid(format!("slug: {slug:?}: {}", fault.problem)))?;
    let org_id = organization(app)?;
    let display_name = Some(project_name).filter(|name| *name != slug);
    let description = given(description);
    let document = ProjectDocument {
        description,
        display_name,
        project_type,
        // The default, true, is not stored.
        default_environments: should_create_default_envs.filter(|is_wanted| !is_wanted),
        ..ProjectDocument::default()
    };
    let project = app.kms.create_project(&request.context, &slug, document)?;
    Ok(Answer::json(StatusCode::OK, &Made { project: shown(project, &org_id) }))
}

/// `GET /api/v1/workspace/:projectId`
pub(in crate::http) fn get(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let org_id = organization(app)?;
    let workspace = shown(app.kms.project(&request.context, request.parameter("project"))?, &org_id);
    Ok(Answer::json(StatusCode::OK, &One { workspace }))
}

/// `GET /api/v2/workspace/:slug`
pub(in crate::http) fn get_by_slug(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let org_id = organization(app)?;
    Ok(Answer::json(StatusCode::OK, &shown(app.kms.project(&request.context, request.parameter("project"))?, &org_id)))
}

/// `GET /api/v1/workspace[?offset=N][&limit=N]`
pub(in crate::http) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let offset = number(request, "offset", 0, MAX_OFFSET)?;
    let limit = number(request, "limit", MAX_ENTRIES, MAX_ENTRIES)?;
    let org_id = organization(app)?;
    let mut page = Page::named("workspaces");
    let mut write = |project: Project| page.put(&shown(project, &org_id));
    let mut sheet = PageBuilder::new(&request.context, limit, &mut write);
    let total = app.kms.projects(&request.context, offset, &mut sheet)?;
    Ok(page.end_with("totalCount", &total.into()))
}

fn changed(app: &App, request: &CallerRequest<'_>) -> Result<Shown, Problem> {
    let Change { name, slug, description } = read(request.body)?;
    let own = request.parameter("project");
    if slug.is_some_and(|slug| slug != own) {
        return Err(invalid(format!("slug: it is the project's identifier, {own:?}, and cannot be changed")));
    }
    name.as_deref().map_or(Ok(()), |name| check_text("name", name, MAX_NAME))?;
    let org_id = organization(app)?;
    let change = |document: &mut ProjectDocument| {
        if let Some(name) = name {
            document.display_name = Some(name).filter(|name| name != own);
        }
        if let Some(description) = description {
            document.description = Some(description).filter(|text| !text.is_empty());
        }
    };
    Ok(shown(app.kms.change_project(&request.context, own, change)?, &org_id))
}

/// `PATCH /api/v1/workspace/:projectId`
pub(in crate::http) fn change(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    Ok(Answer::json(StatusCode::OK, &One { workspace: changed(app, request)? }))
}

/// `PATCH /api/v2/workspace/:slug`
pub(in crate::http) fn change_by_slug(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    Ok(Answer::json(StatusCode::OK, &changed(app, request)?))
}

/// `DELETE /api/v1/workspace/:projectId`: the project must be empty.
pub(in crate::http) fn remove(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let org_id = organization(app)?;
    let workspace = shown(app.kms.remove_project(&request.context, request.parameter("project"))?, &org_id);
    Ok(Answer::json(StatusCode::OK, &One { workspace }))
}

/// `DELETE /api/v2/workspace/:slug`: the project must be empty.
pub(in crate::http) fn remove_by_slug(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let org_id = organization(app)?;
    Ok(Answer::json(
        StatusCode::OK,
        &shown(app.kms.remove_project(&request.context, request.parameter("project"))?, &org_id),
    ))
}
