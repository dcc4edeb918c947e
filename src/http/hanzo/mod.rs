//! The dialect of Hanzo KMS and Infisical.

use serde::Serialize;
use warp::http::StatusCode;

use super::Answer;
use super::problem::Problem;

/// A failure as Infisical's clients expect it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refusal<'a> {
    req_id: &'a str,
    status_code: u16,
    message: &'a str,
    error: &'static str,
}

/// A problem in the words of these clients.
pub(super) fn refusal(problem: &Problem, request_id: &str) -> Answer {
    let error = match problem.status {
        StatusCode::BAD_REQUEST => "BadRequest",
        StatusCode::UNAUTHORIZED => "UnauthorizedError",
        StatusCode::FORBIDDEN => "PermissionDenied",
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::CONFLICT => "Conflict",
        StatusCode::UNPROCESSABLE_ENTITY => "ValidationFailure",
        StatusCode::TOO_MANY_REQUESTS => "RateLimitExceeded",
        _ => "InternalServerError",
    };
    let status_code = problem.status.as_u16();
    Answer::json(problem.status, &Refusal { req_id: request_id, status_code, message: &problem.detail, error })
}
