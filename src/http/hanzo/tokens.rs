//! `/api/v1/auth/token`: the bearer of an access token renews or revokes it.

use schemars::JsonSchema;
use serde::Serialize;
use warp::http::StatusCode;

use super::super::anonymous_request::{AnonymousRequest, Answering};
use super::super::answer::Answer;
use super::super::app::App;
use super::super::problem::Problem;
use super::super::typed::{Gives, Typed, typed};
use super::login;
use super::shapes::read_login;
use crate::api::logins::Presented;
use crate::auth::Refusal;
use crate::kms::{self, Context, Way};
use crate::principal::Caller;

/// Bodies of requests and answers, for the description of the routes.
pub(super) const TAKES: Typed = typed::<Presented<String>>;
pub(super) const REVOKED: Gives = Gives::One(typed::<Ended>);

#[derive(Serialize, JsonSchema)]
struct Ended {
    message: &'static str,
}

/// `POST /api/v1/auth/token/renew`
pub(in crate::http) fn renew<'a>(app: &'a App, request: AnonymousRequest<'a>) -> Answering<'a> {
    Box::pin(async move {
        let caller = bearer(app, &request)?;
        Ok(login::given(&app.kms.renew_token(&context(&request, &caller))?))
    })
}

/// `POST /api/v1/auth/token/revoke`
pub(in crate::http) fn revoke<'a>(app: &'a App, request: AnonymousRequest<'a>) -> Answering<'a> {
    Box::pin(async move {
        let caller = bearer(app, &request)?;
        app.kms.revoke_own_token(&context(&request, &caller))?;
        Ok(Answer::json(StatusCode::OK, &Ended { message: "Successfully revoked access token" }))
    })
}

fn context<'a>(request: &AnonymousRequest<'a>, caller: &'a Caller) -> Context<'a> {
    let (request_id, peer, ticket) = (request.request_id, request.peer.address, request.ticket);
    Context { caller, request: request_id, peer, ticket, way: Way::default() }
}

/// Returns the caller of an access token. The token must be valid, also for the client's address.
fn bearer(app: &App, request: &AnonymousRequest<'_>) -> Result<Caller, Problem> {
    let Presented::<String> { access_token } = read_login(request)?;
    match app.authenticator.bearer_of(request.peer, &access_token, &*app.kms, kms::now()) {
        Ok(caller) => Ok(caller),
        Err(Refusal::Unauthenticated(reason)) => Err(request.unauthenticated(app, &reason)),
        Err(Refusal::Unavailable(error)) => Err(error.into()),
    }
}
