//! Conjur's authenticators and hosts as the policy knows them, and what holds of the access tokens of hosts.

use std::sync::Arc;

use super::conjur::{AuthenticatorDocument, HOST, HostDocument, KnownHost, MARK, authenticator_name};
use super::model::Policy;
use super::terms::Terms;

impl Policy {
    /// The host of a user name.
    pub(super) fn host_of(&self, username: &str) -> Option<&HostDocument> {
        self.known_host(username).map(|known| &*known.document)
    }

    fn known_host(&self, username: &str) -> Option<&KnownHost> {
        self.hosts.get(username.strip_prefix(HOST)?)
    }

    /// What holds now of an access token of a host that its API key gave, or an authenticator; `None` unless that is one of its
    /// account that it may use.
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

    /// An authenticator of an account.
    #[must_use]
    pub fn authenticator(&self, account: &str, service: &str) -> Option<Arc<AuthenticatorDocument>> {
        self.authenticators.get(&authenticator_name(account, service)).cloned()
    }

    /// All authenticators: account, service, and what is defined.
    pub fn authenticators(&self) -> impl Iterator<Item = (&str, &str, &Arc<AuthenticatorDocument>)> {
        self.authenticators.iter().filter_map(|(name, document)| {
            let (account, service) = name.split_once('/')?;
            Some((account, service, document))
        })
    }

    /// All hosts by their identifiers, in no order.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, &HostDocument)> {
        self.hosts.iter().map(|(id, known)| (id.as_str(), &*known.document))
    }

    /// A host of any account.
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
