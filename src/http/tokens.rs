//! Routes of access tokens: the keys that verify them, for any client, and the list of access tokens, for
//! administrators.

use serde::Serialize;
use warp::http::StatusCode;

use super::access;
use super::answer::Answer;
use super::app::App;
use super::caller_request::CallerRequest;
use super::page::{Page, after, limit};
use super::problem::Problem;
use crate::api::Nothing;
use crate::api::tokens::{AccessToken, Rotated};
use crate::auth::OwnKey;
use crate::kms::PageBuilder;
use crate::policy::MAX_NAME;

/// A JWK Set (RFC 7517 section 5).
#[derive(Serialize)]
struct KeySet {
    keys: Vec<OwnKey>,
}

/// `GET /.well-known/jwks.json`
pub(super) fn key_set(app: &App) -> Result<Answer, Problem> {
    Ok(Answer::json(StatusCode::OK, &KeySet { keys: app.kms.access_tokens().public_keys() }))
}

/// `GET /access/tokens[?subject=NAME][&after=ID][&limit=N]`
pub(super) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (subject, after) = (request.query.value("subject"), after(request).unwrap_or_default());
    let mut page = Page::array();
    let mut write = |token: AccessToken| page.put(&token);
    let mut sheet = PageBuilder::new(&request.context, limit(request)?, &mut write);
    app.kms.tokens(&request.context, subject, &after, &mut sheet)?;
    Ok(page.end())
}

/// `DELETE /access/tokens/ID`
pub(super) fn end(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let id = request.parameter("id");
    if id.len() > MAX_NAME {
        return Err(Problem::new(StatusCode::NOT_FOUND, "there is no such access token"));
    }
    app.kms.end_token(&request.context, id)?;
    Ok(access::success("the access token was revoked"))
}

/// `POST /access/token-key`: makes a new key, which signs new access tokens. The body is empty, or an object without
/// members.
pub(super) fn rotate(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    if !request.body.trim_ascii().is_empty() {
        access::read::<Nothing>(request.body)?;
    }
    let kid = app.kms.rotate_token_key(&request.context)?;
    Ok(Answer::json(StatusCode::OK, &Rotated { kid }))
}
