//! What other servers over the same database have changed, and this one keeps in memory.

use std::sync::{Arc, MutexGuard};

use super::super::error::Error;
use super::definitions::Definitions;
use super::service::Kms;
use crate::policy::{Kind, Policy};
use crate::store::{Change, Heard, policy_entry};
use crate::turns::free;

impl Kms {
    /// Follows the changes of other servers from now on. Returns when everything that was read before is up to date.
    ///
    /// # Errors
    /// The database does not answer, or what was changed cannot be read.
    pub fn follow(self: &Arc<Self>) -> Result<(), Error> {
        let kms = Arc::downgrade(self);
        let follower = move |heard: &Heard| match kms.upgrade() {
            Some(kms) => kms.hear(heard).map_err(|error| error.to_string()),
            None => Ok(()),
        };
        Ok(self.store.follow(Box::new(follower))?)
    }

    /// Lets other servers over the same database start.
    pub fn has_started(&self) {
        self.store.has_started();
    }

    fn hear(&self, heard: &Heard) -> Result<(), Error> {
        match heard {
            Heard::Changes(changes) => changes.iter().try_for_each(|change| self.hear_one(change)),
            Heard::Everything => self.hear_everything(),
        }
    }

    fn hear_one(&self, change: &Change) -> Result<(), Error> {
        match change {
            Change::Object(id) => self.cache.forget(id),
            Change::Claim(_) => {}
            Change::Definition(name) => self.read_definition(name)?,
            Change::AccessToken(id) => self.tokens.forget_changed(id),
            Change::RootKey => self.tokens.read_keys()?,
        }
        Ok(())
    }

    /// The definitions, if nobody changes them. Who does waits for a commit, for which the heartbeat must not wait: it comes
    /// again.
    fn free_definitions(&self) -> Result<MutexGuard<'_, Definitions>, Error> {
        Ok(free(&self.definitions)?)
    }

    fn hear_everything(&self) -> Result<(), Error> {
        tracing::info!("other servers have changed more than is kept: everything is read again");
        self.cache.clear();
        self.tokens.forget_all();
        self.tokens.read_keys()?;
        let mut definitions = self.free_definitions()?;
        let (configured, default_mode) = (definitions.configured.clone(), definitions.default_mode);
        *definitions = Definitions::read(&self.store, &self.custody, configured, default_mode)?;
        self.policy.store(Arc::new(definitions.policy()));
        Ok(())
    }

    /// Reads a definition again: `name` is its kind, a slash, and its name.
    fn read_definition(&self, name: &str) -> Result<(), Error> {
        let Some((kind, name)) = name.split_once('/').and_then(|(kind, name)| Some((Kind::from_word(kind)?, name)))
        else {
            return self.hear_everything();
        };
        let mut definitions = self.free_definitions()?;
        let Some(row) = policy_entry::find(&self.store, kind.word(), name)? else { return Ok(()) };
        if row.version <= definitions.version(kind, name) {
            return Ok(());
        }
        let document = Definitions::believed(&self.custody, kind, &row)?;
        let definition = document.as_ref().map(|document| kind.read(document.as_bytes()));
        definitions.stored.insert((kind, name.to_owned()), (row.version, document.clone()));
        let mut policy = Policy::clone(&self.policy.load());
        let faults = match definition {
            _ if kind.is_in(&definitions.configured, name) => Vec::new(),
            Some(Ok(definition)) => policy.put(name, definition),
            Some(Err(_)) | None => policy.remove(kind, name),
        };
        // What contradicts this server's policy file is left out, as at a start.
        self.policy.store(Arc::new(if faults.is_empty() { policy } else { definitions.policy() }));
        Ok(())
    }
}
