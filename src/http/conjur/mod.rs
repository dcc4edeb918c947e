//! The dialect of Conjur: authenticators, by which hosts exchange a JWT for an access token.

pub(super) mod authenticate;
mod code;
pub(super) mod status;
mod trust;

use serde_json::json;
use warp::http::StatusCode;

use super::Answer;
use super::problem::Problem;

/// A problem in the words of these clients: nothing is said to somebody who is nobody.
pub(super) fn refusal(problem: &Problem) -> Answer {
    if problem.status == StatusCode::UNAUTHORIZED {
        return Answer::text(problem.status, Vec::new());
    }
    let error = json!({ "error": { "code": problem.status.canonical_reason(), "message": problem.detail } });
    Answer::json(problem.status, &error)
}
