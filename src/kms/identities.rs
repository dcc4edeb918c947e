//! Exchanged identities: made, changed and removed by administrators.

use std::sync::Arc;

use super::call::Call;
use super::clock::now;
use super::context::Context;
use super::error::Error;
use super::gate::{AdministrationGrant, Kms};
use super::list::PageBuilder;
use super::operation::Operation;
use super::uuid;
use crate::policy::{IdentityDocument, JwtAuthDocument, Kind, OidcAuthDocument, UniversalAuthDocument};

/// An identity.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its identifier: a UUID, unless the policy file says otherwise.
    pub id: String,
    /// Its definition.
    pub document: IdentityDocument,
}

impl Kms {
    /// The identity that logs in by a JWT. Called before the caller is authenticated.
    #[must_use]
    pub fn identity_of_login(&self, id: &str) -> Option<Arc<IdentityDocument>> {
        self.known_identity(id)
    }

    /// Returns an identity.
    ///
    /// # Errors
    /// The caller is not an administrator, or there is no such identity.
    pub fn identity(&self, context: &Context<'_>, id: &str) -> Result<Identity, Error> {
        let call = identity_call(context, Operation::ListDefinitions, id);
        self.recorded(&call, || {
            let (_, document) = self.authorize_administration(&call)?.identity(id)?;
            Ok(Identity { id: id.to_owned(), document })
        })
    }

    /// Fills a page with identities, sorted by identifier, after the first `offset` of them. Returns the total number.
    ///
    /// # Errors
    /// The caller is not an administrator.
    pub fn identities(
        &self,
        context: &Context<'_>,
        offset: usize,
        sheet: &mut PageBuilder<'_, Identity>,
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

    /// Fills a page with the identities whose names `is_wanted` accepts, sorted by name, after the first `offset` of
    /// them. Returns their total number.
    ///
    /// # Errors
    /// The caller is not an administrator.
    pub fn find_identities(
        &self,
        context: &Context<'_>,
        is_wanted: &dyn Fn(&str) -> bool,
        offset: usize,
        sheet: &mut PageBuilder<'_, Identity>,
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

    /// Calls `list` with the identifiers of all identities, if the caller is an administrator.
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

    /// Makes an identity. The server chooses its identifier.
    ///
    /// # Errors
    /// The caller is not an administrator, or the identity is faulty.
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

    /// Changes an identity; `change` receives the present definition.
    ///
    /// # Errors
    /// The caller is not an administrator, there is no such identity, the policy file defines it, or `change` refuses.
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

    /// Removes an identity. Its access tokens are not valid any more.
    ///
    /// # Errors
    /// The caller is not an administrator, there is no such identity, or the policy file defines it.
    pub fn remove_identity(&self, context: &Context<'_>, id: &str) -> Result<Identity, Error> {
        let call = identity_call(context, Operation::Undefine, id);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let (_, document) = grant.identity(id)?;
            grant.define(Kind::Identity, id, None, None)?;
            Ok(Identity { id: id.to_owned(), document })
        })
    }

    /// Changes, adds or removes the JWT authentication of an identity. `change` receives the present configuration and
    /// returns the new one.
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

    /// Changes, adds or removes the OIDC authentication of an identity.
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

    /// Changes, adds or removes the Universal Auth of an identity. `change` receives the present configuration and
    /// returns the new one. If it is removed or replaced, its client secrets and access tokens are not valid any more.
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

/// Gives new identifiers to all login methods of an identity. This invalidates the access tokens that were issued by
/// them.
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
