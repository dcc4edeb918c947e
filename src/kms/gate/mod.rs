//! The gate: the struct that holds store and custody, and the one function that lets a caller at an object.
//!
//! Its fields are private to this folder. The operations beside it reach a key only through a [`Grant`], and a
//! grant comes only from [`Kms::authorize`], [`Kms::authorize_new`], [`Kms::authorize_server`] and
//! [`Kms::authorize_administration`].

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

mod abilities;
mod adding;
mod administering;
mod amending;
mod asking;
mod auditing;
mod committing;
mod configuring;
mod credentials;
mod erasing;
mod granted;
mod health;
mod invocations;
mod naming;
mod own;
mod places;
mod questions;
mod recording;
mod recovering;
mod resources;
mod secrets;
mod vault;

use arc_swap::ArcSwap;

use super::cache::{self, Cache, CacheFigures};
use super::last_use::LastUses;
use super::object::{Access, Object};
use super::{Call, Error, disabled};
use crate::audit::Audit;
use crate::auth::{AccessTokens, Lockouts};
use crate::custody::{Custody, Mac};
use crate::kmip::enumerations::{Operation, State};
use crate::kmip::ttlv::DateTime;
use crate::kmip::{Attributes, UniqueIdentifier};
use crate::policy::{Action, Documents, Grants, Policy, Refusal, Resource, Rule};
use crate::store::object::{self, Class, Material};
use crate::store::{self, Store};
use crate::turns::Turns;
use administering::Definitions;
pub(super) use amending::Amendment;
pub(super) use asking::{End, Whose};
pub(super) use committing::Prepared;
pub(super) use credentials::Use;
pub use health::{Health, TokenHealth};
use invocations::Invocations;
pub(super) use places::{Behind, PlaceGrant};
pub use vault::Vault;

/// How often a value is read again when another request wrote over it meanwhile.
const ATTEMPTS: usize = 5;

/// What is configured beside permission.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Nothing has to be proved.
    pub default_mode: bool,
    /// How often a key encrypts with AES-GCM at most.
    pub gcm_limit: u64,
    /// Bytes of the objects that are kept in memory.
    pub cache_size: usize,
    /// The object whose key is the API token's.
    pub api_token_id: Option<String>,
}

/// The service.
pub struct Kms {
    store: Arc<Store>,
    custody: Arc<Custody>,
    cache: Cache,
    /// Changes of one object, by its identifier.
    turns: Turns,
    /// What decides beside the objects; replaced as a whole at each change.
    policy: ArcSwap<Policy>,
    /// What the policy is made of.
    definitions: Mutex<Definitions>,
    tokens: Arc<AccessTokens>,
    lockouts: Lockouts,
    /// How often keys have encrypted with AES-GCM.
    invocations: Invocations,
    api_token_id: Option<String>,
    /// Where decisions are recorded; `None` if the operator wants no record.
    audit: Option<Arc<Audit>>,
    last_uses: LastUses,
    /// Searches that look at more than a page, one by one.
    sweeps: AtomicUsize,
    /// Held by whoever searches the audit log: one at a time, for it may take a while.
    searching: Mutex<()>,
    health: Mutex<Option<(Instant, Health)>>,
}

/// Leave to perform one operation on one object.
pub(super) struct Grant<'a> {
    kms: &'a Kms,
    call: &'a Call<'a>,
    action: Action,
    object: Arc<Object>,
}

/// A [`Grant`] whose object may be used now, for a purpose that its mask permits.
pub(super) struct Usable<'a>(Grant<'a>);

/// Leave to add an object.
pub(super) struct NewGrant<'a> {
    kms: &'a Kms,
    call: &'a Call<'a>,
    action: Action,
    project: Option<String>,
}

/// Leave to administer.
pub(super) struct AdministrationGrant<'a> {
    kms: &'a Kms,
    call: &'a Call<'a>,
}

/// Leave to ask what concerns no single object.
pub(super) struct ServerGrant<'a> {
    kms: &'a Kms,
    call: &'a Call<'a>,
}

