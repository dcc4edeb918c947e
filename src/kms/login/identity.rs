//! Identities that log in by a JWT (Infisical's `jwt-auth`).

use std::sync::Arc;

use super::{Failure, Logins, NotLoggedIn, Visitor};
use crate::auth::{
    Bound, ClaimsError, Diagnosis, Expected, Issued, JwsError, KeySet, KeySource, NewToken, TrustedIssuer,
    Unauthenticated, Unverified,
};
use crate::kms::now;
use crate::policy::{
    ConfigurationType, IdentityDocument, JwtAuthDocument, TrustedNetwork, identity_username, jwt_auth_basis,
};
use crate::principal::Username;

/// The way by which somebody comes, for the log and the figures.
const METHOD: &str = "jwt-auth";

/// Why an identity gets no token.
#[derive(Debug, thiserror::Error)]
pub enum NoIdentityToken {
    /// There is no such identity, or it does not log in this way.
    #[error("no such identity with JWT auth")]
    NotConfigured,
    /// What is attached to the identity cannot be used: a later start asks for more than that by which it was attached.
    #[error("{0}")]
    Misconfigured(String),
    /// The connection's client certificate proves nothing.
    #[error("{0}")]
    Connection(Unauthenticated),
    /// The JWT proves nothing.
    #[error("{0}")]
    Jwt(Unauthenticated),
}

impl NoIdentityToken {
    /// The kind of credential that was refused.
    fn method(&self) -> &'static str {
        match self {
            Self::Connection(reason) => reason.method(),
            _ => METHOD,
        }
    }

    /// The word for it in the audit log.
    fn word(&self) -> &'static str {
        let reason = match self {
            Self::NotConfigured | Self::Misconfigured(_) => return "not_configured",
            Self::Connection(reason) => return reason.word(),
            Self::Jwt(reason) => reason,
        };
        match reason {
            Unauthenticated::Jws(JwsError::Malformed | JwsError::TooLong)
            | Unauthenticated::Claims(ClaimsError::Malformed) => "invalid_jwt",
            Unauthenticated::Claims(ClaimsError::Subject | ClaimsError::Bound(_)) => "claim_mismatch",
            Unauthenticated::Claims(ClaimsError::Claim(claim)) if claim == "sub" => "missing_subject",
            Unauthenticated::Claims(ClaimsError::Claim(claim)) if claim == "aud" => "missing_audience",
            Unauthenticated::Claims(ClaimsError::Audience) => "audience_not_allowed",
            Unauthenticated::Claims(ClaimsError::Lacking(_)) => "missing_claim",
            _ => "jwt_verification_failed",
        }
    }
}

impl Logins {
    /// Gives an identity an access token for a JWT by which it is known.
    ///
    /// # Errors
    /// The JWT is refused, or no token could be made.
    pub async fn log_in_by_jwt_auth(
        &self,
        visitor: &Visitor<'_>,
        id: &str,
        jwt: &str,
    ) -> Result<Issued, NotLoggedIn<NoIdentityToken>> {
        match self.vouched_identity(visitor, id, jwt).await {
            Ok(new) => Ok(self.kms.issue_token(visitor.origin(), &new)?),
            Err(reason) => {
                let (method, word) = (reason.method(), reason.word());
                let failure = Failure { method, word, idps: None, reason: &reason };
                let limited = self.failed(visitor.address(), &failure);
                Err(NotLoggedIn::Refused { reason, limited })
            }
        }
    }

