//! The gate: the struct that holds store and custody, and the one function that lets a caller at an object.
//!
//! Its fields are private to this file. The operations beside it reach a key only through a [`Grant`], and a
//! grant comes only from [`Kms::authorize`], [`Kms::authorize_new`] and [`Kms::authorize_server`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::cache::Cache;
use super::object::Object;
use super::{Call, Error};
use crate::custody::{Cipher, Custody, Mac, Secret, SecretKeyKind};
use crate::kmip::enumerations::{Operation, State};
use crate::kmip::state::{self, Dates, Use};
use crate::kmip::ttlv::DateTime;
use crate::kmip::{Attributes, UniqueIdentifier, UsageMask};
use crate::store::object::{self, Class, Material};
use crate::store::search::{Found, Search};
use crate::store::{self, Store};

/// How often a change is tried again when another request changed the object first.
const ATTEMPTS: usize = 5;

/// The service.
pub struct Kms {
    store: Arc<Store>,
    custody: Arc<Custody>,
    cache: Cache,
    health: Mutex<Option<(Instant, Health)>>,
}

/// How long an answer about health stands: whoever may ask must not be able to keep the token busy with it.
const HEALTH_STANDS: Duration = Duration::from_millis(200);

/// Leave to perform one operation on one object.
pub(super) struct Grant<'a> {
    kms: &'a Kms,
    call: &'a Call<'a>,
    object: Arc<Object>,
}

/// A [`Grant`] whose object may be used now, for a purpose that its mask permits.
pub(super) struct Usable<'a>(Grant<'a>);

/// Leave to add an object.
pub(super) struct NewGrant<'a> {
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
}

impl Health {
    /// Whether everything is there.
    #[must_use]
    pub fn is_good(self) -> bool {
        self.store && self.token
    }
}

impl Kms {
    /// A service on an open store and token.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn open(store: Arc<Store>, custody: Arc<Custody>) -> Result<Self, Error> {
        let kms = Self { store, custody, cache: Cache::new(), health: Mutex::new(None) };
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

    fn ask_health(&self) -> Health {
        let store = self.store.check();
        let token = self.custody.check();
        if let Err(error) = &store {
            tracing::error!(%error, "the database is not healthy");
        }
        Health { store: store.is_ok(), token: token.is_ok() }
    }

    /// Decides whether the caller may perform `operation` on the object. An object of somebody else is not
    /// found, as if it did not exist.
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
        let not_found = || Error::NotFound(id.to_owned());
        let object = self.load(id)?.ok_or_else(not_found)?;
        if object.owner != call.caller.username.as_str() {
            tracing::info!(user = %call.caller.username, %operation, id, "refused: not the owner");
            return Err(not_found());
        }
        Ok(Grant { kms: self, call, object })
    }

    /// Decides whether the caller may add an object: every authenticated caller may.
    pub(super) fn authorize_new<'a>(&'a self, call: &'a Call<'a>) -> NewGrant<'a> {
        NewGrant { kms: self, call }
    }

    /// Decides whether the caller may ask the server itself: every authenticated caller may.
    pub(super) fn authorize_server<'a>(&'a self, call: &'a Call<'a>) -> ServerGrant<'a> {
        ServerGrant { kms: self, call }
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

impl<'a> Grant<'a> {
    pub(super) fn object(&self) -> &Object {
        &self.object
    }

    /// The object's attributes at the time of the call.
    pub(super) fn attributes(&self) -> Attributes {
        self.object.shown(self.call.now)
    }

    /// Refuses what was destroyed.
    pub(super) fn undestroyed(self) -> Result<Self, Error> {
        if is_destroyed(Some(self.object.state(self.call.now))) {
            return Err(Error::Destroyed(self.object.id.clone()));
        }
        Ok(self)
    }

