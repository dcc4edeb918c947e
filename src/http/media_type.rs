//! The Content-Type of a request.

use warp::http::HeaderMap;
use warp::http::header::CONTENT_TYPE;

/// The media type of the body, without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let (essence, _) = value.split_once(';').unwrap_or((value, ""));
    Some(essence.trim()).filter(|essence| !essence.is_empty())
}
