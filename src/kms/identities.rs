//! Exchanged identities: made, changed and removed by those who administer.

use std::sync::Arc;

use super::call::Call;
use super::clock::now;
use super::context::Context;
use super::error::Error;
use super::gate::{AdministrationGrant, Kms};
use super::list::Sheet;
use super::operation::Operation;
use super::uuid;
use crate::policy::{IdentityDocument, JwtAuthDocument, Kind, OidcAuthDocument, UniversalAuthDocument};

/// An identity.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its identifier: a UUID, unless the policy file says otherwise.
    pub id: String,
    /// What it is.
    pub document: IdentityDocument,
}

impl Kms {
    /// The identity that a JWT may be exchanged for. Called before the caller is authenticated: it is the gate's own look-up.
    #[must_use]
    pub fn identity_of_login(&self, id: &str) -> Option<Arc<IdentityDocument>> {
        self.known_identity(id)
    }

    /// An identity.
    ///
    /// # Errors
    /// The caller does not administer, or there is none.
    pub fn identity(&self, context: &Context<'_>, id: &str) -> Result<Identity, Error> {
        let call = identity_call(context, Operation::ListDefinitions, id);
        self.recorded(&call, || {
            let (_, document) = self.authorize_administration(&call)?.identity(id)?;
            Ok(Identity { id: id.to_owned(), document })
        })
    }

    /// Fills a page with identities, by their identifiers, after `offset` of them. Returns how many there are.
    ///
    /// # Errors
    /// The caller does not administer.
    pub fn identities(
        &self,
        context: &Context<'_>,
        offset: usize,
        sheet: &mut Sheet<'_, Identity>,
    ) -> Result<usize, Error> {
        self.list_identities(context, |_, grant, ids| {
            let total = ids.len();
            let mut left = ids.into_iter().skip(offset);
            let read = |_: Option<&String>| Ok(left.next().into_iter().collect());
            sheet.fill(read, |id| {
                let found = grant.identity(id).ok();
                Ok(found.map(|(_, document)| Identity { id: id.clone(), document }))
            })?;
            Ok(total)
        })
    }

    /// Fills a page with the identities whose names are wanted, in the order of their names, after `offset` of them. Returns how many
    /// there are.
    ///
    /// # Errors
    /// The caller does not administer.
    pub fn find_identities(
        &self,
        context: &Context<'_>,
        is_wanted: &dyn Fn(&str) -> bool,
        offset: usize,
        sheet: &mut Sheet<'_, Identity>,
    ) -> Result<usize, Error> {
        self.list_identities(context, |call, grant, ids| {
            let mut found = Vec::new();
            for id in ids {
                call.go_on()?;
                let Ok((_, document)) = grant.identity(&id) else { continue };
                if is_wanted(&document.name) {
                    found.push((document.name, id));
                }
            }
            found.sort();
            let total = found.len();
            for (_, id) in found.into_iter().skip(offset) {
                if !sheet.look()? {
                    break;
                }
                if let Ok((_, document)) = grant.identity(&id) {
                    sheet.put(Identity { id, document })?;
                }
            }
            Ok(total)
        })
    }

