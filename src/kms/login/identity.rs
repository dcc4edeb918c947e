//! Identities that log in by a JWT (Infisical's `jwt-auth` and `oidc-auth`).

use std::sync::Arc;

use super::{Failure, Logins, NotLoggedIn, Visitor};
use crate::auth::{
    Bound, ClaimsError, Diagnosis, Expected, Issued, JwsError, KeySet, KeySource, NewToken, TrustedIssuer,
    Unauthenticated, Unverified, split_patterns,
};
use crate::kms::clock::now;
use crate::policy::{
    ConfigurationType, IdentityDocument, JwtAuthDocument, JwtBounds, OidcAuthDocument, TokenSettings,
    identity_username, jwt_auth_basis, oidc_auth_basis,
};
use crate::principal::Username;

/// The methods by which an identity logs in with a JWT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityWay {
    /// The keys are configured, or they are in a JWK Set at a URL.
    JwtAuth,
    /// The keys are at the URL that the configuration of an OpenID Connect provider names.
    OidcAuth,
}

impl IdentityWay {
    /// The name in paths, in the log and in the metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::JwtAuth => "jwt-auth",
            Self::OidcAuth => "oidc-auth",
        }
    }

    /// The basis of an access token and its settings; `None` if the identity does not log in by this method.
    fn tokens(self, document: &IdentityDocument) -> Option<(String, TokenSettings<'_>)> {
        match self {
            Self::JwtAuth => document.jwt_auth.as_ref().map(|auth| (jwt_auth_basis(&auth.id), auth.tokens())),
            Self::OidcAuth => document.oidc_auth.as_ref().map(|auth| (oidc_auth_basis(&auth.id), auth.tokens())),
        }
    }

    /// The issuer that the identity trusts; `None` if it does not log in by this method.
    fn trusted(self, id: &str, document: &IdentityDocument, allow_http: bool) -> Option<Result<TrustedIssuer, String>> {
        match self {
            Self::JwtAuth => document.jwt_auth.as_ref().map(|auth| trusted_by_jwt_auth(id, auth, allow_http)),
            Self::OidcAuth => document.oidc_auth.as_ref().map(|auth| trusted_by_oidc_auth(id, auth, allow_http)),
        }
    }
}

/// The reason why an identity gets no access token.
#[derive(Debug, thiserror::Error)]
pub enum NoIdentityToken {
    /// There is no such identity, or it does not log in by this method.
    #[error("no such identity with {}", .0.word())]
    NotConfigured(IdentityWay),
    /// The configuration of the identity cannot be used: the server is now stricter than when it was written.
    #[error("{problem}")]
    Misconfigured {
        /// The login method.
        way: IdentityWay,
        /// The reason.
        problem: String,
    },
    /// The connection's client certificate is not valid.
    #[error("{0}")]
    Connection(Unauthenticated),
    /// The JWT is not valid.
    #[error("{reason}")]
    Jwt {
        /// The login method.
        way: IdentityWay,
        /// The reason.
        reason: Unauthenticated,
    },
}

