//! Opening the service.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::super::cache::{Cache, CacheFigures};
use super::super::error::Error;
use super::super::last_use::LastUses;
use super::super::object::is_destroyed;
use super::super::streams::Streams;
use super::definitions::Definitions;
use super::invocations::Invocations;
use super::service::{Kms, Settings};
use super::shares::Shares;
use super::{asking, pairs, vault};
use crate::audit::Audit;
use crate::auth::{AccessTokens, Lockouts};
use crate::custody::Custody;
use crate::policy::Documents;
use crate::store::{Store, object};
use crate::turns::{Gathered, Turns};

impl Kms {
    /// A service on an open store and HSM token. `documents` is the configuration of permission.
    ///
    /// # Errors
    /// The store cannot be read, or its count of former uses of AES-GCM is not what the server wrote.
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
            uses: Gathered::default(),
            allowances: Gathered::default(),
            policy: ArcSwap::from_pointee(definitions.policy()),
            definitions: Mutex::new(definitions),
            tokens: Arc::new(tokens),
            lockouts: Lockouts::default(),
            invocations,
            api_token_id: settings.api_token_id,
            interop: settings.interop,
            legacy: settings.legacy,
            streams: Streams::default(),
            audit,
            last_uses: LastUses::default(),
            passed_over: Mutex::default(),
            shares: Shares::default(),
            sweeps: asking::places(),
            pairs: pairs::places(),
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

    /// Removes from the HSM token the keys of objects that were destroyed shortly before the server stopped.
    fn finish_destructions(&self) -> Result<(), Error> {
        for id in object::destroyed_in_token(&self.store)? {
            match self.load(&id) {
                // The bound row decides, not an unbound column, which could have been edited.
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

    /// The figures of the cache of objects.
    #[must_use]
    pub fn cache_figures(&self) -> CacheFigures {
        self.cache.figures()
    }
}
