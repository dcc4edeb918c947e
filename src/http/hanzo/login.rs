//! `POST /api/v1/auth/{jwt-auth,oidc-auth}/login`: exchanges a JWT for an access token.

use warp::http::StatusCode;

use super::super::anonymous_request::{AnonymousRequest, Answering, not_logged_in};
use super::super::answer::Answer;
use super::super::app::App;
use super::super::problem::Problem;
use super::super::typed::{Gives, Typed, typed};
use super::shapes::{invalid, read_login};
use crate::api::logins::{Given, JwtLogin};
use crate::auth::{ClaimsError, Issued, JwsError, Unauthenticated};
use crate::kms::{IdentityWay, NoIdentityToken};

/// Bodies of requests and answers, for the description of the routes.
pub(super) const TAKES: Typed = typed::<JwtLogin<String>>;
pub(super) const GIVES: Gives = Gives::One(typed::<Given<String>>);

/// Returns the answer with an access token.
pub(super) fn given(issued: &Issued) -> Answer {
    let Issued { token, expires_in, max_ttl, .. } = issued;
    let (access_token, token_type) = (&**token, "Bearer".into());
    let given = Given { access_token, expires_in: *expires_in, access_token_max_ttl: *max_ttl, token_type };
    Answer::json(StatusCode::OK, &given)
}

/// `POST /api/v1/auth/jwt-auth/login`
pub(in crate::http) fn by_jwt_auth<'a>(app: &'a App, request: AnonymousRequest<'a>) -> Answering<'a> {
    login(IdentityWay::JwtAuth, app, request)
}

/// `POST /api/v1/auth/oidc-auth/login`
pub(in crate::http) fn by_oidc_auth<'a>(app: &'a App, request: AnonymousRequest<'a>) -> Answering<'a> {
    login(IdentityWay::OidcAuth, app, request)
}

fn login<'a>(way: IdentityWay, app: &'a App, request: AnonymousRequest<'a>) -> Answering<'a> {
    Box::pin(async move {
        let JwtLogin::<String> { identity_id, jwt } = read_login(&request)?;
        let issued = app.logins.log_in_identity(way, &request.visitor(), &identity_id, &jwt).await;
        Ok(given(&issued.map_err(|refused| not_logged_in(refused, login_refused))?))
    })
}

/// Returns the name of an authentication method in messages.
pub(super) fn named(way: IdentityWay) -> &'static str {
    match way {
        IdentityWay::JwtAuth => "JWT auth",
        IdentityWay::OidcAuth => "OIDC auth",
    }
}

/// Converts a refused login to an error of this API.
fn login_refused(reason: NoIdentityToken) -> Problem {
    match reason {
        NoIdentityToken::NotConfigured(way) => {
            let detail = format!("the identity is not configured for {}", named(way));
            Problem::new(StatusCode::NOT_FOUND, detail)
        }
        NoIdentityToken::Misconfigured { problem, .. } => invalid(problem),
        NoIdentityToken::Connection(_) => Problem::unauthenticated(),
        NoIdentityToken::Jwt { reason, .. } => {
            let (status, message) = refusal_of_jwt(&reason);
            Problem::new(status, message)
        }
    }
}

/// Returns the status of a refused JWT, and the text for its caller.
fn refusal_of_jwt(reason: &Unauthenticated) -> (StatusCode, &'static str) {
    use ClaimsError as C;
    match reason {
        Unauthenticated::Jws(JwsError::Malformed | JwsError::TooLong) | Unauthenticated::Claims(C::Malformed) => {
            (StatusCode::UNAUTHORIZED, "Invalid JWT")
        }
        Unauthenticated::Claims(C::Issuer) => (StatusCode::FORBIDDEN, "Access denied: issuer mismatch"),
        Unauthenticated::Claims(C::Claim(claim)) if claim == "iss" => {
            (StatusCode::FORBIDDEN, "Access denied: issuer mismatch")
        }
        Unauthenticated::Claims(C::Subject) => (StatusCode::FORBIDDEN, "Access denied: subject not allowed"),
        Unauthenticated::Claims(C::Claim(claim)) if claim == "sub" => {
            (StatusCode::UNAUTHORIZED, "Access denied: missing subject")
        }
        Unauthenticated::Claims(C::Claim(claim)) if claim == "aud" => {
            (StatusCode::UNAUTHORIZED, "Access denied: missing audience")
        }
        Unauthenticated::Claims(C::Audience) => (StatusCode::UNAUTHORIZED, "Access denied: audience not allowed"),
        Unauthenticated::Claims(C::Lacking(_)) => (StatusCode::UNAUTHORIZED, "Access denied: missing claim"),
        Unauthenticated::Claims(C::Bound(_)) => (StatusCode::UNAUTHORIZED, "Access denied: claim not allowed"),
        Unauthenticated::NoKeys => (StatusCode::UNAUTHORIZED, "Access denied: the issuer's keys cannot be fetched"),
        _ => (StatusCode::UNAUTHORIZED, "Access denied: the JWT cannot be verified"),
    }
}
