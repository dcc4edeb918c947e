//! The answer to a login: an access token as Conjur's clients read it.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use warp::http::{HeaderMap, StatusCode};

use super::super::answer::Answer;
use super::shapes::accepts_base64;
use crate::api::logins::Flattened;

/// The token in the flattened form (RFC 7515 section 7.2.2), in base64 for those who accept that.
///
/// The parts have padding and are in the standard alphabet, because some clients read nothing else. Header and claims are the same
/// in both alphabets; what is signed is their form in base64url without padding, which the server makes of whatever comes back.
pub(super) fn flattened(token: &str, headers: &HeaderMap) -> Answer {
    let mut parts = token.split('.').map(|part| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap_or_default());
    let mut part = || BASE64.encode(&parts.next().unwrap_or_default());
    let (protected, payload, signature) = (part(), part(), part());
    let token = Flattened { payload, protected, signature };
    if accepts_base64(headers) {
        let token = serde_json::to_vec(&token).unwrap_or_default();
        Answer::text(StatusCode::OK, BASE64.encode(&token).into_bytes()).in_base64()
    } else {
        Answer::json(StatusCode::OK, &token)
    }
}