impl NoIdentityToken {
    /// The kind of the refused credential.
    fn method(&self) -> &'static str {
        match self {
            Self::Connection(reason) => reason.method(),
            Self::NotConfigured(way) | Self::Misconfigured { way, .. } | Self::Jwt { way, .. } => way.word(),
        }
    }

    /// The reason as a word for the audit log.
    fn word(&self) -> &'static str {
        let reason = match self {
            Self::NotConfigured(_) | Self::Misconfigured { .. } => return "not_configured",
            Self::Connection(reason) => return reason.word(),
            Self::Jwt { reason, .. } => reason,
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
    /// Issues an access token to an identity for a JWT.
    ///
    /// # Errors
    /// The JWT is refused, or the access token could not be issued.
    pub async fn log_in_identity(
        &self,
        way: IdentityWay,
        visitor: &Visitor<'_>,
        id: &str,
        jwt: &str,
    ) -> Result<Issued, NotLoggedIn<NoIdentityToken>> {
        match self.vouched_identity(way, visitor, id, jwt).await {
            Ok(new) => Ok(self.kms.issue_token(visitor.origin(), &new)?),
            Err(reason) => {
                let (method, word) = (reason.method(), reason.word());
                let failure = Failure { method, word, idps: None, reason: &reason };
                let limited = self.failed(visitor.address(), &failure);
                Err(NotLoggedIn::Refused { reason, limited })
            }
        }
    }

    /// Checks the JWT and returns the access token to issue.
    async fn vouched_identity(
        &self,
        way: IdentityWay,
        visitor: &Visitor<'_>,
        id: &str,
        jwt: &str,
    ) -> Result<NewToken, NoIdentityToken> {
        let bearer = self.bearer(visitor).map_err(NoIdentityToken::Connection)?;
        let none = || NoIdentityToken::NotConfigured(way);
        let document = self.kms.identity_of_login(id).ok_or_else(none)?;
        let (basis, tokens) = way.tokens(&document).ok_or_else(none)?;
        let subject = Username::exchanged(&identity_username(id)).map_err(|_| none())?;
        let trusted = self.trusted_by_identity(way, id, &document);
        let trusted = trusted.map_err(|problem| NoIdentityToken::Misconfigured { way, problem })?;
        let verified = self.authenticator.verify_for_exchange(&trusted, jwt, now()).await;
        let verified = verified.map_err(|reason| NoIdentityToken::Jwt { way, reason })?;
        let terms = self.kms.terms_of(subject.as_str(), &basis).ok_or_else(none)?;
        Ok(NewToken {
            subject,
            basis,
            vouched: format!("{} {}", way.word(), trusted.issuer),
            terms,
            uses_limit: tokens.uses_limit,
            thumbprint: bearer.thumbprint,
            narrowing: verified.narrowing,
            role: None,
        })
    }

    /// The issuer that an identity trusts; each configuration is parsed once.
    ///
    /// # Errors
    /// The description of the fault.
    pub fn trusted_by_identity(
        &self,
        way: IdentityWay,
        id: &str,
        document: &Arc<IdentityDocument>,
    ) -> Result<Arc<TrustedIssuer>, String> {
        self.identities.get(&format!("{}/{id}", way.word()), document, |document| {
            let trusted = way.trusted(id, document, self.allows_http());
            trusted.unwrap_or_else(|| Err(NoIdentityToken::NotConfigured(way).to_string()))
        })
    }

    /// Checks a JWT as a login of an identity would.
    pub async fn diagnose_identity(
        &self,
        way: IdentityWay,
        id: &str,
        document: &Arc<IdentityDocument>,
        (jwt, token): (&str, &Unverified<'_>),
    ) -> Diagnosis {
        match self.trusted_by_identity(way, id, document) {
            Ok(trusted) => self.authenticator.diagnose_exchange(&trusted, jwt, token, now()).await.0,
            Err(fault) => {
                let mut diagnosis = Diagnosis::default();
                diagnosis.conclude("configuration", Err(fault));
                diagnosis
            }
        }
    }
}

/// The issuer that a JWT authentication trusts. `allow_http`: its keys may be fetched by plain HTTP.
///
/// # Errors
/// The description of the fault, with the name of the field.
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
    trusted(identity, keys, &auth.bounds(), ("jwksCaCert", &auth.jwks_ca_cert))
}

/// The issuer that an OIDC authentication trusts, with keys at the URL that the provider names.
///
/// # Errors
/// The description of the fault, with the name of the field.
pub fn trusted_by_oidc_auth(
    identity: &str,
    auth: &OidcAuthDocument,
    allow_http: bool,
) -> Result<TrustedIssuer, String> {
    let keys = KeySource::discovery(&auth.oidc_discovery_url, allow_http);
    let keys = keys.map_err(|error| format!("oidcDiscoveryUrl: {error}"))?;
    if auth.bound_issuer.is_empty() {
        return Err("boundIssuer: the `iss` of the tokens is missing".to_owned());
    }
    trusted(identity, keys, &auth.bounds(), ("caCert", &auth.ca_cert))
}

fn trusted(
    identity: &str,
    keys: KeySource,
    bounds: &JwtBounds<'_>,
    (member, authorities): (&str, &str),
) -> Result<TrustedIssuer, String> {
    let audiences = patterns("boundAudiences", bounds.audiences)?;
    if audiences.is_empty() {
        return Err(
            "boundAudiences: give at least one audience: without one, JWTs for other services would be accepted"
                .to_owned(),
        );
    }
    let bound_claims = bounds.claims.iter().map(|(path, values)| {
        let values = patterns("boundClaims", values)?;
        if path.is_empty() || values.is_empty() {
            return Err(format!("boundClaims: the claim {path:?} is bound to no value"));
        }
        Ok((path.clone(), Bound::AnyOf(values)))
    });
    let trusted = TrustedIssuer::new(bounds.issuer, keys, audiences);
    let mut trusted = trusted.with_authorities(authorities).map_err(|error| format!("{member}: {error}"))?;
    trusted.username_claim = identity.to_owned();
    if !bounds.subject.is_empty() {
        let subject = Expected::pattern(bounds.subject).map_err(|error| format!("boundSubject: {error}"))?;
        trusted.subject = Some(subject);
    }
    trusted.bound_claims = bound_claims.collect::<Result<_, _>>()?;
    Ok(trusted)
}

/// The patterns of a list. Commas separate them, except inside braces.
fn patterns(member: &str, list: &str) -> Result<Vec<Expected>, String> {
    let pattern = |part: &str| Expected::pattern(part).map_err(|error| format!("{member}: {error}"));
    split_patterns(list).into_iter().map(pattern).collect()
}
