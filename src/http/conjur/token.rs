//! The answer to a login: an access token in Conjur's format.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use warp::http::{HeaderMap, StatusCode};

use super::super::answer::Answer;
use super::super::typed::{Gives, typed};
use super::shapes::accepts_base64;
use crate::api::logins::Flattened;

/// The body of an answer with a token, for the description of the routes.
pub(super) const TOKEN: Gives = Gives::OneOrText(typed::<Flattened<String>>);

/// Returns the token in the flattened form (RFC 7515 section 7.2.2), in base64 for clients that accept it.
///
/// The parts are in the standard alphabet with padding, because some clients read nothing else. The signature covers
/// the header and the claims in base64url without padding. The server restores this form from a presented token.
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
