//! Common parts of the requests and answers of this API.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use warp::http::StatusCode;

use super::super::anonymous_request::AnonymousRequest;
use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::media_type::media_type;
use super::super::members;
use super::super::problem::Problem;
use super::super::typed::{Part, Typed, typed};

/// The media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";

/// The largest `offset` of a list.
pub(super) const MAX_OFFSET: usize = 1 << 31;

/// The number of all entries of a list, in the description of the routes.
pub(super) const COUNT: (&str, Part) = ("totalCount", Part::One(typed::<u64>));

/// A body without known members.
#[derive(Deserialize, JsonSchema)]
struct Nothing {}

/// Its description.
pub(super) const NOTHING: Typed = typed::<Nothing>;

/// An error in the format of Infisical's API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refusal<'a> {
    req_id: &'a str,
    status_code: u16,
    message: &'a str,
    error: &'static str,
}

/// Converts a problem to an answer of this API.
pub(super) fn refusal(problem: &Problem, request_id: &str) -> Answer {
    let error = word(problem.status);
    let status_code = problem.status.as_u16();
    Answer::json(problem.status, &Refusal { req_id: request_id, status_code, message: &problem.detail, error })
}

/// Returns the name of an error in this API. A status without its own name has the name of its class; only 500 is an
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

/// Reads the body of a request that holds no secret.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    members::read(body).map_err(|error| invalid(error.to_string()))
}

/// Reads the body of a login or of a request about a token: JSON, or a form, which Infisical accepts too. curl calls
/// each body a form unless told otherwise, so that an object in braces is JSON whatever its type.
pub(super) fn read_login<T: DeserializeOwned>(request: &AnonymousRequest<'_>) -> Result<T, Problem> {
    let is_form = media_type(request.headers).is_some_and(|own| own.eq_ignore_ascii_case(FORM))
        && !request.body.trim_ascii_start().starts_with(b"{");
    let read = if is_form { members::read_secret_form(request.body) } else { members::read_secret(request.body) };
    read.map_err(|error| invalid(error.to_string()))
}

/// Checks the body of a request whose path already says everything.
///
/// # Errors
/// The body is not a JSON object, or has a member that would limit the request.
pub(super) fn read_nothing(body: &[u8]) -> Result<(), Problem> {
    read::<Nothing>(body).map(drop)
}

/// Reads the body of a request that holds a credential or plaintext. Errors quote no value.
pub(super) fn read_secret<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    members::read_secret(body).map_err(|error| invalid(error.to_string()))
}

/// Reads the body of a request about the key that the path names. The body may repeat the key as `keyId`. Errors quote
/// no other value.
pub(super) fn read_of_key<T: DeserializeOwned>(request: &CallerRequest<'_>) -> Result<T, Problem> {
    let read = members::read_secret_repeating(request.body, "keyId", request.parameter("key"));
    read.map_err(|error| invalid(error.to_string()))
}

/// Returns the identifier of the only organization: the identifier of the database, written as a UUID.
pub(super) fn organization(app: &App) -> Result<String, Problem> {
    let id = app.kms.vault()?.id;
    let ends = [0, 8, 12, 16, 20, 32];
    let parts = ends.windows(2).filter_map(|ends| match ends {
        [from, to] => id.get(*from..*to),
        _ => None,
    });
    Ok(parts.collect::<Vec<_>>().join("-"))
}

/// Reads a number of at most `most` from the query.
pub(super) fn number(
    request: &CallerRequest<'_>,
    name: &'static str,
    default: usize,
    most: usize,
) -> Result<usize, Problem> {
    let number = request.query.number(name, 0..=most).map_err(|error| invalid(error.to_string()))?;
    Ok(number.unwrap_or(default))
}

pub(super) fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

/// Formats a time, in seconds since 1970-01-01 UTC, as RFC 3339.
pub(in crate::http) fn iso(seconds: i64) -> String {
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
        // Every other status that the server answers has its own name.
        for code in [401, 403, 404, 405, 406, 408, 409, 413, 415, 422, 429, 500, 501] {
            let status = StatusCode::from_u16(code).unwrap();
            assert!(!["BadRequest", "ServiceUnavailable"].contains(&word(status)), "{code}");
        }
    }
}
