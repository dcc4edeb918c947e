//! The answer to a login: an access token in Conjur's format.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::json;
use warp::http::{HeaderMap, StatusCode};

use super::super::answer::Answer;
use super::shapes::accepts_base64;

/// Returns the token in the flattened form (RFC 7515 section 7.2.2), in base64 for clients that accept it.
///
/// The parts are in the standard alphabet with padding, because some clients read nothing else. The signature covers
/// the header and the claims in base64url without padding. The server restores this form from a presented token.
pub(super) fn flattened(token: &str, headers: &HeaderMap) -> Answer {
    let mut parts = token.split('.').map(|part| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap_or_default());
    let mut part = || BASE64.encode(&parts.next().unwrap_or_default());
    let token = json!({ "protected": part(), "payload": part(), "signature": part() });
    if accepts_base64(headers) {
        Answer::text(StatusCode::OK, BASE64.encode(token.to_string().as_bytes()).into_bytes()).in_base64()
    } else {
        Answer::json(StatusCode::OK, &token)
    }
}
