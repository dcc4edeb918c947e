//! Logins by client id and client secret.
//!
//! Each attempt, of a known client or not, costs one MAC of the HSM and one search of the database. Only after that
//! does the server decide.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::client_secret::PREFIX;
use super::clock::now;
use super::credential::{CredentialFault, DIGITS, LoginError, is_in, networks};
use super::error::Error;
use super::gate::{Kms, Use};
use crate::auth::{Bearer, Comparing, Issued, LockoutRule, NewToken};
use crate::custody::CredentialKind;
use crate::desk::Ticket;
use crate::policy::{IdentityDocument, MAX_CLIENT_ID, UniversalAuthDocument, identity_username};
use crate::principal::Username;
use crate::secret::Password;
use crate::store::client_secret::ClientSecret;

/// The client id and secret that a client presents.
pub struct PresentedSecret {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: Password,
}

/// A client that exists, with its Universal Auth.
struct Client {
    identity: String,
    document: Arc<IdentityDocument>,
}

impl Client {
    fn auth(&self) -> Option<&UniversalAuthDocument> {
        self.document.universal_auth.as_ref()
    }
}

impl Kms {
    /// Issues an access token to the identity whose client id and secret are presented. The use is counted on disk
    /// before the token is issued: a failure in between loses the use, but no use is given twice. `origin` has the
    /// request's id, its peer address and its ticket; `place` is released as soon as the HSM has answered.
    ///
    /// # Errors
    /// The secret is not valid, or store, HSM or audit log is unavailable.
    pub(super) fn login_by_client_secret(
        &self,
        origin: (&str, SocketAddr, &Ticket),
        presented: &PresentedSecret,
        bearer: &Bearer,
        place: Comparing<'_>,
    ) -> Result<Issued, LoginError> {
        let PresentedSecret { client_id, client_secret } = presented;
        if client_secret.len() != PREFIX + DIGITS || client_id.is_empty() || client_id.len() > MAX_CLIENT_ID {
            return Err(CredentialFault::Form.into());
        }
        let client = self.client(client_id).map(|(identity, document)| Client { identity, document });
        let holder = client.as_ref().and_then(Client::auth).map_or(client_id.as_str(), |auth| &auth.id);
        let mac = self.presented_mac(CredentialKind::ClientSecret, holder, client_secret, &place)?;
        drop(place);
        let found = match self.client_secret_with(&mac) {
            Err(Error::Integrity(_)) => Err(CredentialFault::Row),
            found => Ok(found?),
        };
        let Some((client, auth)) = client.as_ref().and_then(|client| Some((client, client.auth()?))) else {
            return Err(CredentialFault::Holder.into());
        };
        let row = self.judge(&client.identity, auth, found, bearer)?;
        let subject = Username::exchanged(&identity_username(&client.identity)).map_err(|_| CredentialFault::Holder)?;
        let basis = auth.token_basis();
        let terms = self.terms_of(subject.as_str(), &basis).ok_or(CredentialFault::Holder)?;
        // Do not count a use for a token that cannot be issued.
        self.can_record()?;
        match self.use_client_secret(&row, now())? {
            Use::Counted => {}
            Use::Spent => return Err(CredentialFault::Spent.into()),
            Use::Revoked => return Err(CredentialFault::Revoked.into()),
            Use::Refused => return Err(CredentialFault::Row.into()),
        }
        let new = NewToken {
            subject,
            basis,
            vouched: format!("universal-auth {}", row.id),
            terms,
            uses_limit: auth.access_token_num_uses_limit,
            thumbprint: bearer.thumbprint,
            narrowing: None,
            role: None,
        };
        Ok(self.issue_token(origin, &new)?)
    }

    /// Returns the presented secret if it is valid and may be used from this address.
    fn judge(
        &self,
        identity: &str,
        auth: &UniversalAuthDocument,
        found: Result<Option<ClientSecret>, CredentialFault>,
        bearer: &Bearer,
    ) -> Result<ClientSecret, CredentialFault> {
        let own = networks(&auth.client_secret_trusted_ips).ok_or(CredentialFault::Address)?;
        // An attempt from another network is refused and does not count as a failure.
        if !is_in(&own, bearer.address) {
            return Err(CredentialFault::Address);
        }
        if auth.lockout_enabled && self.lockouts().is_locked(&auth.id, bearer.address) {
            return Err(CredentialFault::Locked);
        }
        let Some(row) = found?.filter(|row| row.auth == auth.id && row.identity == identity) else {
            let is_last = auth.lockout_enabled && self.lockouts().count(&auth.id, bearer.address, &lockout_rule(auth));
            return Err(if is_last { CredentialFault::LockedNow } else { CredentialFault::Wrong });
        };
        if row.revoked {
            return Err(CredentialFault::Revoked);
        }
        if row.ttl > 0 && now() >= row.created.saturating_add(row.ttl) {
            return Err(CredentialFault::Expired);
        }
        if row.uses_limit > 0 && row.uses >= row.uses_limit {
            return Err(CredentialFault::Spent);
        }
        self.lockouts().clear(&auth.id, bearer.address);
        Ok(row)
    }
}

fn lockout_rule(auth: &UniversalAuthDocument) -> LockoutRule {
    let seconds = |number: i64| Duration::from_secs(u64::try_from(number).unwrap_or_default());
    LockoutRule {
        threshold: u32::try_from(auth.lockout_threshold).unwrap_or(1),
        duration: seconds(auth.lockout_duration_seconds),
        reset: seconds(auth.lockout_counter_reset_seconds),
    }
}
