//! Why there is no caller.

use super::access_token::AccessTokenFault;
use super::claims_error::ClaimsError;
use super::jws::JwsError;
use super::trust::CertificateError;

/// Why a caller is not authenticated. This goes to the log only; the caller gets no reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// Nothing was presented.
    #[error("no credential")]
    NoCredential,
    /// The certificate proves nothing.
    #[error("certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// Several Authorization headers, or one that is not `Bearer TOKEN` (RFC 6750 section 2.1).
    #[error("the Authorization header is not one bearer token")]
    Authorization,
    /// A JWT where no issuer is trusted.
    #[error("JWT: no issuer is configured")]
    NoIssuer,
    /// The signature of a JWT, or its form.
    #[error("JWT: {0}")]
    Jws(#[from] JwsError),
    /// What a JWT says.
    #[error("JWT: {0}")]
    Claims(#[from] ClaimsError),
    /// Another `iss`.
    #[error("JWT: its issuer is not trusted")]
    ForeignIssuer,
    /// The issuer's keys could not be fetched yet.
    #[error("JWT: the keys of its issuer are not known yet")]
    NoKeys,
    /// A token where none is configured.
    #[error("API token: none is configured")]
    NoApiToken,
    /// A wrong one.
    #[error("API token: wrong, or its key is not active")]
    ApiToken,
    /// A JWT by a key that is not known, soon after the keys were fetched.
    #[error(
        "JWT: no key of its issuer verifies it, and its keys were fetched too short a time ago to be fetched again"
    )]
    TooManyFetches,
    /// A token of ours that is not good, or no longer.
    #[error("access token: {0}")]
    AccessToken(#[from] AccessTokenFault),
}

impl Unauthenticated {
    /// What was wrong, as one of few words that hold nothing of what was sent.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::NoCredential => "no-credential",
            Self::Authorization => "malformed",
            Self::Certificate(_) => "certificate",
            Self::NoIssuer | Self::ForeignIssuer => "issuer",
            Self::Jws(_) => "signature",
            Self::Claims(_) => "claims",
            Self::NoKeys | Self::TooManyFetches => "no-keys",
            Self::NoApiToken | Self::ApiToken => "api-token",
            Self::AccessToken(_) => "access-token",
        }
    }

    /// The kind of credential, for the log.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::NoCredential | Self::Authorization => "none",
            Self::Certificate(_) => "certificate",
            Self::NoIssuer
            | Self::Jws(_)
            | Self::Claims(_)
            | Self::ForeignIssuer
            | Self::NoKeys
            | Self::TooManyFetches => "jwt",
            Self::NoApiToken | Self::ApiToken => "api-token",
            Self::AccessToken(_) => "access-token",
        }
    }
}

/// Why there is no caller.
#[derive(Debug)]
pub enum Refusal<E> {
    /// The credential is missing or bad: why, for the log.
    Unauthenticated(Unauthenticated),
    /// It could not be checked.
    Unavailable(E),
}

impl<E> From<Unauthenticated> for Refusal<E> {
    fn from(reason: Unauthenticated) -> Self {
        Self::Unauthenticated(reason)
    }
}
