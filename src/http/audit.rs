//! Routes of the audit log: its public key for every caller, its head and lines for administrators and auditors.

use warp::http::StatusCode;

use super::answer::Answer;
use super::app::App;
use super::caller_request::CallerRequest;
use super::problem::Problem;
use crate::api::audit::{Found, Search};
use crate::audit::search::{DEFAULT_LIMIT, Filter, time_of};
use crate::kms::MAX_LINES;

/// `GET /audit/public-key`
pub(super) fn public_key(app: &App, _: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let body = app.kms.audit_public_key().into_bytes();
    Ok(Answer::new(StatusCode::OK, "application/x-pem-file", body))
}

/// `GET /audit/head`: returns the last checkpoint that the database records.
pub(super) fn head(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let none = || Problem::new(StatusCode::NOT_FOUND, "the audit log has no checkpoint yet");
    let mut body = app.kms.audit_head(&request.context)?.ok_or_else(none)?.into_bytes();
    body.push(b'\n');
    Ok(Answer::new(StatusCode::OK, "application/json", body))
}

/// `POST /audit/search`
pub(super) fn search(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
    let asked: Search =
        serde_json::from_slice(request.body).map_err(|error| bad(format!("the body is not as expected: {error}")))?;
    let time = |field: &str, text: Option<String>| match text {
        None => Ok(None),
        Some(text) => {
            let not_a_time = || bad(format!("{field} {text:?} is not an RFC 3339 time, such as 2026-11-24T00:00:00Z"));
            time_of(&text).map(Some).ok_or_else(not_a_time)
        }
    };
    let Search { object, caller, operation, outcome, from, to, limit } = asked;
    let (from, to) = (time("from", from)?, time("to", to)?);
    let filter = Filter { object, caller, operation, outcome, from, to, after: None };
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if limit > MAX_LINES {
        return Err(bad(format!("limit is at most {MAX_LINES} lines")));
    }
    let found = app.kms.search_audit(&request.context, &filter, limit)?;
    Ok(Answer::json(StatusCode::OK, &Found { lines: found.lines, complete: found.complete }))
}
