//! Routes of access tokens: the keys that verify them, for any client, and the list of access tokens, for
//! administrators.

use serde::Serialize;
use warp::http::StatusCode;

use super::access;
use super::answer::Answer;
use super::app::App;
use super::ask::Ask;
use super::page::{Page, after, limit};
use super::problem::Problem;
use crate::api::Nothing;
use crate::api::tokens::{AccessToken, Rotated};
use crate::auth::OwnKey;
use crate::kms::Sheet;
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
pub(super) fn list(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let (subject, after) = (ask.query.value("subject"), after(ask).unwrap_or_default());
    let mut page = Page::array();
    let mut write = |token: AccessToken| page.put(&token);
    let mut sheet = Sheet::new(&ask.context, limit(ask)?, &mut write);
    app.kms.tokens(&ask.context, subject, &after, &mut sheet)?;
    Ok(page.end())
}

/// `DELETE /access/tokens/ID`
pub(super) fn end(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let id = ask.parameter("id");
    if id.len() > MAX_NAME {
        return Err(Problem::new(StatusCode::NOT_FOUND, "there is no such access token"));
    }
    app.kms.end_token(&ask.context, id)?;
    Ok(access::success("the access token was revoked"))
}

/// `POST /access/token-key`: makes a new key, which signs new access tokens. The body is empty, or an object without
/// members.
pub(super) fn rotate(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    if !ask.body.trim_ascii().is_empty() {
        access::read::<Nothing>(ask.body)?;
    }
    let kid = app.kms.rotate_token_key(&ask.context)?;
    Ok(Answer::json(StatusCode::OK, &Rotated { kid }))
}
