//! Conjur's authenticators and hosts in the policy, and the terms of the access tokens of hosts.

use std::sync::Arc;

use super::conjur::{AuthenticatorDocument, HOST, HostDocument, KnownHost, MARK, authenticator_name};
use super::model::Policy;
use super::terms::Terms;

impl Policy {
    /// Returns the host of a user name.
    pub(super) fn host_of(&self, username: &str) -> Option<&HostDocument> {
        self.known_host(username).map(|known| &*known.document)
    }

    fn known_host(&self, username: &str) -> Option<&KnownHost> {
        self.hosts.get(username.strip_prefix(HOST)?)
    }

    /// Returns the current terms of an access token of a host. `basis` is the API key or the authenticator that gave
    /// the token. Returns `None` if the basis no longer exists, is not of the host's account, or may not be used by the
    /// host.
    pub(super) fn host_terms(&self, username: &str, basis: &str) -> Option<Arc<Terms>> {
        let KnownHost { document: host, terms } = self.known_host(username)?;
        if basis == host.api_key_basis() {
            return Some(Arc::clone(terms));
        }
        let name = basis.split(MARK).next()?;
        let authenticator = self.authenticators.get(name)?;
        let service = name.strip_prefix(host.account.as_str())?.strip_prefix('/')?;
        let is_same = basis == host.authenticator_basis(service, authenticator);
        let stands = is_same && host.may_use(service) && host.restrictions(service).next().is_some();
        stands.then(|| Arc::clone(terms))
    }

    /// Returns an authenticator of an account.
    #[must_use]
    pub fn authenticator(&self, account: &str, service: &str) -> Option<Arc<AuthenticatorDocument>> {
        self.authenticators.get(&authenticator_name(account, service)).cloned()
    }

    /// All authenticators, each with its account, its service and its definition.
    pub fn authenticators(&self) -> impl Iterator<Item = (&str, &str, &Arc<AuthenticatorDocument>)> {
        self.authenticators.iter().filter_map(|(name, document)| {
            let (account, service) = name.split_once('/')?;
            Some((account, service, document))
        })
    }

    /// All hosts with their identifiers, in no particular order.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, &HostDocument)> {
        self.hosts.iter().map(|(id, known)| (id.as_str(), &*known.document))
    }

    /// Returns a host of any account by its identifier.
    #[must_use]
    pub fn host(&self, id: &str) -> Option<Arc<HostDocument>> {
        self.hosts.get(id).map(|known| Arc::clone(&known.document))
    }

    /// The hosts of an account that have annotations for a service, with their identifiers.
    pub fn annotated_hosts(&self, account: &str, service: &str) -> impl Iterator<Item = (&str, &Arc<HostDocument>)> {
        let ids = self.annotated.of(&authenticator_name(account, service));
        ids.filter_map(|id| Some((id.as_str(), &self.hosts.get(id)?.document)))
    }
}