    /// The token that a JWT buys.
    async fn vouched_identity(&self, visitor: &Visitor<'_>, id: &str, jwt: &str) -> Result<NewToken, NoIdentityToken> {
        let bearer = self.bearer(visitor).map_err(NoIdentityToken::Connection)?;
        let document = self.kms.identity_of_login(id).ok_or(NoIdentityToken::NotConfigured)?;
        let auth = document.jwt_auth.as_ref().ok_or(NoIdentityToken::NotConfigured)?;
        let trusted = self.trusted_by_identity(id, &document).map_err(NoIdentityToken::Misconfigured)?;
        let verified = self.authenticator.verify_for_exchange(&trusted, jwt, now()).await;
        let verified = verified.map_err(NoIdentityToken::Jwt)?;
        let misconfigured = |problem: String| NoIdentityToken::Misconfigured(problem);
        let subject = Username::exchanged(&identity_username(id));
        Ok(NewToken {
            subject: subject.map_err(|error| misconfigured(format!("identityId: {error}")))?,
            basis: jwt_auth_basis(&auth.id),
            vouched: format!("{METHOD} {}", auth.bound_issuer),
            ttl: auth.access_token_ttl,
            max_ttl: auth.access_token_max_ttl,
            uses_limit: auth.access_token_num_uses_limit,
            trusted: networks(auth).ok_or_else(|| misconfigured("accessTokenTrustedIps: no networks".to_owned()))?,
            thumbprint: bearer.thumbprint,
            narrowing: verified.narrowing,
            role: None,
        })
    }

    /// The issuer that an identity trusts; parsed once for each configuration.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn trusted_by_identity(
        &self,
        id: &str,
        document: &Arc<IdentityDocument>,
    ) -> Result<Arc<TrustedIssuer>, String> {
        self.identities.get(id, document, |document| {
            let auth = document.jwt_auth.as_ref().ok_or_else(|| NoIdentityToken::NotConfigured.to_string())?;
            trusted_by_jwt_auth(id, auth, self.allows_http())
        })
    }

    /// Checks a JWT as a login of an identity would.
    pub async fn diagnose_identity(
        &self,
        id: &str,
        document: &Arc<IdentityDocument>,
        (jwt, token): (&str, &Unverified<'_>),
    ) -> Diagnosis {
        match self.trusted_by_identity(id, document) {
            Ok(trusted) => self.authenticator.diagnose_exchange(&trusted, jwt, token, now()).await.0,
            Err(fault) => {
                let mut diagnosis = Diagnosis::default();
                diagnosis.conclude("configuration", Err(fault));
                diagnosis
            }
        }
    }
}

fn networks(auth: &JwtAuthDocument) -> Option<Vec<TrustedNetwork>> {
    auth.access_token_trusted_ips.iter().map(|text| text.parse().ok()).collect()
}

/// The issuer that such a configuration trusts; `allow_http`: its keys may be fetched by plain HTTP.
///
/// # Errors
/// What is wrong with it, with the name of the member.
pub fn trusted_by_jwt_auth(identity: &str, auth: &JwtAuthDocument, allow_http: bool) -> Result<TrustedIssuer, String> {
    let keys = match auth.configuration_type {
        ConfigurationType::Static => {
            let set = KeySet::of_pem_list(auth.public_keys.iter().map(String::as_str));
            KeySource::inline(set.map_err(|error| format!("publicKeys: {error}"))?)
        }
        ConfigurationType::Jwks => {
            KeySource::uri(&auth.jwks_url, allow_http).map_err(|error| format!("jwksUrl: {error}"))?
        }
    };
    let audiences = globs(&auth.bound_audiences);
    if audiences.is_empty() {
        return Err(
            "boundAudiences: tokens must be for an audience: without one, those for other services would do".to_owned()
        );
    }
    let bound_claims = auth.bound_claims.iter().map(|(path, values)| {
        let values = globs(values);
        if path.is_empty() || values.is_empty() {
            return Err(format!("boundClaims: the claim {path:?} is bound to no value"));
        }
        Ok((path.clone(), Bound::AnyOf(values)))
    });
    let trusted = TrustedIssuer::new(&auth.bound_issuer, keys, audiences);
    let trusted = trusted.with_authorities(&auth.jwks_ca_cert).map_err(|error| format!("jwksCaCert: {error}"));
    let mut trusted = trusted?;
    trusted.username_claim = identity.to_owned();
    trusted.subject = Some(&auth.bound_subject).filter(|own| !own.is_empty()).map(|own| Expected::Glob(own.clone()));
    trusted.bound_claims = bound_claims.collect::<Result<_, _>>()?;
    Ok(trusted)
}

/// The patterns of a list that is separated by commas.
fn globs(list: &str) -> Vec<Expected> {
    let parts = list.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| Expected::Glob(part.to_owned())).collect()
}
