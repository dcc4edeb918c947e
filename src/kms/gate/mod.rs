//! The gate: the struct that holds store and custody, and the one function that lets a caller at an object.
//!
//! Its fields are private to this folder. The operations beside it reach a key only through a [`Grant`], and a
//! grant comes only from [`Kms::authorize`], [`Kms::authorize_new`], [`Kms::authorize_server`] and
//! [`Kms::authorize_administration`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

mod adding;
mod administering;
mod asking;
mod granted;

use arc_swap::ArcSwap;

use super::cache::{Cache, CacheFigures};
use super::object::{Access, Object};
use super::{Call, Error};
use crate::audit::{Audit, Record};
use crate::custody::{Custody, Mac};
use crate::kmip::enumerations::{Operation, State};
use crate::kmip::ttlv::DateTime;
use crate::kmip::{Attributes, UniqueIdentifier};
use crate::policy::{Action, Decision, Documents, Grants, Policy, Refusal, Resource, Rule, Subject};
use crate::principal::Caller;
use crate::store::object::{self, Class, Material};
use crate::store::{self, Store};
use administering::Definitions;

/// How often a change is tried again when another request changed the object first.
const ATTEMPTS: usize = 5;

/// The service.
pub struct Kms {
    store: Arc<Store>,
    custody: Arc<Custody>,
    cache: Cache,
    /// What decides beside the objects; replaced as a whole at each change.
    policy: ArcSwap<Policy>,
    /// What the policy is made of.
    definitions: Mutex<Definitions>,
    /// Where decisions are recorded; `None` if the operator wants no record.
    audit: Option<Arc<Audit>>,
    /// Held by whoever searches the audit log: one at a time, for it may take a while.
    searching: Mutex<()>,
    health: Mutex<Option<(Instant, Health)>>,
}

/// How long an answer about health stands: whoever may ask must not be able to keep the token busy with it.
const HEALTH_STANDS: Duration = Duration::from_millis(200);

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

/// Whether store and token are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// The database.
    pub store: bool,
    /// The token, with its root keys.
    pub token: bool,
    /// The audit log; true if there is none.
    pub audit: bool,
}

impl Health {
    /// Whether everything is there.
    #[must_use]
    pub fn is_good(self) -> bool {
        self.store && self.token && self.audit
    }
}

