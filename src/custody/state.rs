//! The state of custody: the token with the root keys of this database, and admission to its use.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use claviger_pkcs11::{self as pkcs11, Device, DeviceGuard, Extractable, Key, Sessions, Token};

use super::abilities::{Abilities, Optional};
use super::configuration::SESSION_DEADLINE;
use super::durability::Durability;
use super::error_queue::Errors;
use super::handles::Handles;
use super::in_time::InTime;
use super::leaving::Leaving;
use super::outcomes::Outcomes;
use super::refused::Refused;
use super::root::Roots;
use super::under_way::{Mark, UnderWay};
use super::verified::Verified;
use crate::config::Placement;
use crate::desk::{Calling, calling};
use crate::metrics::{HsmCall, Metrics, Timer};
use crate::store::audit_head::Sound;
use crate::store::object::Class;

/// The shortest time limit for making a key pair.
const PAIR_TIMEOUT: Duration = Duration::from_secs(60);

/// The token with this database's root keys.
pub struct Custody {
    pub(super) token: Token,
    pub(super) roots: RwLock<Arc<Roots>>,
    /// Token objects of managed keys by `CKA_ID`, listed once at start, so that requests do not have to search.
    pub(super) placed: RwLock<HashMap<Vec<u8>, Key>>,
    /// When the last listing began.
    pub(super) listed: Mutex<Instant>,
    pub(super) leaving: Leaving,
    /// The placement of new keys that the operator wants.
    pub(super) placement: Option<Placement>,
    pub(super) abilities: Abilities,
    pub(super) durability: Durability,
    /// Whether other servers make and destroy token objects too.
    pub(super) is_shared: bool,
    /// Set when a row names a token object that the last listing did not find, or whose handle was lost.
    pub(super) rescan: AtomicBool,
    /// Set when the token refused to compute the digest of a key.
    pub(super) digests_no_keys: AtomicBool,
    /// The parameters of OAEP that the token refused.
    pub(super) oaep_refused: Refused,
    pub(super) handles: Handles,
    pub(super) outcomes: Outcomes,
    pub(super) heads: Sound,
    pub(super) verified: Verified,
    pub(super) call_timeout: Duration,
    pub(super) under_way: Arc<UnderWay>,
    pub(super) in_time: InTime,
    pub(super) metrics: Arc<Metrics>,
}

impl Custody {
    pub(super) fn device(&self, call: HsmCall) -> Result<Admitted<'_>, pkcs11::Error> {
        let limit = match call {
            HsmCall::Pair => self.call_timeout.max(PAIR_TIMEOUT),
            // Some tokens process only one such call at a time, so such a call may also wait for others.
            HsmCall::Make | HsmCall::Discard | HsmCall::Look => self.call_timeout + 2 * SESSION_DEADLINE,
            // Most calls first wait for a session.
            _ => self.call_timeout + SESSION_DEADLINE,
        };
        Ok(Admitted {
            device: self.token.device()?,
            _errors: Errors,
            _timer: self.metrics.hsm(call),
            _mark: self.under_way.begin(limit),
            _calling: calling(limit),
        })
    }

    /// Returns the token's working sessions; `None` while it is unavailable.
    #[must_use]
    pub fn sessions(&self) -> Option<Sessions> {
        self.token.device().ok().map(|device| device.sessions())
    }

    /// Whether all new keys are objects of the token.
    #[must_use]
    pub fn is_placing(&self) -> bool {
        self.placement == Some(Placement::Token) || self.roots().kek(Class::Sealing).is_none()
    }

    pub(super) fn roots(&self) -> Arc<Roots> {
        Arc::clone(&self.roots.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the class that a key gets if the caller wants `class`: a lower one if the token does not let keys leave
    /// as `class` allows.
    #[must_use]
    pub fn kept_as(&self, class: Class) -> Class {
        class.min(match self.roots().terms().wrapped.extractable() {
            Extractable::No => Class::Sealing,
            Extractable::Wrapped => Class::Guarding,
            Extractable::InClear => Class::Exporting,
        })
    }

    /// Whether the token says that it is hardware.
    #[must_use]
    pub fn is_hardware(&self) -> bool {
        self.abilities.is_hardware
    }

    /// Whether the token has the algorithm, as it was tried at the start.
    #[must_use]
    pub fn has(&self, algorithm: Optional) -> bool {
        let [chacha20, chacha20_poly1305, des3] = self.abilities.algorithms;
        match algorithm {
            Optional::ChaCha20 => chacha20,
            Optional::ChaCha20Poly1305 => chacha20_poly1305,
            Optional::Des3 => des3,
        }
    }

    /// Returns the label of the token.
    #[must_use]
    pub fn token_label(&self) -> &str {
        self.token.label()
    }

    /// Whether the token can import keys.
    #[must_use]
    pub fn imports(&self) -> bool {
        self.abilities.imports
    }

    /// Whether the token can keep private keys of pairs.
    #[must_use]
    pub fn has_pairs(&self) -> bool {
        self.abilities.wraps_pairs || self.is_placing()
    }

    /// Returns the protections that the root keys lack, in words. Empty if they lack none.
    #[must_use]
    pub fn weaknesses(&self) -> String {
        self.roots().terms().weak.to_string()
    }
}

/// Admission to the token for one operation.
pub(super) struct Admitted<'a> {
    device: DeviceGuard<'a>,
    _errors: Errors,
    _timer: Timer,
    _mark: Mark,
    _calling: Calling,
}

impl Deref for Admitted<'_> {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.device
    }
}
