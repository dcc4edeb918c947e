//! The struct that holds store and custody, and the leave that it gives.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arc_swap::ArcSwap;

use super::super::cache::Cache;
use super::super::call::Call;
use super::super::last_use::LastUses;
use super::super::object::Object;
use super::definitions::Definitions;
use super::health::Health;
use super::invocations::Invocations;
use crate::audit::Audit;
use crate::auth::{AccessTokens, Lockouts};
use crate::custody::Custody;
use crate::policy::{Action, Policy};
use crate::store::Store;
use crate::turns::{Gathered, Turns};

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
    pub(super) store: Arc<Store>,
    pub(super) custody: Arc<Custody>,
    pub(super) cache: Cache,
    /// Changes of one object, by its identifier.
    pub(super) turns: Turns,
    /// Uses of client secrets.
    pub(super) uses: Gathered<Use>,
    /// What decides beside the objects; replaced as a whole at each change.
    pub(super) policy: ArcSwap<Policy>,
    /// What the policy is made of.
    pub(super) definitions: Mutex<Definitions>,
    pub(super) tokens: Arc<AccessTokens>,
    pub(super) lockouts: Lockouts,
    /// How often keys have encrypted with AES-GCM.
    pub(super) invocations: Invocations,
    pub(super) api_token_id: Option<String>,
    /// Where decisions are recorded; `None` if the operator wants no record.
    pub(super) audit: Option<Arc<Audit>>,
    pub(super) last_uses: LastUses,
    /// Searches that look at more than a page, one by one.
    pub(super) sweeps: AtomicUsize,
    /// Held by whoever searches the audit log: one at a time, for it may take a while.
    pub(super) searching: Mutex<()>,
    pub(super) health: Mutex<Option<(Instant, Health)>>,
}

/// What came of the use of a client secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kms) enum Use {
    /// It is counted.
    Counted,
    /// There was none left.
    Spent,
    /// The secret was revoked meanwhile.
    Revoked,
    /// The row was changed in the database.
    Refused,
}

/// Leave to perform one operation on one object.
pub(in crate::kms) struct Grant<'a> {
    pub(super) kms: &'a Kms,
    pub(super) call: &'a Call<'a>,
    pub(super) action: Action,
    pub(super) object: Arc<Object>,
}

/// A [`Grant`] whose object may be used now, for a purpose that its mask permits.
pub(in crate::kms) struct Usable<'a>(pub(super) Grant<'a>);

/// Leave to add an object.
pub(in crate::kms) struct NewGrant<'a> {
    pub(super) kms: &'a Kms,
    pub(super) call: &'a Call<'a>,
    pub(super) action: Action,
    pub(super) project: Option<String>,
}

/// Leave to administer.
pub(in crate::kms) struct AdministrationGrant<'a> {
    pub(super) kms: &'a Kms,
    pub(super) call: &'a Call<'a>,
}

/// Leave to ask what concerns no single object.
pub(in crate::kms) struct ServerGrant<'a> {
    pub(super) kms: &'a Kms,
    pub(super) call: &'a Call<'a>,
}
