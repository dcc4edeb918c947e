//! `POST /api/v1/auth/jwt-auth/login`: a JWT for an access token.

use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::super::problem::Problem;
use super::super::visit::{Answering, Visit};
use super::super::{Answer, App};
use super::{jwt_auth, read_secret};
use crate::auth::{ClaimsError, Issued, JwsError, NewToken, Unauthenticated};
use crate::kms;
use crate::policy::{JwtAuthDocument, identity_username, jwt_auth_basis};
use crate::principal::Username;

/// The way by which somebody comes, for the log and the figures.
const METHOD: &str = "jwt-auth";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    identity_id: String,
    jwt: String,
}

/// A token, as these clients expect it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Given<'a> {
    access_token: &'a str,
    expires_in: i64,
    #[serde(rename = "accessTokenMaxTTL")]
    access_token_max_ttl: i64,
    token_type: &'static str,
}

/// The answer with a token.
pub(super) fn given(issued: &Issued) -> Answer {
    let Issued { token, expires_in, max_ttl, .. } = issued;
    let (access_token, token_type) = (&**token, "Bearer");
    let given = Given { access_token, expires_in: *expires_in, access_token_max_ttl: *max_ttl, token_type };
    Answer::json(StatusCode::OK, &given)
}

pub(in crate::http) fn login<'a>(app: &'a App, visit: Visit<'a>) -> Answering<'a> {
    Box::pin(async move {
        let Login { identity_id, jwt } = read_secret(visit.body)?;
        let bearer = visit.bearer(app)?;
        let known = app.kms.identity_of_login(&identity_id).and_then(|identity| identity.jwt_auth.clone());
        let Some(auth) = known else {
            let problem = Problem::new(StatusCode::NOT_FOUND, "the identity is not configured for JWT auth");
            return Err(visit.refused(app, METHOD, "not_configured", &"no such identity with JWT auth", problem));
        };
        let trusted = jwt_auth::trusted(&identity_id, &auth, app.authenticator.exchange().allows_http());
        // What was checked when it was attached; a later start may ask for more.
        let trusted = trusted.map_err(super::invalid)?;
        let verified = match app.authenticator.verify_for_exchange(&trusted, &jwt, kms::now()).await {
            Ok(verified) => verified,
            Err(reason) => {
                let (status, word, message) = told(&reason);
                return Err(visit.refused(app, METHOD, word, &reason, Problem::new(status, message)));
            }
        };
        let new = NewToken {
            subject: username(&identity_id)?,
            basis: jwt_auth_basis(&auth.id),
            vouched: format!("jwt-auth {}", auth.bound_issuer),
            ttl: auth.access_token_ttl,
            max_ttl: auth.access_token_max_ttl,
            uses_limit: auth.access_token_num_uses_limit,
            trusted: networks(&auth)?,
            thumbprint: bearer.thumbprint,
            narrowing: verified.narrowing,
            role: None,
        };
        let issued = app.kms.issue_token(visit.origin(), &new)?;
        Ok(given(&issued))
    })
}

fn username(identity: &str) -> Result<Username, Problem> {
    Username::exchanged(&identity_username(identity)).map_err(|error| super::invalid(format!("identityId: {error}")))
}

fn networks(auth: &JwtAuthDocument) -> Result<Vec<crate::policy::TrustedNetwork>, Problem> {
    let parsed = auth.access_token_trusted_ips.iter().map(|text| text.parse());
    parsed.collect::<Result<_, _>>().map_err(|_| super::invalid("accessTokenTrustedIps: no networks"))
}

/// The status of a refusal, the word for it in the audit log, and the text for its caller.
fn told(reason: &Unauthenticated) -> (StatusCode, &'static str, &'static str) {
    let refused = (StatusCode::UNAUTHORIZED, "jwt_verification_failed", "Access denied: the JWT cannot be verified");
    match reason {
        Unauthenticated::Jws(JwsError::Malformed | JwsError::TooLong)
        | Unauthenticated::Claims(ClaimsError::Malformed) => (StatusCode::UNAUTHORIZED, "invalid_jwt", "Invalid JWT"),
        Unauthenticated::Claims(ClaimsError::Issuer) => {
            (StatusCode::FORBIDDEN, "jwt_verification_failed", "Access denied: issuer mismatch")
        }
        Unauthenticated::Claims(ClaimsError::Claim(claim)) if claim == "iss" => {
            (StatusCode::FORBIDDEN, "jwt_verification_failed", "Access denied: issuer mismatch")
        }
        Unauthenticated::Claims(ClaimsError::Subject) => {
            (StatusCode::FORBIDDEN, "claim_mismatch", "Access denied: subject not allowed")
        }
        Unauthenticated::Claims(ClaimsError::Claim(claim)) if claim == "sub" => {
            (StatusCode::UNAUTHORIZED, "missing_subject", "Access denied: missing subject")
        }
        Unauthenticated::Claims(ClaimsError::Claim(claim)) if claim == "aud" => {
            (StatusCode::UNAUTHORIZED, "missing_audience", "Access denied: missing audience")
        }
        Unauthenticated::Claims(ClaimsError::Audience) => {
            (StatusCode::UNAUTHORIZED, "audience_not_allowed", "Access denied: audience not allowed")
        }
        Unauthenticated::Claims(ClaimsError::Lacking(_)) => {
            (StatusCode::UNAUTHORIZED, "missing_claim", "Access denied: missing claim")
        }
        Unauthenticated::Claims(ClaimsError::Bound(_)) => {
            (StatusCode::UNAUTHORIZED, "claim_mismatch", "Access denied: claim not allowed")
        }
        Unauthenticated::NoKeys => {
            (StatusCode::UNAUTHORIZED, "jwt_verification_failed", "Access denied: the issuer's keys cannot be fetched")
        }
        _ => refused,
    }
}