impl Kms {
    /// A service on an open store and token. `documents` is what the configuration says about permission;
    /// `default_mode`: nothing has to be proved.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn open(
        store: Arc<Store>,
        custody: Arc<Custody>,
        documents: Documents,
        default_mode: bool,
        audit: Option<Arc<Audit>>,
    ) -> Result<Self, Error> {
        let definitions = Definitions::read(&store, &custody, documents, default_mode)?;
        let kms = Self {
            store,
            custody,
            cache: Cache::new(),
            policy: ArcSwap::from_pointee(definitions.policy()),
            definitions: Mutex::new(definitions),
            audit,
            searching: Mutex::new(()),
            health: Mutex::new(None),
        };
        kms.finish_destructions()?;
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

    /// Ends the audit log; nothing is done any more.
    pub fn close(&self) {
        if let Some(audit) = &self.audit {
            audit.close();
        }
    }

    /// Goes on in the file that the audit log's path names now.
    pub fn reopen_audit(&self) {
        if let Some(audit) = &self.audit {
            audit.reopen();
        }
    }

    /// Counts a failed authentication from an address in the audit log; the words are not what the caller sent.
    pub fn failed_authentication(&self, network: std::net::IpAddr, method: &'static str, reason: &'static str) {
        if let Some(audit) = &self.audit {
            audit.failed_authentication(network, method, reason);
        }
    }

    /// Asks store and token.
    #[must_use]
    pub fn health(&self) -> Health {
        let mut last = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        match *last {
            Some((since, health)) if since.elapsed() < HEALTH_STANDS => health,
            _ => {
                let health = self.ask_health();
                *last = Some((Instant::now(), health));
                health
            }
        }
    }

    /// The cache of objects.
    #[must_use]
    pub fn cache_figures(&self) -> CacheFigures {
        self.cache.figures()
    }

    fn ask_health(&self) -> Health {
        let store = self.store.check();
        let token = self.custody.check();
        if let Err(error) = &store {
            tracing::error!(%error, "the database is not healthy");
        }
        Health {
            store: store.is_ok(),
            token: token.is_ok(),
            audit: self.audit.as_ref().is_none_or(|audit| audit.check().is_ok()),
        }
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
                self.record(|| call.undecided(action, id, &error))?;
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
        let found = match self.load(id) {
            Err(Error::Integrity(_)) => return Ok(None),
            found => found?,
        };
        Ok(found.filter(|object| self.permitted(call, Action::Operation(Operation::Locate), object)))
    }

    /// The decision. To those who may do nothing with the object it does not exist; the others are told why not.
    fn decide(&self, call: &Call<'_>, action: Action, object: &Object) -> Result<Rule, Error> {
        let policy = self.policy.load();
        let resource = object.resource();
        let refusal = match policy.decide(call.caller(), action, &resource) {
            Ok(rule) => return Ok(rule),
            Err(refusal) => refusal,
        };
        let id = &object.id;
        self.refused(call, action, Some(id), &refusal)?;
        if policy.decide(call.caller(), Action::Operation(Operation::Locate), &resource).is_ok() {
            return Err(Error::NotPermitted { action: action.word(), reason: refusal.to_string() });
        }
        Err(Error::NotFound(id.clone()))
    }

    /// The public key of the audit log, in DER.
    pub(super) fn audit_key(&self) -> Vec<u8> {
        self.custody.audit_public_key()
    }

    /// Records a refusal: it is on disk before the answer.
    fn refused(&self, call: &Call<'_>, action: Action, object: Option<&str>, refusal: &Refusal) -> Result<(), Error> {
        tracing::info!(user = %call.caller().username, %action, object, reason = %refusal, "refused");
        self.record(|| call.refusal(action, object, refusal))
    }

    /// Records what changes nothing and must be on disk before the answer.
    fn record(&self, record: impl FnOnce() -> Record) -> Result<(), Error> {
        let Some(audit) = &self.audit else { return Ok(()) };
        audit.write(vec![record()]).map(drop).map_err(Error::Audit)
    }

    /// Whether what is done now can be recorded.
    pub(super) fn can_record(&self) -> Result<(), Error> {
        self.audit.as_ref().map_or(Ok(()), |audit| audit.admit()).map_err(Error::Audit)
    }

    /// Records a use, which is on disk within a second.
    pub(super) fn note(&self, record: Record) -> Result<(), Error> {
        self.audit.as_ref().map_or(Ok(()), |audit| audit.note(record)).map_err(Error::Audit)
    }

    /// What the policy says of the caller and an object that they may know of; nothing is done.
    pub(super) fn permitted(&self, call: &Call<'_>, action: Action, object: &Object) -> bool {
        self.policy.load().decide(call.caller(), action, &object.resource()).is_ok()
    }

    /// Whether a role of this name is defined.
    pub(super) fn has_role(&self, role: &str) -> bool {
        self.policy.load().has_role(role)
    }

    /// The role that the configuration gives to a caller.
    #[must_use]
    pub fn role_of(&self, caller: &Caller) -> Option<String> {
        self.policy.load().role_of(caller).map(str::to_owned)
    }

    /// Whether a caller may add objects to no project, and whether they administer.
    #[must_use]
    pub fn general_rights(&self, caller: &Caller) -> (bool, bool) {
        let policy = self.policy.load();
        let may_create = decide_creation(&policy, caller, Action::Operation(Operation::Create)).is_ok();
        (may_create, policy.decide_administer(caller).is_ok())
    }

    /// What the policy says of `who` and the object, to those who may be told.
    pub(super) fn explain_object(
        &self,
        call: &Call<'_>,
        who: &Caller,
        action: Action,
        id: &str,
    ) -> Result<Decision, Error> {
        let not_found = || Error::NotFound(id.to_owned());
        let object = self.load(id)?.ok_or_else(not_found)?;
        let policy = self.policy.load();
        let own = Action::Operation(Operation::Locate);
        let may_be_told = policy.decide_administer(call.caller()).is_ok()
            || self.permitted(call, Action::ManageAccess, &object)
            || (is_same(call.caller(), who) && self.permitted(call, own, &object));
        if may_be_told { Ok(policy.decide(who, action, &object.resource())) } else { Err(not_found()) }
    }

    /// What the policy says of `who` and adding objects, to those who may be told.
    pub(super) fn explain_creation(&self, call: &Call<'_>, who: &Caller, action: Action) -> Result<Decision, Error> {
        if !is_same(call.caller(), who) {
            self.authorize_administration(call)?;
        }
        Ok(decide_creation(&self.policy.load(), who, action))
    }

    /// Decides whether the caller may add an object with these attributes; takes the project out of them.
    pub(super) fn authorize_new<'a>(
        &'a self,
        call: &'a Call<'a>,
        operation: Operation,
        attributes: &mut Attributes,
    ) -> Result<NewGrant<'a>, Error> {
        let project = attributes.take_project().map_err(|_| Error::Project)?;
        let grants = Grants::default();
        let owner = call.caller().username.as_str();
        let id = attributes.unique_identifier.as_ref().and_then(UniqueIdentifier::as_text).unwrap_or_default();
        let resource = Resource { id, owner, project: project.as_deref(), grants: &grants, properties: &*attributes };
        let action = Action::Operation(operation);
        match self.policy.load().decide_create(call.caller(), action, &resource) {
            Ok(rule) => {
                call.trail.permitted(action, None, rule);
                Ok(NewGrant { kms: self, call, action, project })
            }
            Err(refusal) => {
                self.refused(call, action, (!id.is_empty()).then_some(id), &refusal)?;
                Err(Error::NotPermitted { action: action.word(), reason: refusal.to_string() })
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
                Err(Error::NotPermitted { action: action.word(), reason: refusal.to_string() })
            }
        }
    }

    /// Leave to search; what is found passes the gate by itself.
    pub(super) fn searching<'a>(&'a self, call: &'a Call<'a>) -> ServerGrant<'a> {
        call.trail.permitted(call.operation.action(), None, Rule::Everyone);
        ServerGrant { kms: self, call }
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
                Err(Error::NotPermitted { action: "administer", reason: refusal.to_string() })
            }
        }
    }

    /// The key of the API token at `now`, if it may be used: whoever owns it, it speaks for the default user.
    pub(super) fn api_token_key(&self, id: &str, now: DateTime) -> Result<Option<Arc<Object>>, Error> {
        let object = self.load(id)?;
        Ok(object.filter(|object| object.state(now) == State::Active))
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
        let object = Object::from_row(row).map_err(|_| {
            tracing::error!(id, "row refused: its binding holds but it cannot be read");
            Error::Integrity(id.to_owned())
        })?;
        let object = Arc::new(object);
        self.cache.put(&object, before);
        Ok(Some(object))
    }

    /// Removes a key that no row names from the token, or says that it is left there.
    fn discard(&self, material: &Material) {
        if let Err(error) = self.custody.discard(material) {
            tracing::warn!(%error, "a token object without a row is left");
        }
    }

    /// The row of an object, with its binding.
    fn bind(&self, object: &Object) -> Result<object::Object, Error> {
        let mut row = object.to_row();
        row.binding = self.custody.bind(&row.bound())?;
        Ok(row)
    }
}

/// Whether two callers are one person by the same proof.
fn is_same(one: &Caller, other: &Caller) -> bool {
    Subject::of(one) == Subject::of(other)
}

/// The decision about adding an object without tags, to no project.
fn decide_creation(policy: &Policy, caller: &Caller, action: Action) -> Decision {
    let (grants, properties) = (Grants::default(), Attributes::default());
    let owner = caller.username.as_str();
    let resource = Resource { id: "", owner, project: None, grants: &grants, properties: &properties };
    policy.decide_create(caller, action, &resource)
}

fn is_destroyed(state: Option<State>) -> bool {
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
