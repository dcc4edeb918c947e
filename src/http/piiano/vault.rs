//! Requests about the server, on the paths of Piiano's API.

use schemars::JsonSchema;
use serde::Serialize;
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::problem::Problem;
use super::super::typed::{Gives, typed};
use crate::api::about::Vault;

/// Bodies of answers, for the description of the routes.
pub(super) const HEALTH: Gives = Gives::One(typed::<Health>);
pub(super) const VERSION: Gives = Gives::One(typed::<Vault>);

#[derive(Serialize, JsonSchema)]
struct Health {
    /// `pass` or `fail`, as defined by draft-inadarei-api-health-check.
    status: &'static str,
}

/// `GET /api/pvlt/1.0/data/info/health` and `GET /api/pvlt/1.0/ctl/info/health`: the result of `GET /health` in one
/// word.
pub(super) fn health(app: &App) -> Result<Answer, Problem> {
    let (code, status) =
        if app.kms.health().is_good() { (StatusCode::OK, "pass") } else { (StatusCode::SERVICE_UNAVAILABLE, "fail") };
    Ok(Answer::json(code, &Health { status }))
}

/// `GET /api/pvlt/1.0/ctl/iam/conf`: the text of the active IAM file, for administrators.
pub(super) fn iam_file(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let text = app.kms.iam_file(&request.context)?;
    let text = text.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "the server was started without --iam-file"))?;
    Ok(Answer::new(StatusCode::OK, "application/toml", text.as_bytes().to_vec()))
}

/// `GET /api/pvlt/1.0/system/info/version`
pub(super) fn version(app: &App, _: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let vault = app.kms.vault()?;
    let (vault_id, db_schema_version) = (vault.id, vault.schema);
    let vault_version = env!("CARGO_PKG_VERSION").into();
    Ok(Answer::json(StatusCode::OK, &Vault { vault_id, vault_version, db_schema_version }))
}
