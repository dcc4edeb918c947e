//! The reasons for which a request has no caller.

use super::access_token::AccessTokenFault;
use super::claims_error::ClaimsError;
use super::jws::JwsError;
use super::trust::CertificateError;

/// The reason for which a caller is not authenticated. It is only logged; the caller does not receive it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// The request has no credential.
    #[error("no credential")]
    NoCredential,
    /// The certificate was refused.
    #[error("certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// Several Authorization headers, or one that is not `Bearer TOKEN` (RFC 6750 section 2.1).
    #[error("the Authorization header is not one bearer token")]
    Authorization,
    /// The request has a JWT, but no issuer is trusted.
    #[error("JWT: no issuer is configured")]
    NoIssuer,
    /// The signature or the form of a JWT is wrong.
    #[error("JWT: {0}")]
    Jws(#[from] JwsError),
    /// The claims of a JWT are refused.
    #[error("JWT: {0}")]
    Claims(#[from] ClaimsError),
    /// `iss` is not a trusted issuer.
    #[error("JWT: its issuer is not trusted")]
    ForeignIssuer,
    /// The issuer's keys could not be fetched yet.
    #[error("JWT: the keys of its issuer are not known yet")]
    NoKeys,
    /// The request has an API token, but none is configured.
    #[error("API token: none is configured")]
    NoApiToken,
    /// The API token is wrong.
    #[error("API token: wrong, or its key is not active")]
    ApiToken,
    /// The JWT has an unknown key, and the keys were fetched too recently to be fetched again.
    #[error("JWT: no key of its issuer verifies it, and the keys were fetched too recently to be fetched again")]
    TooManyFetches,
    /// An access token of this server is not valid.
    #[error("access token: {0}")]
    AccessToken(#[from] AccessTokenFault),
}

impl Unauthenticated {
    /// Returns the cause in one of a few words that contain nothing of what was sent.
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

    /// Returns the kind of credential, for the log.
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

/// The reason for which there is no caller.
#[derive(Debug)]
pub enum Refusal<E> {
    /// The credential is missing or invalid. The reason is for the log.
    Unauthenticated(Unauthenticated),
    /// The credential could not be checked.
    Unavailable(E),
}

impl<E> From<Unauthenticated> for Refusal<E> {
    fn from(reason: Unauthenticated) -> Self {
        Self::Unauthenticated(reason)
    }
}
