//! Callers with an access token of ours.

use std::sync::Arc;

use super::access_token::{AccessTokenError, AccessTokenFault, AccessTokens, Bearer, Span};
use super::authenticator::{Authenticator, Foundations};
use super::presented::Peer;
use super::refusal::{Refusal, Unauthenticated};
use super::remembered::{Basis, Memory};
use crate::principal::Caller;

impl Authenticator {
    /// The access tokens.
    #[must_use]
    pub fn access_tokens(&self) -> &Arc<AccessTokens> {
        &self.tokens
    }

    /// Who the connection lets present a token.
    ///
    /// # Errors
    /// It brought a client certificate that proves nothing.
    pub fn bearer(&self, peer: &Peer, now: i64) -> Result<Bearer, Unauthenticated> {
        let trust = self.trust.load();
        let proved = match (trust.as_ref(), &peer.certificate) {
            (Some(trust), Some(certificate)) => Some(trust.judge(certificate, now)?),
            _ => None,
        };
        Ok(Bearer { address: peer.address.ip(), thumbprint: proved.map(|proved| proved.thumbprint) })
    }

    /// The caller whose access token comes in a body, to be renewed or ended: that is no use of it.
    ///
    /// # Errors
    /// The token is not one of ours, or not good, or that could not be found out.
    pub fn bearer_of<K: Foundations>(
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

    /// Whether it says that it is a token of ours.
    pub(super) fn is_own(&self, token: &str, memory: Option<&Memory>) -> bool {
        match memory {
            Some(memory) => matches!(memory.basis, Basis::AccessToken { .. }),
            None => self.tokens.is_own(token),
        }
    }

    /// The caller of a token of ours. Whatever is remembered, all but the signature is checked at each use.
    pub(super) fn access_token<K: Foundations>(
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
        // What is configured by now may be stricter than what held at the login, and is held to at once.
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

/// A fault of the token is the caller's; everything else is ours.
fn refused<E: From<AccessTokenError>>(error: AccessTokenError) -> Refusal<E> {
    match error {
        AccessTokenError::Fault(fault) => Unauthenticated::from(fault).into(),
        error => Refusal::Unavailable(error.into()),
    }
}
