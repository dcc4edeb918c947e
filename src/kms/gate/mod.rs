//! The gate: the struct that holds store and custody, and the one function that lets a caller at an object.
//!
//! Its fields are private to this file. The operations beside it reach a key only through a [`Grant`], and a
//! grant comes only from [`Kms::authorize`], [`Kms::authorize_new`] and [`Kms::authorize_server`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

mod adding;
mod asking;
mod granted;

use super::cache::Cache;
use super::object::Object;
use super::{Call, Error};
use crate::custody::{Custody, Mac};
use crate::kmip::enumerations::{Operation, State};
use crate::kmip::ttlv::DateTime;
use crate::kmip::{Attributes, UniqueIdentifier};
use crate::store::object::{self, Class, Material};
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
