//! The dialect of Conjur.

use serde_json::json;
use warp::http::StatusCode;

use super::Answer;
use super::problem::Problem;

/// A problem in the words of these clients: nothing is said to somebody who is nobody.
pub(super) fn refusal(problem: &Problem) -> Answer {
    if problem.status == StatusCode::UNAUTHORIZED {
        return Answer { status: problem.status, media_type: "text/plain; charset=utf-8", body: Vec::new() };
    }
    let error = json!({ "error": { "code": problem.status.canonical_reason(), "message": problem.detail } });
    Answer::json(problem.status, &error)
}
