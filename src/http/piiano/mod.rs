//! The API of Piiano Vault: requests about the server, and errors in Piiano's format. The problem document has the
//! additional members `error_code`, `message` and `context`, on the paths of Piiano's API, and for callers whose JWT is
//! trusted by an idps table.

mod vault;

use serde::Serialize;
use warp::http::StatusCode;

use super::answer::Answer;
use super::api::{Api, as_it_is, not_implemented};
use super::problem::{Document, Problem};
use super::route::Handler::{Anyone, Caller};
use super::route::{Route, get};
use super::typed::Gives;

/// The API. Its paths begin with `/api/pvlt`.
pub(super) static API: Api = Api {
    dialect: Some("piiano"),
    has: |first, second| (first, second) == ("api", "pvlt"),
    rows: &ROWS,
    labels: &[("/api/pvlt/1.0", "")],
    spelled: as_it_is,
    fault: StatusCode::BAD_REQUEST,
    refusal,
    unserved: not_implemented,
};

static ROWS: [Route; 4] = [
    get("/api/pvlt/1.0/system/info/version", Caller(vault::version)).gives(vault::VERSION),
    get("/api/pvlt/1.0/data/info/health", Anyone(vault::health)).gives(vault::HEALTH),
    get("/api/pvlt/1.0/ctl/info/health", Anyone(vault::health)).gives(vault::HEALTH),
    get("/api/pvlt/1.0/ctl/iam/conf", Caller(vault::iam_file)).gives(Gives::Text(&["application/toml"])),
];

/// A problem document with the members of Piiano's errors.
#[derive(Serialize)]
struct Refusal<'a> {
    #[serde(flatten)]
    document: Document<'a>,
    error_code: &'static str,
    message: &'a str,
    context: Context<'a>,
}

#[derive(Serialize)]
struct Context<'a> {
    request_id: &'a str,
}

/// Converts a problem to an answer of this API. Every error has a code: without one, a client treats the answer as a
/// network error.
pub(super) fn refusal(problem: &Problem, request_id: &str) -> Answer {
    let error_code = match problem.status {
        StatusCode::FORBIDDEN if problem.lacks_capability => "PV1007",
        status => code(status),
    };
    let document = problem.document(request_id);
    problem.answer(&Refusal { document, error_code, message: &problem.detail, context: Context { request_id } })
}

/// Returns the code of an error (docs.piiano.com/api/error-codes).
fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "PV1004",
        StatusCode::UNAUTHORIZED => "PV1005",
        StatusCode::FORBIDDEN => "PV1006",
        StatusCode::NOT_IMPLEMENTED => "PV2001",
        StatusCode::SERVICE_UNAVAILABLE => "PV1010",
        status if status.is_server_error() => "PV1000",
        _ => "PV1001",
    }
}
