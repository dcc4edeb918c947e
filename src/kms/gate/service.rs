//! The struct that holds store and custody, and the permissions that it gives.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arc_swap::ArcSwap;

use super::super::cache::Cache;
use super::super::call::Call;
use super::super::last_use::LastUses;
use super::super::object::Object;
use super::super::streams::Streams;
use super::definitions::Definitions;
use super::fair::FairPlaces;
use super::health::Health;
use super::invocations::Invocations;
use super::shares::Shares;
use crate::audit::Audit;
use crate::auth::{AccessTokens, Lockouts};
use crate::custody::Custody;
use crate::policy::{Action, Policy};
use crate::store::Store;
use crate::turns::{Gathered, Turns};

/// The configuration except permission.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether the server runs in default mode: no authentication is required.
    pub default_mode: bool,
    /// Maximum number of encryptions by one key with AES-GCM.
    pub gcm_limit: u64,
    /// Maximum size of the objects that are kept in memory, in bytes.
    pub cache_size: usize,
    /// The object whose key is the key of the API token.
    pub api_token_id: Option<String>,
    /// Whether test suites may announce their test cases by the operation Interop.
    pub interop: bool,
    /// Whether keys of algorithms that are no longer secure are used.
    pub legacy: bool,
}

/// The service.
pub struct Kms {
    pub(super) store: Arc<Store>,
    pub(super) custody: Arc<Custody>,
    pub(super) cache: Cache,
    /// The locks on changes of objects, by identifier.
    pub(super) turns: Turns,
    /// The uses of client secrets, counted in groups.
    pub(super) uses: Gathered<Use>,
    /// The units of Usage Limits, counted in groups.
    pub(super) allowances: Gathered<Allowance, i64>,
    /// The policy in force; replaced as a whole at each change.
    pub(super) policy: ArcSwap<Policy>,
    /// The sources of the policy.
    pub(super) definitions: Mutex<Definitions>,
    pub(super) tokens: Arc<AccessTokens>,
    pub(super) lockouts: Lockouts,
    /// The counts of encryptions with AES-GCM.
    pub(super) invocations: Invocations,
    pub(super) api_token_id: Option<String>,
    pub(super) interop: bool,
    pub(super) legacy: bool,
    /// The operations in several parts.
    pub(super) streams: Streams,
    /// The audit log; `None` if it is switched off.
    pub(super) audit: Option<Arc<Audit>>,
    pub(super) last_uses: LastUses,
    /// Objects that the clock cannot change, until the next start.
    pub(super) passed_over: Mutex<HashSet<String>>,
    /// What the clock has done for each owner.
    pub(super) shares: Shares,
    /// The places of long searches.
    pub(super) sweeps: FairPlaces,
    /// The place of the one RSA pair that is made at a time.
    pub(super) pairs: FairPlaces,
    /// The lock on searches of the audit log. Only one runs at a time, because it may take long.
    pub(super) searching: Mutex<()>,
    pub(super) health: Mutex<Option<(Instant, Health)>>,
}

/// The outcome of a use of a client secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kms) enum Use {
    /// The use is counted.
    Counted,
    /// The limit of uses was reached.
    Spent,
    /// The secret was revoked in the meantime.
    Revoked,
    /// The row was changed in the database.
    Refused,
}

/// The outcome of a request for units of Usage Limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowance {
    /// The units are counted.
    Granted,
    /// Fewer units are left.
    Exceeded,
    /// The object has no count.
    Uncounted,
}

/// The permission to perform one operation on one object.
pub(in crate::kms) struct Grant<'a> {
    pub(super) kms: &'a Kms,
    pub(super) call: &'a Call<'a>,
    pub(super) action: Action,
    pub(super) object: Arc<Object>,
}

/// A [`Grant`] whose object may be used now, for a purpose that its mask permits.
pub(in crate::kms) struct Usable<'a>(pub(super) Grant<'a>);

/// The permission to add an object.
pub(in crate::kms) struct NewGrant<'a> {
    pub(super) kms: &'a Kms,
    pub(super) call: &'a Call<'a>,
    pub(super) action: Action,
    pub(super) project: Option<String>,
}

/// The permission to administer.
pub(in crate::kms) struct AdministrationGrant<'a> {
    pub(super) kms: &'a Kms,
    pub(super) call: &'a Call<'a>,
}

/// The permission for requests that concern no single object.
pub(in crate::kms) struct ServerGrant<'a> {
    pub(super) kms: &'a Kms,
    pub(super) call: &'a Call<'a>,
}
