//! Common parts of the answers of this API.

use serde_json::{Value, json};
use warp::http::header::ACCEPT_ENCODING;
use warp::http::{HeaderMap, StatusCode};

use super::super::answer::Answer;
use super::super::problem::Problem;
use super::super::typed::{Part, typed};

/// Parts of answers, for the description of the routes.
pub(super) const TEXT: Part = Part::One(typed::<String>);
pub(super) const TEXTS: Part = Part::Array(typed::<String>);
pub(super) const ANY: Part = Part::One(typed::<Value>);

/// Converts a problem to an answer of this API. An unauthenticated caller receives no body.
pub(super) fn refusal(problem: &Problem, _: &str) -> Answer {
    if problem.status == StatusCode::UNAUTHORIZED {
        return Answer::text(problem.status, Vec::new());
    }
    let error = json!({ "error": { "code": problem.status.canonical_reason(), "message": problem.detail } });
    Answer::json(problem.status, &error)
}

/// Returns whether the client accepts base64, which Conjur uses as a content coding.
pub(super) fn accepts_base64(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|list| list.split(',')).any(|one| {
        let (encoding, _) = one.split_once(';').unwrap_or((one, ""));
        encoding.trim().eq_ignore_ascii_case("base64")
    })
}
