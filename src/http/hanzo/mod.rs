//! The dialect of Hanzo KMS and Infisical: identities, what they are known by, their access tokens, projects and keys.

pub(super) mod identities;
pub(super) mod jwt_auth;
pub(super) mod keys;
pub(super) mod login;
pub(super) mod projects;
pub(super) mod tokens;

use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use warp::http::StatusCode;

use super::Answer;
use super::problem::Problem;
use super::route::{Ask, value};

/// The most entries of a list that can be passed over.
const MAX_OFFSET: usize = 1 << 31;

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
    let error = word(problem.status);
    let status_code = problem.status.as_u16();
    Answer::json(problem.status, &Refusal { req_id: request_id, status_code, message: &problem.detail, error })
}

/// The name that these clients know a failure by. One that has none of its own is named by its class; only 500 is an
/// InternalServerError.
fn word(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "UnauthorizedError",
        StatusCode::FORBIDDEN => "PermissionDenied",
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::METHOD_NOT_ALLOWED => "MethodNotAllowed",
        StatusCode::NOT_ACCEPTABLE => "NotAcceptable",
        StatusCode::REQUEST_TIMEOUT => "RequestTimeout",
        StatusCode::CONFLICT => "Conflict",
        StatusCode::PAYLOAD_TOO_LARGE => "PayloadTooLarge",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "UnsupportedMediaType",
        StatusCode::UNPROCESSABLE_ENTITY => "ValidationFailure",
        StatusCode::TOO_MANY_REQUESTS => "RateLimitExceeded",
        StatusCode::INTERNAL_SERVER_ERROR => "InternalServerError",
        StatusCode::NOT_IMPLEMENTED => "NotImplemented",
        status if status.is_server_error() => "ServiceUnavailable",
        _ => "BadRequest",
    }
}

/// The body of a request that holds no secret.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))
}

/// The body of a request that holds a credential: what is wrong with it is not quoted.
fn read_secret<T: DeserializeOwned>(body: &[u8], members: &str) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|_| invalid(format!("the body must be a JSON object with {members}")))
}

/// A number in the query, at most `most`.
fn number(ask: &Ask<'_>, name: &str, default: usize, most: usize) -> Result<usize, Problem> {
    let Some(text) = value(ask.query, name) else { return Ok(default) };
    let number = text.parse().ok().filter(|number| *number <= most);
    number.ok_or_else(|| invalid(format!("{name}: a number up to {most}")))
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

/// A time as these clients expect it (RFC 3339).
pub(super) fn iso(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_internal_error_is_named_one() {
        for code in 400..600 {
            let status = StatusCode::from_u16(code).unwrap();
            assert_eq!(word(status) == "InternalServerError", code == 500, "{code}");
        }
        // What the server answers beside 400 and 503 has a word of its own.
        for code in [401, 403, 404, 405, 406, 408, 409, 413, 415, 422, 429, 500, 501] {
            let status = StatusCode::from_u16(code).unwrap();
            assert!(!["BadRequest", "ServiceUnavailable"].contains(&word(status)), "{code}");
        }
    }
}
