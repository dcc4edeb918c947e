//! Callers with an access token of this server.

use std::sync::Arc;

use super::access_token::{AccessTokenError, AccessTokenFault, AccessTokens, Bearer, Span};
use super::authenticator::{Authenticator, CredentialState};
use super::presented::Peer;
use super::refusal::{Refusal, Unauthenticated};
use super::remembered::{Basis, Memory};
use crate::principal::Caller;

impl Authenticator {
    /// Returns the access tokens.
    #[must_use]
    pub fn access_tokens(&self) -> &Arc<AccessTokens> {
        &self.tokens
    }

    /// Returns the properties of the connection that a token may be bound to.
    ///
    /// # Errors
    /// The connection has a client certificate that is refused.
    pub fn bearer(&self, peer: &Peer, now: i64) -> Result<Bearer, Unauthenticated> {
        let trust = self.trust.load();
        let proved = match (trust.as_ref(), &peer.certificate) {
            (Some(trust), Some(certificate)) => Some(trust.judge(certificate, now)?),
            _ => None,
        };
        Ok(Bearer { address: peer.address.ip(), thumbprint: proved.map(|proved| proved.thumbprint) })
    }

    /// Returns the caller of an access token in a body, which is to be renewed or revoked. That does not count as a
    /// use.
    ///
    /// # Errors
    /// The token is not one of this server, or is not valid, or the check failed.
    pub fn bearer_of<K: CredentialState>(
        &self,
        peer: &Peer,
        token: &str,
        key: &K,
        now: i64,
    ) -> Result<Caller, Refusal<K::Error>> {
        if !self.tokens.is_own(token) {
            return Err(Unauthenticated::ForeignIssuer.into());
        }
        self.access_token(peer, token, None, key, now, false)
    }

    /// Whether the token claims to be one of this server.
    pub(super) fn is_own(&self, token: &str, memory: Option<&Memory>) -> bool {
        match memory {
            Some(memory) => matches!(memory.basis, Basis::AccessToken { .. }),
            None => self.tokens.is_own(token),
        }
    }

    /// Returns the caller of an access token of this server. Only the signature is remembered; everything else is
    /// checked at each use.
    pub(super) fn access_token<K: CredentialState>(
        &self,
        peer: &Peer,
        token: &str,
        memory: Option<Memory>,
        key: &K,
        now: i64,
        counted: bool,
    ) -> Result<Caller, Refusal<K::Error>> {
        let bearer = self.bearer(peer, now)?;
        let (known, live, Span { issued, expires }) = match memory {
            Some(Memory { basis: Basis::AccessToken { live, issued }, expires, .. }) if !live.has_ended() => {
                (true, live, Span { issued, expires })
            }
            _ => {
                let (live, span) = self.tokens.verify(token).map_err(refused)?;
                (false, live, span)
            }
        };
        let fault = |fault: AccessTokenFault| Refusal::from(Unauthenticated::from(fault));
        // The present configuration may be stricter than the one at the login, and applies immediately.
        let terms =
            key.terms(&live.caller.username, &live.row.basis).ok_or_else(|| fault(AccessTokenFault::Standing))?;
        if now >= expires || now >= terms.end(live.row.created, issued) {
            return Err(fault(AccessTokenFault::Expired));
        }
        if !terms.admit(bearer.address) {
            return Err(fault(AccessTokenFault::Address));
        }
        let live = self.tokens.admit(live, &bearer, now, counted).map_err(refused)?;
        let caller = live.caller.clone();
        if !known {
            self.remembered.put(token, caller.clone(), Basis::AccessToken { live, issued }, expires);
        }
        Ok(caller)
    }
}

/// Separates faults of the token from failures of the server.
fn refused<E: From<AccessTokenError>>(error: AccessTokenError) -> Refusal<E> {
    match error {
        AccessTokenError::Fault(fault) => Unauthenticated::from(fault).into(),
        error => Refusal::Unavailable(error.into()),
    }
}
