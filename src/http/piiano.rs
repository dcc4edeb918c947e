//! Failures in the words of Piiano Vault's clients: `error_code`, `message` and `context` beside the problem document, for callers
//! whose JWT is trusted by an idps table, and on the paths of Piiano's API.

use serde::Serialize;
use warp::http::StatusCode;

use super::problem::{Problem, Words};

/// What a problem document has beside its own members.
#[derive(Debug, Serialize)]
pub(super) struct Members<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
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

    /// The members beside; without a code where these clients know none for the failure.
    pub(super) fn members<'a>(&'a self, request_id: &'a str) -> Option<Members<'a>> {
        if self.words != Words::Piiano {
            return None;
        }
        let error_code = match self.status {
            StatusCode::NOT_FOUND => Some("PV1004"),
            StatusCode::UNAUTHORIZED => Some("PV1005"),
            StatusCode::FORBIDDEN if self.lacks_capability => Some("PV1007"),
            StatusCode::FORBIDDEN => Some("PV1006"),
            StatusCode::NOT_IMPLEMENTED => Some("PV2001"),
            StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => None,
            status if status.is_client_error() => Some("PV1001"),
            _ => None,
        };
        Some(Members { error_code, message: &self.detail, context: Context { request_id } })
    }
}
