//! `POST /authn-jwt/SERVICE/ACCOUNT[/LOGIN]/authenticate`: exchanges a JWT for an access token.

use warp::http::StatusCode;

use super::super::anonymous_request::{AnonymousRequest, Answering, not_logged_in};
use super::super::app::App;
use super::super::fields::Fields;
use super::super::problem::Problem;
use super::token::flattened;
use crate::kms::{HostLogin, NoHostToken};

pub(in crate::http) fn authenticate<'a>(app: &'a App, request: AnonymousRequest<'a>) -> Answering<'a> {
    Box::pin(async move {
        let [service, account, login] = ["service", "account", "login"].map(|name| request.parameter(name));
        let asked = HostLogin { service: service.unwrap_or_default(), account: account.unwrap_or_default(), login };
        let jwt = presented(request.body);
        let issued = app.logins.log_in_by_authn_jwt(&request.visitor(), &asked, jwt.as_deref().ok()).await;
        let issued = issued.map_err(|refused| not_logged_in(refused, |reason| login_refused(reason, jwt)))?;
        Ok(flattened(&issued.token, request.headers))
    })
}

/// Converts a refused login. The error for a body without a JWT describes what is wrong with the body.
fn login_refused(reason: NoHostToken, jwt: Result<String, Problem>) -> Problem {
    let status = match &reason {
        NoHostToken::NoToken(_) => match jwt {
            Err(problem) => return problem,
            Ok(_) => StatusCode::BAD_REQUEST,
        },
        NoHostToken::Connection(_) => return Problem::unauthenticated(),
        NoHostToken::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        NoHostToken::NotPermitted(_) => StatusCode::FORBIDDEN,
        NoHostToken::TryLater(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    Problem::new(status, reason.to_string())
}

/// Returns the JWT of a form, whatever its Content-Type.
fn presented(form: &[u8]) -> Result<String, Problem> {
    let missing = || Problem::new(StatusCode::BAD_REQUEST, "the body must be a form with the field jwt");
    let fields = Fields::parse(std::str::from_utf8(form).map_err(|_| missing())?)?;
    fields.check(&["jwt"])?;
    fields.text("jwt").map(|jwt| jwt.trim().to_owned()).filter(|jwt| !jwt.is_empty()).ok_or_else(missing)
}
