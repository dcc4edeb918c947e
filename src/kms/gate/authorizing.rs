//! The one function that gives a caller access to an object, and the one for actions that concern no object.

use std::sync::Arc;

use super::super::call::Call;
use super::super::error::Error;
use super::super::object::Object;
use super::super::operations::{Touches, touched_by};
use super::service::{AdministrationGrant, Grant, Kms, NewGrant, ServerGrant};
use crate::kmip::enumerations::Operation;
use crate::kmip::{Attributes, UniqueIdentifier};
use crate::policy::{Action, Grants, Refusal, Resource, Rule};

impl Kms {
    /// Decides whether the caller may perform the call's operation on the object.
    pub(in crate::kms) fn authorize<'a>(
        &'a self,
        call: &'a Call<'a>,
        id: Option<&UniqueIdentifier>,
    ) -> Result<Grant<'a>, Error> {
        self.authorize_named(call, call.operation.action(), id)
    }

    /// Decides whether the caller may perform another operation than the call's on the object.
    pub(in crate::kms) fn authorize_beside<'a>(
        &'a self,
        call: &'a Call<'a>,
        operation: Operation,
        id: Option<&UniqueIdentifier>,
    ) -> Result<Grant<'a>, Error> {
        self.authorize_named(call, Action::Operation(operation), id)
    }

    fn authorize_named<'a>(
        &'a self,
        call: &'a Call<'a>,
        action: Action,
        id: Option<&UniqueIdentifier>,
    ) -> Result<Grant<'a>, Error> {
        self.check_contact()?;
        let id = match id {
            Some(UniqueIdentifier::Text(id)) => id.as_str(),
            Some(UniqueIdentifier::IdPlaceholder) | None => call.placeholder.as_deref().ok_or(Error::NoIdentifier)?,
        };
        self.authorize_action(call, action, id)
    }

    /// Decides about an action that KMIP does not define.
    pub(in crate::kms) fn authorize_action<'a>(
        &'a self,
        call: &'a Call<'a>,
        action: Action,
        id: &str,
    ) -> Result<Grant<'a>, Error> {
        let found = match call.uncommitted.get(id) {
            Some(object) => Ok(object),
            None => self.load(id).and_then(|found| found.ok_or_else(|| Error::NotFound(id.to_owned()))),
        };
        let object = match found {
            // These operations add an object that does not exist.
            Err(Error::NotFound(_)) if touched_by(action).is_some_and(Touches::adds) => {
                return Err(Error::NotFound(id.to_owned()));
            }
            // The record is on disk before the answer, as for a refusal. Otherwise the response time would reveal
            // whether the object does not exist or belongs to another user.
            Err(error) => {
                self.record(|| call.undecided(action, Some(id), &error))?;
                return Err(error);
            }
            Ok(object) => object,
        };
        let rule = self.decide(call, action, &object)?;
        call.trail.permitted(action, Some(id), rule);
        Ok(Grant { kms: self, call, action, object })
    }

    /// An object that a search has found; `None` if the caller may not know of it. The audit log has the number of
    /// found objects, not each of them.
    pub(in crate::kms) fn sighted(&self, call: &Call<'_>, id: &str) -> Result<Option<Arc<Object>>, Error> {
        let found = self.found(id)?;
        Ok(found.filter(|object| self.permitted(call, Action::Operation(Operation::Locate), object)))
    }

    /// An object that a list names, without a check of permission; `None` if it does not exist or its row is not what
    /// the server wrote.
    pub(in crate::kms) fn found(&self, id: &str) -> Result<Option<Arc<Object>>, Error> {
        // Not put into the cache: a search over many objects would evict the keys that are in use.
        let found = match self.cache.get(id) {
            Ok(object) => Ok(Some(object)),
            Err(_) => self.read(id).map(|found| found.map(|(object, _)| Arc::new(object))),
        };
        match found {
            Err(Error::Integrity(_)) => Ok(None),
            found => found,
        }
    }

    /// Decides about an action on an object. For callers without any access the object does not exist; other callers
    /// get the reason.
    pub(super) fn decide(&self, call: &Call<'_>, action: Action, object: &Object) -> Result<Rule, Error> {
        let policy = self.policy.load();
        let resource = object.resource();
        let decision = match action {
            Action::Accept => policy.decide_accept(call.caller(), object.access.pending.receiver(), &resource),
            Action::Recover => policy.decide_recover(call.caller()),
            _ => policy.decide(call.caller(), action, &resource),
        };
        let refusal = match decision {
            Ok(rule) => return Ok(rule),
            Err(refusal) => refusal,
        };
        let id = &object.id;
        self.refused(call, action, Some(id), &refusal)?;
        if policy.decide(call.caller(), Action::Operation(Operation::Locate), &resource).is_ok() {
            return Err(Error::NotPermitted { action: action.word(), refusal });
        }
        Err(Error::NotFound(id.clone()))
    }

    /// Refuses to let the caller grant a right that the caller does not have.
    pub(in crate::kms) fn refuse_to_give(&self, call: &Call<'_>, action: Action, object: &Object) -> Result<(), Error> {
        let (refusal, action) = (Refusal::NotOwn(action), call.operation.action());
        self.refused(call, action, Some(&object.id), &refusal)?;
        Err(Error::NotPermitted { action: action.word(), refusal })
    }

    /// Decides whether the caller may add an object with these attributes; removes the project from them.
    pub(in crate::kms) fn authorize_new<'a>(
        &'a self,
        call: &'a Call<'a>,
        attributes: &mut Attributes,
    ) -> Result<NewGrant<'a>, Error> {
        self.authorize_new_action(call, call.operation.action(), attributes)
    }

    /// Decides about an action that KMIP does not define, which adds an object.
    pub(in crate::kms) fn authorize_new_action<'a>(
        &'a self,
        call: &'a Call<'a>,
        action: Action,
        attributes: &mut Attributes,
    ) -> Result<NewGrant<'a>, Error> {
        let project = attributes.take_project().map_err(|_| Error::Project)?;
        let grants = Grants::default();
        let owner = call.caller().username.as_str();
        let id = attributes.unique_identifier.as_ref().and_then(UniqueIdentifier::as_text).unwrap_or_default();
        let resource = Resource { id, owner, project: project.as_deref(), grants: &grants, properties: &*attributes };
        let policy = self.policy.load();
        // The server will replace it as its owner could.
        let is_rotated = attributes.rotate_automatic == Some(true);
        let rotates = || policy.decide_create(call.caller(), Action::Operation(Operation::ReKey), &resource);
        let decision = policy.decide_create(call.caller(), action, &resource);
        match decision.and_then(|rule| if is_rotated { rotates() } else { Ok(rule) }) {
            Ok(rule) => {
                call.trail.permitted(action, None, rule);
                Ok(NewGrant { kms: self, call, action, project })
            }
            Err(refusal) => {
                self.refused(call, action, (!id.is_empty()).then_some(id), &refusal)?;
                Err(Error::NotPermitted { action: action.word(), refusal })
            }
        }
    }

    /// Decides whether the caller may perform an operation that concerns no object. Every authenticated caller may,
    /// unless the credential is limited, or a role gives no random bytes.
    pub(in crate::kms) fn authorize_server<'a>(
        &'a self,
        call: &'a Call<'a>,
        operation: Operation,
    ) -> Result<ServerGrant<'a>, Error> {
        match self.policy.load().decide_server(call.caller(), operation) {
            Ok(rule) => {
                call.trail.permitted(Action::Operation(operation), None, rule);
                Ok(ServerGrant { kms: self, call })
            }
            Err(refusal) => {
                let action = Action::Operation(operation);
                self.refused(call, action, None, &refusal)?;
                Err(Error::NotPermitted { action: action.word(), refusal })
            }
        }
    }

    /// The permission to search; each found object is decided separately.
    pub(in crate::kms) fn searching<'a>(&'a self, call: &'a Call<'a>) -> Result<ServerGrant<'a>, Error> {
        self.authorize_server(call, Operation::Locate)
    }

    /// Decides whether the caller is an administrator.
    pub(in crate::kms) fn authorize_administration<'a>(
        &'a self,
        call: &'a Call<'a>,
    ) -> Result<AdministrationGrant<'a>, Error> {
        match self.policy.load().decide_administer(call.caller()) {
            Ok(rule) => {
                call.trail.permitted(Action::Administer, None, rule);
                Ok(AdministrationGrant { kms: self, call })
            }
            Err(refusal) => {
                self.refused(call, Action::Administer, None, &refusal)?;
                Err(Error::NotPermitted { action: "administer", refusal })
            }
        }
    }
}
