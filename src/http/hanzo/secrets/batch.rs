//! Changes of many secrets in one request. Either all of them are changed, or none.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use warp::http::StatusCode;

use super::super::super::answer::Answer;
use super::super::super::app::App;
use super::super::super::caller_request::CallerRequest;
use super::super::super::problem::Problem;
use super::super::super::typed::{Typed, typed};
use super::super::shapes::{invalid, read_secret};
use super::write::DetailsOfRequest;
use super::{Metadata, Where, shown, tags_of};
use crate::kms::{Error, MAX_TOGETHER, SecretChange, SecretPlace};
use crate::secret::Bytes;

/// Bodies of requests and answers, for the description of the routes.
pub(in crate::http::hanzo) const TAKES: Typed = typed::<Body>;

/// A secret in the body.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Entry {
    secret_key: String,
    secret_value: Option<String>,
    secret_comment: Option<String>,
    new_secret_name: Option<String>,
    secret_path: Option<String>,
    r#type: Option<String>,
    tag_ids: Option<Vec<String>>,
    secret_metadata: Option<Vec<Metadata>>,
    secret_reminder_note: Option<String>,
    secret_reminder_repeat_days: Option<f64>,
    skip_multiline_encoding: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Body {
    workspace_id: Option<String>,
    workspace_slug: Option<String>,
    project_id: Option<String>,
    project_slug: Option<String>,
    environment: Option<String>,
    secret_path: Option<String>,
    mode: Option<String>,
    secrets: Vec<Entry>,
}

impl Body {
    /// Returns the place of a secret of the request.
    fn place(&self, path: Option<&str>, kind: Option<&str>) -> Result<SecretPlace, Problem> {
        let own = Where {
            projects: [
                ("workspaceId", self.workspace_id.as_deref()),
                ("workspaceSlug", self.workspace_slug.as_deref()),
                ("projectId", self.project_id.as_deref()),
                ("projectSlug", self.project_slug.as_deref()),
            ],
            environment: self.environment.as_deref(),
            path: path.or(self.secret_path.as_deref()),
            r#type: kind,
        };
        own.place()
    }
}

impl Entry {
    fn said(&mut self) -> DetailsOfRequest {
        DetailsOfRequest {
            comment: self.secret_comment.take(),
            tag_ids: self.tag_ids.take(),
            metadata: self.secret_metadata.take(),
            note: self.secret_reminder_note.take(),
            days: self.secret_reminder_repeat_days,
            skip_multiline_encoding: self.skip_multiline_encoding,
        }
    }
}

/// Reads the body, and converts each of its secrets to a change with `change`.
fn changes(
    request: &CallerRequest<'_>,
    change: impl Fn(SecretPlace, Entry) -> Result<SecretChange, Problem>,
) -> Result<Vec<SecretChange>, Problem> {
    let mut body: Body = read_secret(request.body)?;
    if let Some(mode) = body.mode.as_deref().filter(|mode| *mode != "failOnNotFound") {
        return Err(invalid(format!("mode: {mode:?} is not served: leave it out, or give failOnNotFound")));
    }
    let entries = std::mem::take(&mut body.secrets);
    if entries.is_empty() || entries.len() > MAX_TOGETHER {
        return Err(invalid(format!("secrets: give 1 to {MAX_TOGETHER} secrets")));
    }
    let made = entries.into_iter().map(|mut entry| {
        let (path, kind) = (entry.secret_path.take(), entry.r#type.take());
        change(body.place(path.as_deref(), kind.as_deref())?, entry)
    });
    made.collect()
}

fn answer(app: &App, request: &CallerRequest<'_>, changes: &[SecretChange]) -> Result<Answer, Problem> {
    let secrets = app.kms.change_secrets(&request.context, changes).map_err(|error| match error {
        Error::NotFound(name) => Problem::new(
            StatusCode::NOT_FOUND,
            format!("there is no secret {name:?} that you may change: nothing is changed"),
        ),
        error => error.into(),
    })?;
    let tags = tags_of(app, &secrets)?;
    let shown: Vec<_> = secrets.iter().map(|secret| shown(secret, &tags)).collect();
    Ok(Answer::json(StatusCode::OK, &json!({ "secrets": shown })))
}

/// `POST /api/v3/secrets/batch/raw`
pub(in crate::http) fn create(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let changes = changes(request, |place, mut entry| {
        let value = entry.secret_value.take().ok_or_else(|| invalid("secrets: secretValue is missing"))?;
        app.kms.expect_secret_place(&request.context, &place)?;
        let details = entry.said().change()?;
        let (name, value) = (entry.secret_key, Bytes::from(value.into_bytes()));
        Ok(SecretChange::Create { place, name, value, details })
    })?;
    answer(app, request, &changes)
}

/// `PATCH /api/v3/secrets/batch/raw`
pub(in crate::http) fn update(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let changes = changes(request, |place, mut entry| {
        let details = entry.said().change()?;
        let value = entry.secret_value.take().map(|value| Bytes::from(value.into_bytes()));
        let to = entry.new_secret_name.take().filter(|new| !new.is_empty()).map(|new| (place.clone(), new));
        Ok(SecretChange::Update { place, name: entry.secret_key, value, to, details })
    })?;
    answer(app, request, &changes)
}

/// `DELETE /api/v3/secrets/batch/raw`
pub(in crate::http) fn remove(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let changes = changes(request, |place, entry| Ok(SecretChange::Remove { place, name: entry.secret_key }))?;
    answer(app, request, &changes)
}