impl Kms {
    /// A service on an open store and token. `documents` is what the configuration says about permission.
    ///
    /// # Errors
    /// The store cannot be read, or what it says of former uses of AES-GCM is not what was written.
    pub fn open(
        store: Arc<Store>,
        custody: Arc<Custody>,
        documents: Documents,
        settings: Settings,
        audit: Option<Arc<Audit>>,
    ) -> Result<Self, Error> {
        let invocations = Invocations::open(&store, &custody, settings.gcm_limit)?;
        let definitions = Definitions::read(&store, &custody, documents, settings.default_mode)?;
        let vault = vault::read(&store)?;
        let tokens = AccessTokens::new(Arc::clone(&store), Arc::clone(&custody), &vault.id)?;
        let kms = Self {
            store,
            custody,
            cache: Cache::new(settings.cache_size),
            turns: Turns::default(),
            policy: ArcSwap::from_pointee(definitions.policy()),
            definitions: Mutex::new(definitions),
            tokens: Arc::new(tokens),
            lockouts: Lockouts::default(),
            invocations,
            api_token_id: settings.api_token_id,
            audit,
            last_uses: LastUses::default(),
            sweeps: AtomicUsize::new(0),
            searching: Mutex::new(()),
            health: Mutex::new(None),
        };
        kms.finish_destructions()?;
        let record = {
            let definitions = kms.definitions.lock().unwrap_or_else(PoisonError::into_inner);
            kms.forget_places(&definitions);
            definitions.record()
        };
        kms.record(|| record)?;
        Ok(kms)
    }

    /// Removes the token objects of keys that were destroyed when the server ended before it could.
    fn finish_destructions(&self) -> Result<(), Error> {
        for id in self.store.read(object::destroyed_in_token)? {
            match self.load(&id) {
                // The bound row says so, not a column that anybody may have edited.
                Ok(Some(object)) if is_destroyed(object.attributes.state) => {
                    if let Err(error) = self.custody.discard(&object.material) {
                        tracing::error!(id, %error, "the key of a destroyed object is still in the token");
                    }
                }
                Ok(_) | Err(Error::Integrity(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The cache of objects.
    #[must_use]
    pub fn cache_figures(&self) -> CacheFigures {
        self.cache.figures()
    }

    /// Decides whether the caller may perform `operation` on the object.
    pub(super) fn authorize<'a>(
        &'a self,
        call: &'a Call<'a>,
        operation: Operation,
        id: Option<&UniqueIdentifier>,
    ) -> Result<Grant<'a>, Error> {
        let id = match id {
            Some(UniqueIdentifier::Text(id)) => id.as_str(),
            Some(UniqueIdentifier::IdPlaceholder) | None => call.placeholder.as_deref().ok_or(Error::NoIdentifier)?,
        };
        self.authorize_action(call, Action::Operation(operation), id)
    }

    /// The same for actions that KMIP does not know.
    pub(super) fn authorize_action<'a>(
        &'a self,
        call: &'a Call<'a>,
        action: Action,
        id: &str,
    ) -> Result<Grant<'a>, Error> {
        let found = self.load(id).and_then(|found| found.ok_or_else(|| Error::NotFound(id.to_owned())));
        let object = match found {
            // Import adds what is not there.
            Err(Error::NotFound(_)) if action == Action::Operation(Operation::Import) => {
                return Err(Error::NotFound(id.to_owned()));
            }
            // On disk before the answer, as a refusal is: otherwise the time that an answer takes would tell what is
            // somebody else's from what is not there.
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

    /// An object that a search has found; `None` if the caller may not know of it. What is found is counted, not recorded
    /// one by one.
    pub(super) fn sighted(&self, call: &Call<'_>, id: &str) -> Result<Option<Arc<Object>>, Error> {
        let found = self.found(id)?;
        Ok(found.filter(|object| self.permitted(call, Action::Operation(Operation::Locate), object)))
    }

    /// An object that a list names, whoever may know of it; `None` if there is none whose row can be believed.
    pub(super) fn found(&self, id: &str) -> Result<Option<Arc<Object>>, Error> {
        // Not into the cache: a sweep over many would push out the keys that are in use.
        let found = match self.cache.get(id) {
            Ok(object) => Ok(Some(object)),
            Err(_) => self.read(id).map(|found| found.map(|(object, _)| Arc::new(object))),
        };
        match found {
            Err(Error::Integrity(_)) => Ok(None),
            found => found,
        }
    }

    /// The decision. To those who may do nothing with the object it does not exist; the others get the reason.
    fn decide(&self, call: &Call<'_>, action: Action, object: &Object) -> Result<Rule, Error> {
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

    /// Refuses to let somebody give what they have not.
    pub(super) fn refuse_to_give(&self, call: &Call<'_>, action: Action, object: &Object) -> Result<(), Error> {
        let (refusal, action) = (Refusal::NotOwn(action), call.operation.action());
        self.refused(call, action, Some(&object.id), &refusal)?;
        Err(Error::NotPermitted { action: action.word(), refusal })
    }

    /// Decides whether the caller may add an object with these attributes; takes the project out of them.
    pub(super) fn authorize_new<'a>(
        &'a self,
        call: &'a Call<'a>,
        operation: Operation,
        attributes: &mut Attributes,
    ) -> Result<NewGrant<'a>, Error> {
        self.authorize_new_action(call, Action::Operation(operation), attributes)
    }

    /// The same for actions that KMIP does not know.
    pub(super) fn authorize_new_action<'a>(
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
        match self.policy.load().decide_create(call.caller(), action, &resource) {
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

    /// Decides whether the caller may have the server do what concerns no object: every authenticated caller may whose
    /// credential is not limited to something else.
    pub(super) fn authorize_server<'a>(
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

    /// Leave to search; what is found passes the gate by itself.
    pub(super) fn searching<'a>(&'a self, call: &'a Call<'a>) -> Result<ServerGrant<'a>, Error> {
        self.authorize_server(call, Operation::Locate)
    }

    /// Decides whether the caller administers.
    pub(super) fn authorize_administration<'a>(&'a self, call: &'a Call<'a>) -> Result<AdministrationGrant<'a>, Error> {
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