    /// What `list` makes of all identifiers, for a caller who administers.
    fn list_identities(
        &self,
        context: &Context<'_>,
        list: impl FnOnce(&Call<'_>, &AdministrationGrant<'_>, Vec<String>) -> Result<usize, Error>,
    ) -> Result<usize, Error> {
        let call = Call::new(context, Operation::ListDefinitions);
        call.describe(Kind::Identity.word().to_owned());
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            list(&call, &grant, grant.names(Kind::Identity, "", usize::MAX))
        })
    }

    /// Makes an identity, with an identifier of the server's choice.
    ///
    /// # Errors
    /// The caller does not administer, or the identity is faulty.
    pub fn create_identity(&self, context: &Context<'_>, mut document: IdentityDocument) -> Result<Identity, Error> {
        let id = uuid::random()?;
        let call = identity_call(context, Operation::Define, &id);
        self.recorded(&call, || {
            (document.created_at, document.updated_at) = (now(), now());
            let text = serde_json::to_string(&document).unwrap_or_default();
            self.authorize_administration(&call)?.define(Kind::Identity, &id, Some(text), Some(0))?;
            Ok(Identity { id: id.clone(), document })
        })
    }

    /// Changes an identity; `change` sees it as it is.
    ///
    /// # Errors
    /// The caller does not administer, there is none, it is the policy file's, or `change` refuses.
    pub fn change_identity(
        &self,
        context: &Context<'_>,
        id: &str,
        change: impl FnOnce(&mut IdentityDocument) -> Result<(), Error>,
    ) -> Result<Identity, Error> {
        let call = identity_call(context, Operation::Define, id);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let document = grant.revise(Kind::Identity, id, |document: &mut IdentityDocument| {
                change(document)?;
                document.updated_at = now();
                Ok(document.clone())
            })?;
            Ok(Identity { id: id.to_owned(), document })
        })
    }

    /// Removes an identity. Its access tokens are good no more.
    ///
    /// # Errors
    /// The caller does not administer, there is none, or it is the policy file's.
    pub fn remove_identity(&self, context: &Context<'_>, id: &str) -> Result<Identity, Error> {
        let call = identity_call(context, Operation::Undefine, id);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let (_, document) = grant.identity(id)?;
            grant.define(Kind::Identity, id, None, None)?;
            Ok(Identity { id: id.to_owned(), document })
        })
    }

    /// Has an identity be known by JWTs, or by none. `change` gets the JWT auth that there is, and gives the new one.
    ///
    /// # Errors
    /// As [`Self::change_identity`].
    pub fn change_jwt_auth(
        &self,
        context: &Context<'_>,
        id: &str,
        change: impl FnOnce(Option<JwtAuthDocument>) -> Result<Option<JwtAuthDocument>, Error>,
    ) -> Result<Identity, Error> {
        self.change_identity(context, id, |document| {
            document.jwt_auth = change(document.jwt_auth.take())?;
            Ok(())
        })
    }

    /// The same of JWTs of an OpenID Connect provider.
    ///
    /// # Errors
    /// As [`Self::change_identity`].
    pub fn change_oidc_auth(
        &self,
        context: &Context<'_>,
        id: &str,
        change: impl FnOnce(Option<OidcAuthDocument>) -> Result<Option<OidcAuthDocument>, Error>,
    ) -> Result<Identity, Error> {
        self.change_identity(context, id, |document| {
            document.oidc_auth = change(document.oidc_auth.take())?;
            Ok(())
        })
    }

    /// Has an identity be known by a client id and secrets, or by none. `change` gets the Universal Auth that there is, and gives the new
    /// one. Without it, or with another, the secrets and tokens of the former one are good no longer.
    ///
    /// # Errors
    /// As [`Self::change_identity`].
    pub fn change_universal_auth(
        &self,
        context: &Context<'_>,
        id: &str,
        change: impl FnOnce(Option<UniversalAuthDocument>) -> Result<Option<UniversalAuthDocument>, Error>,
    ) -> Result<Identity, Error> {
        self.change_identity(context, id, |document| {
            document.universal_auth = change(document.universal_auth.take())?;
            Ok(())
        })
    }
}

/// Has all ways by which an identity logs in be new ones: the access tokens that they gave are refused from then on.
///
/// # Errors
/// OpenSSL's generator failed.
pub fn end_identity_tokens(document: &mut IdentityDocument) -> Result<(), Error> {
    if let Some(auth) = &mut document.jwt_auth {
        auth.id = uuid::random()?;
    }
    if let Some(auth) = &mut document.oidc_auth {
        auth.id = uuid::random()?;
    }
    if let Some(auth) = &mut document.universal_auth {
        auth.tokens_id = Some(uuid::random()?);
    }
    Ok(())
}

fn identity_call<'a>(context: &Context<'a>, operation: Operation, id: &str) -> Call<'a> {
    let call = Call::new(context, operation);
    call.describe(format!("identity {id:?}"));
    call
}
