//! `/api/v3/secrets/raw` and `/api/v4/secrets`: secrets of projects, in the format of Infisical's API. They are the
//! variables `ENVIRONMENT/FOLDER/NAME` of the Conjur account with the project's name.

pub(in crate::http) mod batch;
pub(in crate::http) mod write;

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::page::Page;
use super::super::problem::Problem;
use super::super::typed::{Gives, Part, typed};
use super::shapes::{invalid, iso};
use crate::kms::{self, Listing, MAX_SECRETS, ProjectSecret, SecretPlace, Tag, View};

/// Bodies of requests and answers, for the description of the routes.
const SECRETS: (&str, Part) = ("secrets", Part::Array(typed::<Shown<'static>>));
pub(in crate::http::hanzo) const GIVES: Gives = Gives::Object(&[("secret", Part::One(typed::<Shown<'static>>))]);
pub(in crate::http::hanzo) const ALL: Gives = Gives::Object(&[SECRETS, ("imports", Part::Array(typed::<Value>))]);
pub(in crate::http::hanzo) const CHANGED: Gives = Gives::Object(&[SECRETS]);

/// The query parameters that give the place of secrets.
pub(in crate::http) const WHERE: &[&str] =
    &["workspaceId", "workspaceSlug", "projectId", "projectSlug", "environment", "secretPath", "type"];

/// The query parameters of a list.
pub(in crate::http) const LIST: &[&str] = &[
    "workspaceId",
    "workspaceSlug",
    "projectId",
    "projectSlug",
    "environment",
    "secretPath",
    "type",
    "viewSecretValue",
    "expandSecretReferences",
    "recursive",
    "include_imports",
    "includeImports",
    "tagSlugs",
    "limit",
    "offset",
    "metadataFilter",
];

/// The query parameters of a secret that is named by its identifier.
pub(in crate::http) const BY_ID: &[&str] = &["version", "viewSecretValue"];

/// The query parameters of one secret.
pub(in crate::http) const ONE: &[&str] = &[
    "workspaceId",
    "workspaceSlug",
    "projectId",
    "projectSlug",
    "environment",
    "secretPath",
    "type",
    "viewSecretValue",
    "expandSecretReferences",
    "include_imports",
    "includeImports",
    "version",
];

/// The placeholder for a value that is not shown.
const HIDDEN: &str = "<hidden-by-infisical>";

/// The maximum number of tags in a filter.
const MAX_SLUGS: usize = 50;

/// A metadata entry of a secret.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    key: String,
    #[serde(default)]
    value: String,
    /// Whether the entry shall be encrypted, which is not supported.
    #[serde(default, skip_serializing)]
    is_encrypted: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ShownTag<'a> {
    id: &'a str,
    slug: &'a str,
    name: &'a str,
    color: &'a str,
}

/// A secret in an answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: &'a str,
    #[serde(rename = "_id")]
    former_id: &'a str,
    workspace: &'a str,
    workspace_id: &'a str,
    environment: &'a str,
    version: i64,
    r#type: &'static str,
    secret_key: &'a str,
    secret_value: &'a str,
    secret_value_hidden: bool,
    secret_comment: &'a str,
    secret_reminder_note: Option<&'a str>,
    secret_reminder_repeat_days: Option<i64>,
    skip_multiline_encoding: bool,
    secret_path: String,
    tags: Vec<ShownTag<'a>>,
    secret_metadata: Vec<Metadata>,
    is_rotated_secret: bool,
    metadata: Option<()>,
    created_at: String,
    updated_at: String,
}

/// The place of the secrets of a request.
#[derive(Default)]
struct Where<'a> {
    projects: [(&'static str, Option<&'a str>); 4],
    environment: Option<&'a str>,
    path: Option<&'a str>,
    r#type: Option<&'a str>,
}

impl<'a> Where<'a> {
    /// Reads the place from the query.
    fn of_query(request: &'a CallerRequest<'_>) -> Self {
        let text = |name| request.query.text(name);
        let projects = ["workspaceId", "workspaceSlug", "projectId", "projectSlug"].map(|name| (name, text(name)));
        Self { projects, environment: text("environment"), path: text("secretPath"), r#type: text("type") }
    }

    /// Returns this place, with missing members taken from `other`.
    fn or(self, other: Self) -> Self {
        let is_said = self.projects.iter().any(|(_, project)| project.is_some());
        Self {
            projects: if is_said { self.projects } else { other.projects },
            environment: self.environment.or(other.environment),
            path: self.path.or(other.path),
            r#type: self.r#type.or(other.r#type),
        }
    }

    /// Checks the place. A project's identifier is its slug.
    fn place(&self) -> Result<SecretPlace, Problem> {
        if let Some(kind) = self.r#type.filter(|kind| !kind.eq_ignore_ascii_case("shared")) {
            let detail = format!("type: {kind:?} secrets are not served: leave it out, or give \"shared\"");
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, detail));
        }
        let project = one_project(&self.projects)?;
        let environment = self.environment.ok_or_else(|| invalid("environment is missing"))?;
        Ok(SecretPlace::new(project, environment, self.path.unwrap_or("/"))?)
    }
}

/// Returns the project of a request, which may be in any of several members.
pub(super) fn one_project<'a>(named: &[(&'static str, Option<&'a str>)]) -> Result<&'a str, Problem> {
    let mut given = named.iter().filter_map(|(name, project)| Some((name, (*project)?)));
    let (name, project) = given.next().ok_or_else(|| {
        let names = named.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" or ");
        invalid(format!("{names} is missing: it names the project"))
    })?;
    match given.find(|(_, other)| *other != project) {
        Some((other, _)) => Err(invalid(format!("{name} and {other} name different projects"))),
        None => Ok(project),
    }
}

