//! Logins by credentials that the server issued: client secrets of identities (Infisical's `universal-auth`) and API
//! keys of hosts (Conjur's `authn`).

use super::{Failure, Logins, NotLoggedIn, Visitor};
use crate::auth::{Bearer, Comparing, Issued, Unauthenticated};
use crate::kms::api_key::PresentedKey;
use crate::kms::client_login::PresentedSecret;
use crate::kms::credential::{CredentialFault, LoginError};
use crate::secret::Password;

/// The names of the login methods in the log and the metrics.
const CLIENT_SECRET: &str = "universal-auth";
const API_KEY: &str = "authn";

/// The reason why a credential is refused.
#[derive(Debug, thiserror::Error)]
pub enum NoCredential {
    /// The connection's client certificate is not valid.
    #[error("{0}")]
    Connection(Unauthenticated),
    /// The credential is not valid.
    #[error("{0}")]
    Credential(CredentialFault),
}

impl Logins {
    /// Issues an access token to an identity for one of its client secrets.
    ///
    /// # Errors
    /// The secret is refused, or the access token could not be issued.
    pub async fn log_in_by_client_secret(
        &self,
        visitor: &Visitor<'_>,
        presented: &PresentedSecret,
    ) -> Result<Issued, NotLoggedIn<NoCredential>> {
        let log_in = |bearer: &Bearer, place: Comparing<'_>| {
            self.kms.login_by_client_secret(visitor.origin(), presented, bearer, place)
        };
        self.compare(visitor, CLIENT_SECRET, log_in).await
    }

    /// Issues an access token to a host for its API key.
    ///
    /// # Errors
    /// The key is refused, or the access token could not be issued.
    pub async fn log_in_by_api_key(
        &self,
        visitor: &Visitor<'_>,
        presented: &PresentedKey<'_>,
    ) -> Result<Issued, NotLoggedIn<NoCredential>> {
        let log_in = |bearer: &Bearer, place: Comparing<'_>| {
            self.kms.login_by_api_key(visitor.origin(), presented, bearer, place)
        };
        self.compare(visitor, API_KEY, log_in).await
    }

    /// Verifies the API key of a host and issues nothing.
    ///
    /// # Errors
    /// The key is refused, or it could not be checked.
    pub async fn verify_api_key(
        &self,
        visitor: &Visitor<'_>,
        presented: &PresentedKey<'_>,
    ) -> Result<(), NotLoggedIn<NoCredential>> {
        let verify =
            |bearer: &Bearer, place: Comparing<'_>| self.kms.verify_api_key(visitor.origin(), presented, bearer, place);
        self.compare(visitor, API_KEY, verify).await
    }

    /// Replaces the API key that a host presents by a new one.
    ///
    /// # Errors
    /// The key is refused, or the new one could not be made.
    pub async fn rotate_api_key(
        &self,
        visitor: &Visitor<'_>,
        presented: &PresentedKey<'_>,
    ) -> Result<Password, NotLoggedIn<NoCredential>> {
        let rotate = |bearer: &Bearer, place: Comparing<'_>| {
            self.kms.rotate_own_api_key(visitor.origin(), presented, bearer, place)
        };
        self.compare(visitor, API_KEY, rotate).await
    }

    /// Reserves a place for the comparison in the HSM, calls `perform`, and reports a refusal.
    async fn compare<T>(
        &self,
        visitor: &Visitor<'_>,
        method: &'static str,
        perform: impl FnOnce(&Bearer, Comparing<'_>) -> Result<T, LoginError>,
    ) -> Result<T, NotLoggedIn<NoCredential>> {
        let bearer = match self.bearer(visitor) {
            Ok(bearer) => bearer,
            Err(reason) => {
                let (method, word) = (reason.method(), reason.word());
                return Err(self.refused(visitor, (method, word), NoCredential::Connection(reason)));
            }
        };
        let place = self.authenticator.comparing().await;
        match perform(&bearer, place) {
            Ok(done) => Ok(done),
            Err(LoginError::Refused(fault)) => {
                Err(self.refused(visitor, (method, fault.word()), NoCredential::Credential(fault)))
            }
            Err(LoginError::Unavailable(error)) => Err(NotLoggedIn::Failed(error)),
        }
    }

    fn refused(
        &self,
        visitor: &Visitor<'_>,
        (method, word): (&'static str, &'static str),
        reason: NoCredential,
    ) -> NotLoggedIn<NoCredential> {
        let limited = self.failed(visitor.address(), &Failure { method, word, idps: None, reason: &reason });
        NotLoggedIn::Refused { reason, limited }
    }
}
