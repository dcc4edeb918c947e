//! Failures in the words of Piiano Vault's clients: `error_code`, `message` and `context` beside the problem document, for callers
//! whose JWT is trusted by an idps table, and on the paths of Piiano's API.

use serde::Serialize;
use warp::http::StatusCode;

use super::problem::{Problem, Words};

/// What a problem document has beside its own members.
#[derive(Debug, Serialize)]
pub(super) struct Members<'a> {
    error_code: &'static str,
    message: &'a str,
    context: Context<'a>,
}

#[derive(Debug, Serialize)]
struct Context<'a> {
    request_id: &'a str,
}

impl Problem {
    /// The same for a caller of an idps table.
    pub(super) fn for_piiano(mut self) -> Self {
        self.words = Words::Piiano;
        self
    }

    /// The members beside. Each failure has a code: a client that finds none takes the answer for a fault of the network.
    pub(super) fn members<'a>(&'a self, request_id: &'a str) -> Option<Members<'a>> {
        if self.words != Words::Piiano {
            return None;
        }
        let error_code = match self.status {
            StatusCode::FORBIDDEN if self.lacks_capability => "PV1007",
            status => code(status),
        };
        Some(Members { error_code, message: &self.detail, context: Context { request_id } })
    }
}

/// The code of a failure (docs.piiano.com/api/error-codes): of a request as it was sent, of the server, or of what stands behind it.
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