/// Reads from the query how secrets are shown. References are expanded only on request.
fn view(request: &CallerRequest<'_>) -> Result<View, Problem> {
    let boolean = |name| request.query.boolean(name).map_err(|error| invalid(error.to_string()));
    let view = View {
        value: boolean("viewSecretValue")?.unwrap_or(true),
        expand: boolean("expandSecretReferences")?.unwrap_or(false),
    };
    // Imports do not exist here; the values are only checked.
    boolean("include_imports")?;
    boolean("includeImports")?;
    Ok(view)
}

/// Reads the requested version; `None` is the latest.
fn version(request: &CallerRequest<'_>) -> Result<Option<i64>, Problem> {
    request.query.number("version", 1..=i64::MAX).map_err(|error| invalid(error.to_string()))
}

/// Converts a secret to the form of answers. A value that is not UTF-8 is not shown.
fn shown<'a>(secret: &'a ProjectSecret, tags: &'a HashMap<String, Tag>) -> Shown<'a> {
    let ProjectSecret { id, place, name, version, value, details, created, updated } = secret;
    let value = value.as_ref().and_then(|value| std::str::from_utf8(value).ok());
    let tag = |id: &String| tags.get(id).map(|Tag { id, slug, name, color, .. }| ShownTag { id, slug, name, color });
    Shown {
        id,
        former_id: id,
        workspace: place.project(),
        workspace_id: place.project(),
        environment: place.environment(),
        version: *version,
        r#type: "shared",
        secret_key: name,
        secret_value: value.unwrap_or(HIDDEN),
        secret_value_hidden: value.is_none(),
        secret_comment: &details.comment,
        secret_reminder_note: details.reminder_note.as_deref(),
        secret_reminder_repeat_days: details.reminder_days,
        skip_multiline_encoding: details.skip_multiline_encoding.unwrap_or(false),
        secret_path: place.path(),
        tags: details.tags.iter().filter_map(tag).collect(),
        secret_metadata: details
            .metadata
            .iter()
            .map(|(key, value)| Metadata { key: key.clone(), value: value.clone(), is_encrypted: None })
            .collect(),
        is_rotated_secret: false,
        metadata: None,
        created_at: iso(*created),
        updated_at: iso(*updated),
    }
}

/// Returns the tags of the project, if any of the secrets has one.
fn tags_of(app: &App, secrets: &[ProjectSecret]) -> Result<HashMap<String, Tag>, Problem> {
    match secrets.iter().find(|secret| !secret.details.tags.is_empty()) {
        Some(secret) => Ok(app.kms.tags_by_id(secret.place.project())?),
        None => Ok(HashMap::new()),
    }
}

