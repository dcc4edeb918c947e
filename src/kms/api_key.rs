//! API keys of hosts: issued and revoked by administrators, rotated by the hosts themselves, and exchanged for access
//! tokens.

use std::net::SocketAddr;
use std::sync::Arc;

use super::call::Call;
use super::context::{Context, Way};
use super::credential::{CredentialFault, DIGITS, LoginError};
use super::error::Error;
use super::gate::Kms;
use super::operation::Operation;
use crate::auth::{Bearer, Comparing, Issued, NewToken};
use crate::custody::CredentialKind;
use crate::desk::Ticket;
use crate::policy::{Action, HostDocument, Rule, Terms, host_username};
use crate::principal::{Caller, MAX_USERNAME, Method, Username};
use crate::secret::{Password, is_equal};
use crate::store::api_key::{self, ApiKey};

/// The API key that a host presents.
pub struct PresentedKey<'a> {
    /// The account of the host.
    pub account: &'a str,
    /// The login name of the host: `host/ID`.
    pub login: &'a str,
    /// The key.
    pub key: &'a Password,
}

/// A host that presented its valid API key.
struct Known {
    document: Arc<HostDocument>,
    row: ApiKey,
    /// The terms of the access tokens that the key gives.
    terms: Arc<Terms>,
}

impl Kms {
    /// Verifies the API key of a host and issues nothing. A success is recorded as well, so that a test of a stolen key
    /// leaves a trace.
    ///
    /// # Errors
    /// The key is not valid, or store, HSM or audit log is unavailable.
    pub(super) fn verify_api_key(
        &self,
        origin: (&str, SocketAddr, &Ticket),
        presented: &PresentedKey<'_>,
        bearer: &Bearer,
        place: Comparing<'_>,
    ) -> Result<(), LoginError> {
        let Known { document, row, .. } = self.known_host(presented, bearer, place)?;
        self.done_by_host(origin, &document, &row, Operation::VerifyApiKey, |_| Ok(()))
    }

    /// Issues an access token to the host whose API key is presented. `origin` has the request's id, its peer address
    /// and its ticket; `place` is released as soon as the HSM has answered.
    ///
    /// # Errors
    /// The key is not valid, or store, HSM or audit log is unavailable.
    pub(super) fn login_by_api_key(
        &self,
        origin: (&str, SocketAddr, &Ticket),
        presented: &PresentedKey<'_>,
        bearer: &Bearer,
        place: Comparing<'_>,
    ) -> Result<Issued, LoginError> {
        let Known { document, row, terms } = self.known_host(presented, bearer, place)?;
        let subject = username(&row.host)?;
        let new = NewToken {
            subject,
            basis: document.api_key_basis(),
            vouched: format!("authn/{}", document.account),
            terms,
            uses_limit: 0,
            thumbprint: bearer.thumbprint,
            narrowing: None,
            role: None,
        };
        Ok(self.issue_token(origin, &new)?)
    }

    /// Replaces the API key that a host presents by a new one. The new key is returned only here.
    ///
    /// # Errors
    /// The key is not valid or was changed at the same time, or store, HSM or audit log is unavailable.
    pub(super) fn rotate_own_api_key(
        &self,
        origin: (&str, SocketAddr, &Ticket),
        presented: &PresentedKey<'_>,
        bearer: &Bearer,
        place: Comparing<'_>,
    ) -> Result<Password, LoginError> {
        let Known { document, row, .. } = self.known_host(presented, bearer, place)?;
        let rotate = |call: &Call<'_>| self.rotate_api_key(call, &document, &row);
        self.done_by_host(origin, &document, &row, Operation::RotateApiKey, rotate)
    }

    /// Performs an operation of a host that presented its key, and records it under the host's name.
    fn done_by_host<T>(
        &self,
        (request, peer, ticket): (&str, SocketAddr, &Ticket),
        document: &HostDocument,
        row: &ApiKey,
        operation: Operation,
        perform: impl FnOnce(&Call<'_>) -> Result<T, Error>,
    ) -> Result<T, LoginError> {
        let method = Method::ApiKey { account: Arc::from(document.account.as_str()) };
        let caller = Caller { username: username(&row.host)?, method, narrowing: None, role: None };
        let call = Call::new(&Context { caller: &caller, request, peer, ticket, way: Way::default() }, operation);
        let done = self.recorded(&call, || {
            call.trail.permitted(Action::AccessToken, Some(&api_key::name(&row.host)), Rule::Vouched);
            perform(&call)
        })?;
        Ok(done)
    }

    /// Issues a new API key to a host, in place of the present one. The key is returned only here.
    ///
    /// # Errors
    /// The caller is not an administrator, the account has no such host, or store, HSM or audit log is unavailable.
    pub fn issue_api_key(&self, context: &Context<'_>, account: &str, host: &str) -> Result<Password, Error> {
        let call = key_call(context, Operation::IssueApiKey, host);
        self.recorded(&call, || self.authorize_administration(&call)?.issue_api_key(account, host))
    }

    /// Revokes the API key of a host. Access tokens that were issued for it end within eight minutes.
    ///
    /// # Errors
    /// The caller is not an administrator, the host has no API key, or store, HSM or audit log is unavailable.
    pub fn revoke_api_key(&self, context: &Context<'_>, account: &str, host: &str) -> Result<(), Error> {
        let call = key_call(context, Operation::RevokeApiKey, host);
        self.recorded(&call, || self.authorize_administration(&call)?.revoke_api_key(account, host))
    }

    /// Returns the host that presents its key, if the key is valid and may be used from this address. Each attempt,
    /// also for an unknown host, costs one MAC of the HSM and one read of the database before anything is decided.
    fn known_host(
        &self,
        presented: &PresentedKey<'_>,
        bearer: &Bearer,
        place: Comparing<'_>,
    ) -> Result<Known, LoginError> {
        let PresentedKey { account, login, key } = *presented;
        let id = login.strip_prefix("host/").filter(|id| !id.is_empty() && login.len() <= MAX_USERNAME);
        let (Some(id), DIGITS) = (id, key.len()) else { return Err(CredentialFault::Form.into()) };
        let document = self.host(id).filter(|host| host.account == account);
        let holder = document.as_ref().map_or_else(|| id.to_owned(), |host| host.api_key_holder(id));
        let mac = self.presented_mac(CredentialKind::ApiKey, &holder, key, &place)?;
        drop(place);
        let found = match self.api_key(id) {
            Err(Error::Integrity(_)) => Err(CredentialFault::Row),
            found => Ok(found?),
        };
        let document = document.ok_or(CredentialFault::Holder)?;
        let is_right =
            |row: &ApiKey| row.account == document.account && row.mac.as_deref().is_some_and(|own| is_equal(own, &mac));
        let row = found?.filter(is_right).ok_or(CredentialFault::Wrong)?;
        let terms = self.terms_of(&host_username(id), &document.api_key_basis()).ok_or(CredentialFault::Holder)?;
        if !terms.admit(bearer.address) {
            return Err(CredentialFault::Address.into());
        }
        Ok(Known { document, row, terms })
    }
}

fn username(host: &str) -> Result<Username, CredentialFault> {
    Username::exchanged(&host_username(host)).map_err(|_| CredentialFault::Holder)
}

fn key_call<'a>(context: &Context<'a>, operation: Operation, host: &str) -> Call<'a> {
    let call = Call::new(context, operation);
    call.describe(format!("host {host:?}"));
    call
}