    /// Whether the object's key is the API token's, which speaks for the default user: whoever knows the key has all that this
    /// user may do.
    pub(super) fn is_api_token(&self, id: &str) -> bool {
        self.api_token_id.as_deref() == Some(id)
    }

    /// The key of the API token at `now`, if it may be used: whoever owns it, it speaks for the default user.
    pub(super) fn api_token_key(&self, id: &str, now: DateTime) -> Result<Option<Arc<Object>>, Error> {
        let object = self.api_token_object(id, now)?;
        let is_usable = |(object, state): &(Arc<Object>, State)| {
            *state == State::Active && !disabled::is_disabled(&object.attributes)
        };
        Ok(object.filter(is_usable).map(|(object, _)| object))
    }

    /// The object that is named as the API token's key, whatever became of it, and its state.
    pub(super) fn api_token_object(&self, id: &str, now: DateTime) -> Result<Option<(Arc<Object>, State)>, Error> {
        Ok(self.load(id)?.map(|object| {
            let state = object.state(now);
            (object, state)
        }))
    }

    /// The key lengths in bytes that the token takes for a MAC.
    pub(super) fn api_token_key_size(&self, mechanism: Mac) -> Result<std::ops::RangeInclusive<usize>, Error> {
        Ok(self.custody.mac_key_size(mechanism)?)
    }

    /// A MAC by an object's key, whatever its usage mask: to compare the API token, and for nothing else.
    pub(super) fn api_token_mac(&self, object: &Object, mechanism: Mac, data: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.custody.mac(&object.comparing_key, mechanism, data)?)
    }

    /// The object, from the cache, or from its row once the binding holds.
    fn load(&self, id: &str) -> Result<Option<Arc<Object>>, Error> {
        let before = match self.cache.get(id) {
            Ok(object) => return Ok(Some(object)),
            Err(before) => before,
        };
        let Some((object, size)) = self.read(id)? else { return Ok(None) };
        let object = Arc::new(object);
        self.cache.put(&object, size, before);
        Ok(Some(object))
    }

    /// The object from its row, once the binding holds, and what it takes in memory.
    fn read(&self, id: &str) -> Result<Option<(Object, usize)>, Error> {
        let row = match self.store.read(|connection| object::find(connection, id)) {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(None),
            Err(store::Error::Malformed(id)) => {
                tracing::error!(id, "ROW REFUSED: its columns make no sense, so it was changed in the database");
                return Err(Error::Integrity(id));
            }
            Err(error) => return Err(error.into()),
        };
        if !self.custody.is_bound(&row.bound(), &row.binding)? {
            tracing::error!(id, "ROW REFUSED: its binding is wrong, so it was changed or exchanged in the database");
            return Err(Error::Integrity(id.to_owned()));
        }
        let size = cache::size(&row);
        let object = Object::from_row(row).map_err(|_| {
            tracing::error!(id, "row refused: its binding holds but it cannot be read");
            Error::Integrity(id.to_owned())
        })?;
        Ok(Some((object, size)))
    }

    /// The row of an object, with its binding.
    fn bind(&self, object: &Object) -> Result<object::Object, Error> {
        let mut row = object.to_row();
        row.binding = self.custody.bind(&row.bound())?;
        Ok(row)
    }

    /// The object of the row that `former` becomes, and what it takes in memory.
    fn successor(row: &object::Object, former: &Object) -> Result<(Object, usize), Error> {
        let object = Object::successor(row.clone(), former).map_err(|_| Error::Integrity(row.id.clone()))?;
        Ok((object, cache::size(row)))
    }
}

pub(super) fn is_destroyed(state: Option<State>) -> bool {
    matches!(state, Some(State::Destroyed | State::DestroyedCompromised))
}

fn new_object(
    version: i64,
    access: Access,
    id: &str,
    attributes: Attributes,
    class: Class,
    material: Material,
) -> Result<Object, Error> {
    Object::new(version, access, id.to_owned(), attributes, class, material)
        .map_err(|_| Error::Integrity(id.to_owned()))
}
