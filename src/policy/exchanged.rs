//! Exchanged identities in the policy, and the terms of their access tokens.

use std::sync::Arc;

use super::identity::{IdentityDocument, OrganizationRole, identity_username};
use super::model::Policy;
use super::terms::Terms;
use crate::principal::{Caller, Method, is_exchanged};

impl Policy {
    /// Returns an identity by its identifier.
    #[must_use]
    pub fn identity(&self, id: &str) -> Option<Arc<IdentityDocument>> {
        self.exchanged.get(&identity_username(id)).map(|known| Arc::clone(&known.identity))
    }

    /// All identities, by their identifiers.
    pub fn identities(&self) -> impl Iterator<Item = (&str, &Arc<IdentityDocument>)> {
        let all = self.exchanged.iter();
        all.filter_map(|(name, known)| Some((name.strip_prefix("identity:")?, &known.identity)))
    }

    /// The identifier of the identity that has a client id.
    #[must_use]
    pub fn client(&self, client_id: &str) -> Option<&str> {
        self.clients.get(client_id).map(String::as_str)
    }

    /// Returns the current terms of an access token of `subject` with the basis `basis`; `None` if the token is not
    /// valid because the subject or the basis no longer exists.
    #[must_use]
    pub fn terms(&self, subject: &str, basis: &str) -> Option<Arc<Terms>> {
        match self.exchanged.get(subject) {
            Some(known) => known.bases.iter().find(|(own, _)| own == basis).map(|(_, terms)| Arc::clone(terms)),
            None => self.host_terms(subject, basis),
        }
    }

    /// The organization role of an exchanged caller; `None` for all other callers, including those who run as the
    /// default user. An exchanged caller that is not defined has no access.
    pub(super) fn organization_role(&self, caller: &Caller) -> Option<OrganizationRole> {
        let name = caller.username.as_str();
        let is_exchanged = matches!(caller.method, Method::AccessToken { .. }) && is_exchanged(name);
        let role = || match self.exchanged.get(name) {
            Some(known) => known.identity.role,
            None if self.host_of(name).is_some() => OrganizationRole::Member,
            None => OrganizationRole::NoAccess,
        };
        is_exchanged.then(role)
    }
}
