//! JWTs that are exchanged for an access token. They are verified like all others, by keys that are fetched when they
//! are first needed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::authenticator::{Authenticator, signing_keys};
use super::claims::Claims;
use super::exchange::Exchange;
use super::jws::{Jws, JwsError};
use super::refusal::Unauthenticated;
use super::trusted_issuer::{Bound, KeySource, TrustedIssuer};
use crate::principal::Narrowing;

/// The time for which a request waits for the first keys of an issuer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A JWT that was verified and fulfils the requirements of its issuer.
pub struct Verified {
    claims: Claims,
    /// The rights that the JWT takes from its bearer.
    pub narrowing: Option<Arc<Narrowing>>,
}

impl Verified {
    /// Checks additional claims that the now known identity requires.
    ///
    /// # Errors
    /// The first claim that is missing or has another value.
    pub fn check(&self, bound: &[(String, Bound)]) -> Result<(), Unauthenticated> {
        Ok(self.claims.check_bound(bound)?)
    }

    /// Returns the claim at a path: by its whole name, otherwise by dots or slashes into nested claims.
    #[must_use]
    pub fn claim(&self, path: &str) -> Option<&Value> {
        self.claims.at(path)
    }
}

impl Authenticator {
    /// Returns the source of the keys of issuers whose JWTs are exchanged.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Verifies, at `now`, a JWT of an issuer that is trusted to vouch for an identity: first its signature, only by
    /// the issuer's keys, then its claims. The caller of this function decides what the JWT is exchanged for.
    ///
    /// # Errors
    /// The reason for which the JWT is refused.
    pub async fn verify_for_exchange(
        &self,
        issuer: &TrustedIssuer,
        jwt: &str,
        now: i64,
    ) -> Result<Verified, Unauthenticated> {
        let jws = Jws::parse(jwt)?;
        if issuer.algorithms.is_some_and(|own| !own.contains(&jws.algorithm())) {
            return Err(JwsError::Algorithm.into());
        }
        let claims = Claims::parse(jws.unverified_payload())?;
        match &issuer.keys {
            KeySource::Inline(keys) => jws.verify(keys)?,
            KeySource::Uri(_) | KeySource::Discovery(_) => self.verify_fetched(issuer, &jws).await?,
        }
        claims.check_bounds(issuer, self.settings.jwt_leeway, now)?;
        let narrowing = claims.narrowing()?;
        Ok(Verified { claims, narrowing })
    }

    /// Whether the keys of an issuer whose JWTs are exchanged are known. Waits for the first fetch, at most 2 s.
    pub async fn has_exchange_keys(&self, issuer: &TrustedIssuer) -> bool {
        if matches!(issuer.keys, KeySource::Inline(_)) {
            return true;
        }
        let Some(keeper) = self.exchange.keeper(issuer) else { return false };
        if keeper.issuer.keys().is_none() {
            let _ = timeout(PATIENCE, keeper.issuer.first_fetch()).await;
        }
        keeper.issuer.keys().is_some()
    }

    async fn verify_fetched(&self, issuer: &TrustedIssuer, jws: &Jws<'_>) -> Result<(), Unauthenticated> {
        let keeper = tokio::task::block_in_place(|| self.exchange.keeper(issuer)).ok_or(Unauthenticated::NoKeys)?;
        if keeper.issuer.keys().is_none() {
            let _ = timeout(PATIENCE, keeper.issuer.first_fetch()).await;
        }
        let keys = keeper.issuer.keys().ok_or(Unauthenticated::NoKeys)?;
        match jws.verify(&keys.set) {
            Ok(()) => return Ok(()),
            // Also after a wrong signature by a key with this id, because the issuer may have changed the key.
            Err(JwsError::UnknownKey | JwsError::WrongKey | JwsError::Signature) => {}
            Err(error) => return Err(error.into()),
        }
        signing_keys(jws, &keeper.issuer, issuer.tells_deferral).await.map(drop)
    }
}
