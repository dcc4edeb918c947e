//! Requests that create, change or delete one secret of a project.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::super::answer::Answer;
use super::super::super::app::App;
use super::super::super::caller_request::CallerRequest;
use super::super::super::problem::Problem;
use super::super::super::typed::{Typed, typed};
use super::super::shapes::{invalid, read_secret};
use super::{Metadata, Where, one, secret_error};
use crate::kms::{DetailsChange, ProjectSecret, SecretChange, SecretPlace};
use crate::secret::Bytes;

/// Bodies of requests and answers, for the description of the routes.
pub(in crate::http::hanzo) const TAKES: Typed = typed::<Body>;

/// The maximum number of tags of a secret.
const MAX_TAGS: usize = 50;

/// The longest comment, or note of a reminder, in bytes.
const MAX_COMMENT: usize = 4 << 10;

/// The details of a secret in a request: everything except its name and value.
#[derive(Default)]
pub(super) struct DetailsOfRequest {
    pub(super) comment: Option<String>,
    pub(super) tag_ids: Option<Vec<String>>,
    pub(super) metadata: Option<Vec<Metadata>>,
    pub(super) note: Option<String>,
    pub(super) days: Option<f64>,
    pub(super) skip_multiline_encoding: Option<bool>,
}

/// The body of a request about one secret.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Body {
    workspace_id: Option<String>,
    workspace_slug: Option<String>,
    project_id: Option<String>,
    project_slug: Option<String>,
    environment: Option<String>,
    secret_path: Option<String>,
    r#type: Option<String>,
    secret_value: Option<String>,
    secret_comment: Option<String>,
    new_secret_name: Option<String>,
    tag_ids: Option<Vec<String>>,
    secret_metadata: Option<Vec<Metadata>>,
    secret_reminder_note: Option<String>,
    secret_reminder_repeat_days: Option<f64>,
    skip_multiline_encoding: Option<bool>,
}

impl Body {
    fn place(&self, request: &CallerRequest<'_>) -> Result<SecretPlace, Problem> {
        let own = Where {
            projects: [
                ("workspaceId", self.workspace_id.as_deref()),
                ("workspaceSlug", self.workspace_slug.as_deref()),
                ("projectId", self.project_id.as_deref()),
                ("projectSlug", self.project_slug.as_deref()),
            ],
            environment: self.environment.as_deref(),
            path: self.secret_path.as_deref(),
            r#type: self.r#type.as_deref(),
        };
        own.or(Where::of_query(request)).place()
    }

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

impl DetailsOfRequest {
    /// Checks the details and converts them to a change.
    pub(super) fn change(self) -> Result<DetailsChange, Problem> {
        let Self { comment, tag_ids, metadata, note, days, skip_multiline_encoding } = self;
        for (name, text) in [("secretComment", &comment), ("secretReminderNote", &note)] {
            if text.as_ref().is_some_and(|text| text.len() > MAX_COMMENT) {
                return Err(invalid(format!("{name}: at most {MAX_COMMENT} bytes")));
            }
        }
        if tag_ids.as_ref().is_some_and(|ids| ids.len() > MAX_TAGS) {
            return Err(invalid(format!("tagIds: at most {MAX_TAGS}")));
        }
        if metadata.iter().flatten().any(|own| own.is_encrypted == Some(true)) {
            let detail = "secretMetadata: isEncrypted is not served, and the value would be kept in clear: put it into the value \
                          of a secret";
            return Err(invalid(detail));
        }
        let reminder_days = days.map(whole_days).transpose()?;
        let pairs = |all: Vec<Metadata>| all.into_iter().map(|Metadata { key, value, .. }| (key, value)).collect();
        Ok(DetailsChange {
            comment,
            tags: tag_ids,
            metadata: metadata.map(pairs),
            reminder_note: note,
            reminder_days,
            skip_multiline_encoding,
        })
    }
}

/// Converts a number of days, which clients may write with a fraction such as `1.0`.
fn whole_days(days: f64) -> Result<i64, Problem> {
    let days = format!("{days}").parse().ok().filter(|days| (0..=3_650).contains(days));
    days.ok_or_else(|| invalid("secretReminderRepeatDays: give a whole number of days up to 3650"))
}

fn only(mut changed: Vec<ProjectSecret>) -> Result<ProjectSecret, Problem> {
    changed.pop().ok_or_else(|| invalid("the request changes nothing"))
}

/// `POST /api/v3/secrets/raw/NAME`
pub(in crate::http) fn create(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let mut body: Body = read_secret(request.body)?;
    let (place, name) = (body.place(request)?, request.parameter("secret"));
    let value = body.secret_value.take().ok_or_else(|| invalid("secretValue is missing"))?;
    app.kms.expect_secret_place(&request.context, &place)?;
    let details = body.said().change()?;
    let value = Bytes::from(value.into_bytes());
    let change = SecretChange::Create { place: place.clone(), name: name.to_owned(), value, details };
    let made =
        app.kms.change_secrets(&request.context, &[change]).map_err(|error| secret_error(&place, name, error))?;
    one(app, &only(made)?)
}

/// `PATCH /api/v3/secrets/raw/NAME`
pub(in crate::http) fn update(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let mut body: Body = read_secret(request.body)?;
    let (place, name) = (body.place(request)?, request.parameter("secret"));
    let details = body.said().change()?;
    let value = body.secret_value.take().map(|value| Bytes::from(value.into_bytes()));
    let to = body.new_secret_name.take().filter(|new| !new.is_empty()).map(|new| (place.clone(), new));
    let change = SecretChange::Update { place: place.clone(), name: name.to_owned(), value, to, details };
    let changed =
        app.kms.change_secrets(&request.context, &[change]).map_err(|error| secret_error(&place, name, error))?;
    one(app, &only(changed)?)
}

/// `DELETE /api/v3/secrets/raw/NAME`
pub(in crate::http) fn remove(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let body: Body = read_secret(request.body)?;
    let (place, name) = (body.place(request)?, request.parameter("secret"));
    let change = SecretChange::Remove { place: place.clone(), name: name.to_owned() };
    let removed =
        app.kms.change_secrets(&request.context, &[change]).map_err(|error| secret_error(&place, name, error))?;
    one(app, &only(removed)?)
}
