//! A valid access token in memory.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::error::AccessTokenFault;
use crate::auth::narrowing;
use crate::network::TrustedNetwork;
use crate::principal::{Caller, Method, Username};
use crate::store::access_token::AccessToken;

/// One use in this many is reserved at a time. Reserved uses are lost if the process is killed.
const SHARE: i64 = 1000;

/// A token whose row was read and has a valid binding.
#[derive(Debug)]
pub(in crate::auth) struct Live {
    pub(in crate::auth) row: AccessToken,
    pub(in crate::auth) caller: Caller,
    trusted: Vec<TrustedNetwork>,
    /// The token was revoked or renewed, its row was changed in another way, or this value is not the one in memory, so that
    /// changes would not be noted in it. A holder of this value must read the row again.
    ended: AtomicBool,
    /// The number of reserved uses: the row counts them already, but they were not made yet.
    ahead: AtomicI64,
    /// No use is left.
    spent: AtomicBool,
    /// The token had ended when this was last checked.
    pub(super) fading: AtomicBool,
}

/// The properties of the connection that presents a token.
#[derive(Debug, Clone, Copy)]
pub struct Bearer {
    /// The address of the connection.
    pub address: IpAddr,
    /// The SHA-256 thumbprint of the client certificate of the connection, if it was accepted.
    pub thumbprint: Option<[u8; 32]>,
}

impl Live {
    /// Makes a token of its row. `None` if the contents of the row are invalid although it is bound.
    pub(super) fn new(row: AccessToken) -> Option<Self> {
        let username = Username::exchanged(&row.subject).ok()?;
        let trusted = row.trusted.split(',').map(|network| network.parse().ok()).collect::<Option<Vec<_>>>()?;
        let narrowing = row.narrowing.as_deref().map(narrowing::from_text).transpose().ok()?;
        let method = Method::AccessToken { id: Arc::from(row.id.as_str()), by: Arc::from(row.vouched.as_str()) };
        let caller =
            Caller { username, method, narrowing: narrowing.map(Arc::new), role: row.role.as_deref().map(Arc::from) };
        let (ended, ahead, spent) = (AtomicBool::new(row.revoked), AtomicI64::new(0), AtomicBool::new(false));
        Some(Self { row, caller, trusted, ended, ahead, spent, fading: AtomicBool::new(false) })
    }

    /// Checks everything except the number of uses, at `now`.
    pub(super) fn check(&self, bearer: &Bearer, now: i64) -> Result<(), AccessTokenFault> {
        if self.row.revoked {
            return Err(AccessTokenFault::Revoked);
        }
        if now >= self.row.expires {
            return Err(AccessTokenFault::Expired);
        }
        if !self.trusted.iter().any(|network| network.contains(bearer.address)) {
            return Err(AccessTokenFault::Address);
        }
        match &self.row.thumbprint {
            Some(own) if bearer.thumbprint.is_none_or(|given| given.as_slice() != own.as_slice()) => {
                Err(AccessTokenFault::Certificate)
            }
            _ => Ok(()),
        }
    }

    /// Whether the row has changed since it was read.
    pub(in crate::auth) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(super) fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Acquire)
    }

    pub(super) fn spend(&self) {
        self.spent.store(true, Ordering::Release);
    }

    /// Returns how many uses to reserve at a time.
    pub(super) fn share(&self) -> i64 {
        (self.row.uses_limit / SHARE).max(1)
    }

    /// Takes one of the reserved uses.
    pub(super) fn take(&self) -> bool {
        let less = |ahead: i64| (ahead > 0).then(|| ahead - 1);
        self.ahead.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).is_ok()
    }

    /// Adds reserved uses.
    pub(super) fn put(&self, uses: i64) {
        self.ahead.fetch_add(uses, Ordering::AcqRel);
    }

    /// Whether there are reserved uses.
    pub(super) fn has_uses_ahead(&self) -> bool {
        self.ahead.load(Ordering::Acquire) > 0
    }

    /// Takes all reserved uses, for the row that replaces this one.
    pub(super) fn take_all(&self) -> i64 {
        self.ahead.swap(0, Ordering::AcqRel)
    }
}
