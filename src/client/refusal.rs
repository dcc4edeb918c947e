//! Answers with an error status (RFC 9457).

use std::fmt;

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::http::Answer;
use crate::text::Shown;

/// The media type of problem documents.
const MEDIA_TYPE: &str = "application/problem+json";

/// A server's refusal of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The server's description of the error.
    pub detail: Option<String>,
    /// The KMIP result reason.
    pub result_reason: Option<String>,
    /// The number of bytes that the server's HSM takes in one call, if the request had more.
    pub most_bytes: Option<u64>,
    /// The request identifier, which the server's log has too.
    pub request_id: Option<String>,
    /// Whether the request carried a client certificate or a token.
    pub had_credential: bool,
    /// Whether the answer has the format of another system's API.
    pub is_of_a_dialect: bool,
}

/// A problem document, or the error document of another system's API.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    detail: Option<String>,
    message: Option<String>,
    error: Option<Value>,
    result_reason: Option<String>,
    most_bytes: Option<u64>,
    request_id: Option<String>,
}

impl Refusal {
    pub(super) fn of(answer: &Answer, had_credential: bool) -> Self {
        let is_problem =
            answer.media_type.as_deref().is_some_and(|own| [MEDIA_TYPE, "application/json"].contains(&own));
        // Another program may have answered. Then only the status is used.
        let problem: Option<Problem> = is_problem.then(|| serde_json::from_slice(&answer.body).ok()).flatten();
        let problem = problem.unwrap_or_default();
        let nested = || problem.error.as_ref()?.get("message")?.as_str().map(str::to_owned);
        let said = problem.message.clone().or_else(nested);
        let shown = |text: String| Shown(text).to_string();
        let header = || answer.headers.get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        Self {
            status: answer.status,
            is_of_a_dialect: problem.detail.is_none() && said.is_some(),
            detail: problem.detail.or(said).map(shown),
            result_reason: problem.result_reason.map(shown),
            most_bytes: problem.most_bytes,
            request_id: problem.request_id.or_else(header).map(shown),
            had_credential,
        }
    }

    /// Returns whether the credential was refused or missing (401).
    #[must_use]
    pub fn is_unauthenticated(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// Returns what the caller can do about the error.
    fn hint(&self) -> Option<&'static str> {
        match self.status {
            StatusCode::UNAUTHORIZED if self.had_credential => Some(
                "does the certificate have one CN, is the access token, API token or JWT still valid? The server's log says \
                 why",
            ),
            StatusCode::UNAUTHORIZED => Some("give --client-p12 or --access-token"),
            // The server's detail already names the limit.
            StatusCode::PAYLOAD_TOO_LARGE if self.most_bytes.is_some() => None,
            StatusCode::PAYLOAD_TOO_LARGE => Some("send less in one request"),
            StatusCode::NOT_FOUND if self.result_reason.is_none() && !self.is_of_a_dialect => {
                Some("is this the URL of a Claviger server?")
            }
            StatusCode::TOO_MANY_REQUESTS => Some("try again later"),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = match self.status {
            StatusCode::UNAUTHORIZED => "not authenticated",
            StatusCode::FORBIDDEN => "not permitted",
            StatusCode::NOT_FOUND => "not found",
            StatusCode::CONFLICT => "conflict",
            StatusCode::PAYLOAD_TOO_LARGE => "too large for the server",
            StatusCode::SERVICE_UNAVAILABLE => "the server cannot do it now",
            status if status.is_server_error() => "the server failed",
            status if status.is_redirection() => "the server redirects elsewhere, where this program does not follow",
            _ => "refused by the server",
        };
        formatter.write_str(said)?;
        match &self.detail {
            Some(detail) => write!(formatter, ": {detail}")?,
            None => write!(formatter, ": HTTP status {}", self.status)?,
        }
        if let Some(hint) = self.hint() {
            write!(formatter, "; {hint}")?;
        }
        if let Some(id) = &self.request_id {
            write!(formatter, " (request {id})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::*;
    use crate::secret::Bytes;

    fn shown(status: u16, media_type: &str, body: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        let headers = HeaderMap::from_iter([("x-request-id".parse().unwrap(), "r-1".parse().unwrap())]);
        let body = Bytes::from(body.as_bytes());
        Refusal::of(&Answer { status, media_type: Some(media_type.to_owned()), headers, body }, false).to_string()
    }

    #[test]
    fn a_problem_is_told_in_one_line() {
        let problem = |status, detail: &str, reason| {
            let reason = if reason { r#","result_reason":"x""# } else { "" };
            let body =
                format!(r#"{{"type":"about:blank","status":{status},"detail":"{detail}","request_id":"r-2"{reason}}}"#);
            shown(status, MEDIA_TYPE, &body)
        };
        for (status, reason, expected) in [
            (401, false, "not authenticated: no; give --client-p12 or --access-token (request r-2)"),
            (403, true, "not permitted: no (request r-2)"),
            (404, true, "not found: no (request r-2)"),
            (404, false, "not found: no; is this the URL of a Claviger server? (request r-2)"),
            (409, true, "conflict: no (request r-2)"),
            (413, false, "too large for the server: no; send less in one request (request r-2)"),
            (422, true, "refused by the server: no (request r-2)"),
            (500, false, "the server failed: no (request r-2)"),
            (503, true, "the server cannot do it now: no (request r-2)"),
        ] {
            assert_eq!(problem(status, "no", reason), expected);
        }
        assert!(problem(400, r"a\u001b[31mb\nc", true).contains(r"a\u{1b}[31mb\nc"));
    }

    #[test]
    fn another_programs_answer_is_told_by_its_status() {
        assert_eq!(shown(502, "text/html", "<html>"), "the server failed: HTTP status 502 Bad Gateway (request r-1)");
        assert_eq!(shown(400, MEDIA_TYPE, "["), "refused by the server: HTTP status 400 Bad Request (request r-1)");
        assert!(shown(302, "text/html", "").starts_with("the server redirects elsewhere"));
    }
}