    /// Checks state, dates and usage mask.
    pub(super) fn usable(self, purpose: Use, mask: UsageMask, name: &'static str) -> Result<Usable<'a>, Error> {
        let grant = self.undestroyed()?;
        let dates = Dates::of(&grant.object.attributes);
        state::permit(grant.object.state(grant.call.now), &dates, purpose, grant.call.now)?;
        if !grant.object.permits(mask) {
            return Err(Error::UsageMask(name));
        }
        Ok(Usable(grant))
    }

    /// The key in clear. The class says no first; the token would.
    pub(super) fn value(&self) -> Result<Secret, Error> {
        match self.object.class {
            Class::Sealing => Err(Error::NotExtractable),
            Class::Guarding => Err(Error::Sensitive),
            Class::Exporting => Ok(self.kms.custody.value(&self.object.key)?),
        }
    }

    /// The key wrapped under another, inside the token.
    pub(super) fn wrapped_under(&self, wrapping: &Usable<'_>) -> Result<Vec<u8>, Error> {
        match self.object.class {
            Class::Sealing => Err(Error::NotExtractable),
            Class::Guarding | Class::Exporting => {
                Ok(self.kms.custody.wrap(&wrapping.0.object.key, &self.object.key)?)
            }
        }
    }

    /// Changes attributes. `change` sees the present ones, and may be called again on newer ones.
    pub(super) fn change(
        &self,
        mut change: impl FnMut(&Object, &mut Attributes) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.replace(|object| {
            let mut attributes = object.attributes.clone();
            change(object, &mut attributes)?;
            Ok((attributes, object.class, object.material.clone()))
        })
        .map(drop)
    }

    /// Changes attributes and gives up the key: it is gone from database and WAL, and from the token.
    pub(super) fn destroy(
        &self,
        mut change: impl FnMut(&Object, &mut Attributes) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let former = self.replace(|object| {
            let mut attributes = object.attributes.clone();
            change(object, &mut attributes)?;
            // The name of a token object is no secret, and needed to remove it even after a crash.
            let material = match &object.material {
                Material::Token { cka_id } => Material::Token { cka_id: cka_id.clone() },
                Material::Wrapped { .. } | Material::Destroyed => Material::Destroyed,
            };
            Ok((attributes, object.class, material))
        })?;
        Ok(self.kms.custody.discard(&former)?)
    }

    /// Puts other attributes and another key in the object's place.
    pub(super) fn exchange(&self, attributes: &Attributes, class: Class, material: &Material) -> Result<(), Error> {
        let former = self.replace(|object| {
            if is_destroyed(Some(object.state(self.call.now))) {
                return Err(Error::Destroyed(object.id.clone()));
            }
            Ok((attributes.clone(), class, material.clone()))
        })?;
        // The new key is in its place: what is left of the former one is no reason to fail.
        self.kms.discard(&former);
        Ok(())
    }

    /// Writes the next version of the row; returns where the key of the one before is.
    fn replace(
        &self,
        mut successor: impl FnMut(&Object) -> Result<(Attributes, Class, Material), Error>,
    ) -> Result<Material, Error> {
        let id = &self.object.id;
        let mut present = Arc::clone(&self.object);
        for _ in 0..ATTEMPTS {
            let (mut attributes, class, material) = successor(&present)?;
            attributes.last_change_date = Some(self.call.now);
            let erase = material != present.material;
            let object = new_object(present.version + 1, &present.owner, id, attributes, class, material)?;
            let object_state = object.attributes.state;
            let row = self.kms.bind(&object)?;
            let index = object.index();
            let job = move |transaction: &store::Transaction<'_>| row.update(transaction, &index);
            let written = if erase { self.kms.store.erase(job) } else { self.kms.store.write(job) };
            self.kms.cache.forget(id);
            match written {
                Err(store::Error::Conflict) => {
                    present = self.kms.load(id)?.ok_or_else(|| Error::NotFound(id.clone()))?;
                }
                // The row is the new one, whatever else: nobody must take the new key for one that nothing names.
                Err(store::Error::Traces(error)) if !is_destroyed(object_state) => {
                    tracing::warn!(error, "the former key's blob is still in the write-ahead log");
                    return Ok(present.material.clone());
                }
                written => return Ok(written.map(|()| present.material.clone())?),
            }
        }
        Err(Error::Contention)
    }
}

impl Usable<'_> {
    pub(super) fn object(&self) -> &Object {
        &self.0.object
    }

    pub(super) fn encrypt(&self, cipher: &Cipher<'_>, data: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.kms.custody.encrypt(&self.0.object.key, cipher, data)?)
    }

    pub(super) fn decrypt(&self, cipher: &Cipher<'_>, data: &[u8]) -> Result<Secret, Error> {
        Ok(self.0.kms.custody.decrypt(&self.0.object.key, cipher, data)?)
    }

    pub(super) fn mac(&self, mechanism: Mac, data: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.kms.custody.mac(&self.0.object.key, mechanism, data)?)
    }
}

impl NewGrant<'_> {
    /// The key lengths in bytes that the token takes for a MAC.
    pub(super) fn mac_key_size(&self, mechanism: Mac) -> Result<std::ops::RangeInclusive<usize>, Error> {
        Ok(self.kms.custody.mac_key_size(mechanism)?)
    }

    /// Makes the key, in the token from `value` or from nothing.
    pub(super) fn make(
        &self,
        class: Class,
        kind: SecretKeyKind,
        mask: UsageMask,
        value: Option<&[u8]>,
    ) -> Result<Material, Error> {
        let uses = super::object::uses(mask);
        Ok(match value {
            Some(value) => self.kms.custody.import(class, kind, uses, value)?,
            None => self.kms.custody.generate(class, kind, uses)?,
        })
    }

    /// Adds the object, owned by the caller. What was made in the token for it goes again if this fails.
    pub(super) fn insert(
        &self,
        id: &str,
        attributes: Attributes,
        class: Class,
        material: Material,
    ) -> Result<(), Error> {
        let made = material.clone();
        let owner = self.call.caller.username.as_str();
        let inserted = new_object(1, owner, id, attributes, class, material).and_then(|object| {
            let row = self.kms.bind(&object)?;
            let index = object.index();
            self.kms.store.write(move |transaction| row.insert(transaction, &index)).map_err(|error| match error {
                store::Error::Exists => Error::Exists(id.to_owned()),
                error => Error::Store(error),
            })
        });
        if inserted.is_err() {
            self.discard(&made);
        }
        inserted
    }

    /// Removes a key that did not become an object.
    pub(super) fn discard(&self, material: &Material) {
        self.kms.discard(material);
    }
}

impl ServerGrant<'_> {
    /// Random bytes from the token.
    pub(super) fn random(&self, len: usize) -> Result<Secret, Error> {
        Ok(self.kms.custody.random(len)?)
    }

    /// Identifiers of the caller's own objects that the search tables give.
    pub(super) fn search(&self, search: &Search, offset: i64, limit: i64) -> Result<Found, Error> {
        let own = Search { owner: self.call.caller.username.as_str().to_owned(), ..search.clone() };
        Ok(self.kms.store.read(|connection| own.run(connection, offset, limit))?)
    }
}

fn is_destroyed(state: Option<State>) -> bool {
    matches!(state, Some(State::Destroyed | State::DestroyedCompromised))
}

fn new_object(
    version: i64,
    owner: &str,
    id: &str,
    attributes: Attributes,
    class: Class,
    material: Material,
) -> Result<Object, Error> {
    Object::new(version, owner.to_owned(), id.to_owned(), attributes, class, material)
        .map_err(|_| Error::Integrity(id.to_owned()))
}