fn one(app: &App, secret: &ProjectSecret) -> Result<Answer, Problem> {
    let tags = tags_of(app, std::slice::from_ref(secret))?;
    Ok(Answer::json(StatusCode::OK, &json!({ "secret": shown(secret, &tags) })))
}

/// Converts an error about a secret. The error for a missing secret and for one that the caller may not use is the
/// same.
fn secret_error(place: &SecretPlace, name: &str, error: kms::Error) -> Problem {
    match error {
        kms::Error::NotFound(_) => {
            let (project, environment, path) = (place.project(), place.environment(), place.path());
            let detail = format!(
                "there is no secret {name:?} in {path:?} of the environment {environment:?} of {project:?} that you may use"
            );
            Problem::new(StatusCode::NOT_FOUND, detail)
        }
        error => error.into(),
    }
}

/// `GET /api/v3/secrets/raw?workspaceId=P&environment=E&secretPath=/`, and, with `projectId`, `GET /api/v4/secrets`
pub(in crate::http) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let place = Where::of_query(request).place()?;
    if request.query.text("metadataFilter").is_some() {
        return Err(invalid("metadataFilter is not served: leave it out"));
    }
    let wrong = |error: super::super::fields::FieldError| invalid(error.to_string());
    let recursive = request.query.boolean("recursive").map_err(wrong)?.unwrap_or(false);
    let limit = request.query.number("limit", 1..=MAX_SECRETS).map_err(wrong)?;
    let offset = request.query.number("offset", 0..=MAX_SECRETS * 10).map_err(wrong)?.unwrap_or(0);
    let tags = app.kms.tags_by_id(place.project())?;
    let wanted = request.query.text("tagSlugs").map(|slugs| wanted_tags(&tags, slugs)).transpose()?;
    let listing = Listing { recursive, tags: wanted, offset, limit, view: view(request)? };
    let mut page = Page::named("secrets");
    let mut put = |secret: ProjectSecret| page.put(&shown(&secret, &tags));
    app.kms.list_project_secrets(&request.context, &place, &listing, &mut put)?;
    Ok(page.end_with("imports", &json!([])))
}

/// Returns the identifiers of the tags with these slugs.
fn wanted_tags(tags: &HashMap<String, Tag>, slugs: &str) -> Result<Vec<String>, Problem> {
    let slugs: Vec<&str> = slugs.split(',').map(str::trim).collect();
    if slugs.len() > MAX_SLUGS {
        return Err(invalid(format!("tagSlugs: at most {MAX_SLUGS}")));
    }
    Ok(tags.values().filter(|tag| slugs.contains(&tag.slug.as_str())).map(|tag| tag.id.clone()).collect())
}

/// `GET /api/v3/secrets/raw/NAME`, `GET /api/v4/secrets/NAME`
pub(in crate::http) fn get(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (place, name) = (Where::of_query(request).place()?, request.parameter("secret"));
    let secret = app.kms.project_secret(&request.context, &place, name, version(request)?, view(request)?);
    let secret = secret.map_err(|error| secret_error(&place, name, error))?;
    expect_text(&secret)?;
    one(app, &secret)
}

/// `GET /api/v3/secrets/raw/id/ID[?version=N][&viewSecretValue=false]`: the value as stored, with references
/// unexpanded.
pub(in crate::http) fn get_by_id(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (id, version) = (request.parameter("id"), version(request)?);
    let secret =
        app.kms.project_secret_by_id(&request.context, id, version, view(request)?).map_err(|error| match error {
            kms::Error::NotFound(_) => Problem::new(
                StatusCode::NOT_FOUND,
                format!("there is no secret with the identifier {id:?} that you may use"),
            ),
            error => error.into(),
        })?;
    expect_text(&secret)?;
    one(app, &secret)
}

/// Refuses to show a value that is not UTF-8, because JSON cannot contain it.
fn expect_text(secret: &ProjectSecret) -> Result<(), Problem> {
    if secret.value.as_ref().is_none_or(|value| std::str::from_utf8(value).is_ok()) {
        return Ok(());
    }
    Err(invalid(format!(
        "the value of {:?} is not text: read it as a variable (GET /secrets/ACCOUNT/variable/ENVIRONMENT/NAME), or ask \
         with viewSecretValue=false",
        secret.name
    )))
}
