//! Opening the token with the root keys of the database.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use claviger_pkcs11::{Device, Extent, OpenError, Token};

use super::abilities::{Abilities, accepted};
use super::configuration::configuration;
use super::durability::Durability;
use super::error::RootError;
use super::error_queue::Errors;
use super::handles::Handles;
use super::in_time::InTime;
use super::leaving::Leaving;
use super::outcomes::Outcomes;
use super::refused::Refused;
use super::root::Roots;
use super::state::Custody;
use super::terms::Offer;
use super::verified::Verified;
use super::{root, starting, trying};
use crate::config::{Hsm, Placement, RemadeKey, Remake};
use crate::metrics::{HsmCall, Metrics};
use crate::store::audit_head::Sound;
use crate::store::root_key::{self, RootKey};
use crate::store::{Readers, Store};

/// The additional time that a call may take to be prepared and repeated.
const REPEATED: Duration = Duration::from_secs(5);

impl Custody {
    /// Opens the token and finds the root keys. For a new database, makes them. The keys in `remake` are made again if
    /// the database does not record them.
    ///
    /// # Errors
    /// The module, the token or the PIN is wrong, or the root keys are not those of the database.
    pub fn open(
        hsm: &Hsm,
        placement: Option<Placement>,
        store: &Store,
        remake: &Remake,
        now: i64,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, OpenError<RootError>> {
        let is_shared = !store.server().is_empty();
        Self::opened((hsm, placement), (&**store, is_shared), metrics, |device, offer, durability| {
            // Opened before the first root key is made.
            let disk = durability.begin().map_err(RootError::Disk)?;
            starting::open((device, disk), store, offer, remake, now)
        })
    }

    /// Opens the token for a database that is only read. Nothing is made and nothing is recorded.
    ///
    /// # Errors
    /// As for [`Self::open`]; or the records are not complete, or not as this version writes them.
    pub fn of_recorded(
        hsm: &Hsm,
        placement: Option<Placement>,
        store: &Readers,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, OpenError<RootError>> {
        Self::opened((hsm, placement), (store, false), metrics, |device, offer, _| {
            starting::recorded(device, store, offer)
        })
    }

    /// Opens the token with the root keys that `find` returns. `is_shared`: other servers use the database of `store` too.
    fn opened(
        (hsm, placement): (&Hsm, Option<Placement>),
        (store, is_shared): (&Readers, bool),
        metrics: &Arc<Metrics>,
        find: impl FnOnce(&Device, Offer, &Durability) -> Result<Roots, RootError>,
    ) -> Result<Self, OpenError<RootError>> {
        let _errors = Errors;
        let (token, (roots, abilities, durability)) = Token::open(configuration(hsm), |device| {
            trying::know_wrap_mechanisms(device, hsm)?;
            let extent = if root_key::all(store)?.is_empty() { Extent::FirstStart } else { Extent::Start };
            let lacks = trying::at_start(device, extent)?;
            let abilities = Abilities::of(device, &lacks);
            let offer = Offer { lacks, placement, accepted: accepted(hsm) };
            let durability = Durability::of(device);
            Ok((find(device, offer, &durability)?, abilities, durability))
        })?;
        roots.terms().log();
        let custody = Self {
            token,
            roots: RwLock::new(Arc::new(roots)),
            placed: RwLock::default(),
            listed: Mutex::new(Instant::now()),
            leaving: Leaving::new(),
            placement,
            abilities,
            durability,
            is_shared,
            rescan: AtomicBool::new(false),
            digests_no_keys: AtomicBool::new(false),
            oaep_refused: Refused::default(),
            handles: Handles::new(hsm.max_objects),
            outcomes: Outcomes::default(),
            heads: Sound::default(),
            verified: Verified::default(),
            call_timeout: hsm.call_timeout,
            under_way: Arc::default(),
            in_time: InTime::new(hsm.call_timeout + REPEATED),
            metrics: Arc::clone(metrics),
        };
        let placed = Self::scan(&*custody.device(HsmCall::Look)?)?;
        *custody.placed.write().unwrap_or_else(PoisonError::into_inner) = placed;
        Ok(custody)
    }

    /// Opens the token and compares its root keys with the record, without making any. `None`: nothing is recorded.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn inspect(
        hsm: &Hsm,
        placement: Option<Placement>,
        recorded: Option<&[RootKey]>,
        remake: &[RemadeKey],
    ) -> Result<(), OpenError<RootError>> {
        Token::open(configuration(hsm), |device| {
            trying::know_wrap_mechanisms(device, hsm)?;
            match recorded {
                Some(recorded) if !recorded.is_empty() => {
                    let terms = root::check(device, recorded, remake)?;
                    let mut offer = Offer { lacks: Vec::new(), placement, accepted: accepted(hsm) };
                    offer.keep(terms.wrapped)?;
                    offer.protect(terms.weak)
                }
                _ => Ok(()),
            }
        })
        .map(drop)
    }
}
