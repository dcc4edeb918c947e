//! Failures in the words of Piiano Vault's clients: `error_code`, `message` and `context` beside the problem document, for callers
//! whose JWT is trusted by an idps table.

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

    /// The members beside, if there is a code for this failure.
    pub(super) fn members<'a>(&'a self, request_id: &'a str) -> Option<Members<'a>> {
        if self.words != Words::Piiano {
            return None;
        }
        let error_code = match self.status {
            StatusCode::BAD_REQUEST => "PV1001",
            StatusCode::NOT_FOUND => "PV1004",
            StatusCode::UNAUTHORIZED => "PV1005",
            StatusCode::FORBIDDEN if self.lacks_capability => "PV1007",
            StatusCode::FORBIDDEN => "PV1006",
            _ => return None,
        };
        Some(Members { error_code, message: &self.detail, context: Context { request_id } })
    }
}
