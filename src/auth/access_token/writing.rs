//! Changes of rows of access tokens: use, renewal, revocation, and removal after their end.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use data_encoding::BASE64URL_NOPAD;

use super::binding::{believed, bind};
use super::error::{AccessTokenError, AccessTokenFault};
use super::issuing::Issued;
use super::live::Live;
use super::own_keys::OwnKeys;
use super::tokens::{ATTEMPTS, AccessTokens};
use crate::audit::Record;
use crate::policy::Terms;
use crate::secret::Password;
use crate::store;
use crate::store::access_token::{self as rows, AccessToken};

/// The maximum number of rows that one sweep removes.
const SWEPT: i64 = 1_000;

/// The time for which a row is kept after its end, in seconds, because clocks may be set back a little.
const KEPT: i64 = 60;

impl AccessTokens {
    /// Renews a valid token for its time to live, but not beyond its longest life. The stricter of the terms at its
    /// issue and the present terms applies; `terms` returns the present ones for a subject and a basis. `records` makes
    /// the audit records of the new version.
    ///
    /// # Errors
    /// The store or the HSM is unavailable, or the token has reached its longest life, or it has no use left.
    pub fn renew(
        &self,
        id: &str,
        now: i64,
        terms: impl Fn(&str, &str) -> Option<Arc<Terms>>,
        records: impl Fn(i64) -> Vec<Record>,
    ) -> Result<Issued, AccessTokenError> {
        let _turn = self.turns.take(id)?;
        let live = self.find(id)?.ok_or_else(|| AccessTokenError::NotFound(id.to_owned()))?;
        let terms = terms(&live.row.subject, &live.row.basis).ok_or(AccessTokenFault::Standing)?;
        let (created, max_expires) = (live.row.created, live.row.max_expires);
        let max_ttl = terms.max_ttl().min(max_expires - created);
        let expires = terms.end(created, now).min(now.saturating_add(live.row.ttl)).min(max_expires);
        if expires <= now {
            return Err(AccessTokenFault::Expired.into());
        }
        if self.is_used_up(&live)? {
            return Err(AccessTokenFault::Spent.into());
        }
        let (name, key_id) = self.keys.load().signs.clone();
        let signing_key = name.clone();
        let next = self.change_in_turn(id, records, move |before| {
            let signing_key = signing_key.clone();
            AccessToken { signing_key, expires, ..before }
        })?;
        let token = self.sign(&next, &name, &key_id, now)?;
        Ok(Issued { token, id: next.id, expires_in: next.expires - now, max_ttl })
    }

    /// Whether a token has no use left, so that a renewal would be useless.
    fn is_used_up(&self, live: &Live) -> Result<bool, AccessTokenError> {
        if live.row.uses_limit == 0 || live.has_uses_ahead() {
            return Ok(false);
        }
        let id = &live.row.id;
        let row = self.store.read(|connection| rows::find(connection, id))?;
        Ok(live.is_spent() || row.is_none_or(|row| row.uses >= row.uses_limit))
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// The store or the HSM is unavailable, or there is no such token.
    pub fn revoke(&self, id: &str, records: impl Fn(i64) -> Vec<Record>) -> Result<(), AccessTokenError> {
        self.change(id, records, |before| AccessToken { revoked: true, ..before }).map(drop)
    }

    /// Changes the row of a token that is not revoked, and its value in memory.
    fn change(
        &self,
        id: &str,
        records: impl Fn(i64) -> Vec<Record>,
        change: impl Fn(AccessToken) -> AccessToken + Clone + Send + 'static,
    ) -> Result<AccessToken, AccessTokenError> {
        let _turn = self.turns.take(id)?;
        self.change_in_turn(id, records, change)
    }

    /// The same, if the caller holds the token's turn.
    fn change_in_turn(
        &self,
        id: &str,
        records: impl Fn(i64) -> Vec<Record>,
        change: impl Fn(AccessToken) -> AccessToken + Clone + Send + 'static,
    ) -> Result<AccessToken, AccessTokenError> {
        for _ in 0..ATTEMPTS {
            let live = self.find(id)?.ok_or_else(|| AccessTokenError::NotFound(id.to_owned()))?;
            if live.row.revoked {
                return Err(AccessTokenFault::Revoked.into());
            }
            let version = live.row.version + 1;
            let (known, custody, change) = (live.row.clone(), Arc::clone(&self.custody), change.clone());
            let written = self.store.write_recorded(records(version), move |transaction| {
                let before = believed(transaction, &known, &custody)?.ok_or(store::Error::Conflict)?;
                let mut next = AccessToken { version, ..change(before.clone()) };
                next.binding = bind(&custody, &next)?;
                next.write(transaction, Some(&before))?;
                Ok(next)
            });
            match written {
                Ok(next) => {
                    self.replace(&live, next.clone());
                    return Ok(next);
                }
                // The row was changed, so it is read again.
                Err(store::Error::Conflict) => self.forget(&live),
                Err(error) => return Err(error.into()),
            }
        }
        Err(AccessTokenFault::Unknown.into())
    }

    /// Reserves uses, durably: a crash loses reserved uses that were not made, and never permits a use twice. Returns
    /// their number, 0 if none is left. `None` if the row is no longer the known one.
    pub(super) fn set_aside(&self, live: &Live) -> Result<Option<i64>, AccessTokenError> {
        let (share, known, custody) = (live.share(), live.row.clone(), Arc::clone(&self.custody));
        Ok(self.store.write(move |transaction| {
            let Some(before) = believed(transaction, &known, &custody)? else { return Ok(None) };
            let aside = share.min(before.uses_limit - before.uses).max(0);
            if aside > 0 {
                let mut next = AccessToken { uses: before.uses + aside, ..before.clone() };
                next.binding = bind(&custody, &next)?;
                next.write(transaction, Some(&before))?;
            }
            Ok(Some(aside))
        })?)
    }

    /// Returns unused reserved uses to the rows, when the server ends. No token may be admitted after that.
    ///
    /// # Errors
    /// The store or the HSM is unavailable. The reserved uses are then lost.
    pub fn settle(&self) -> Result<(), AccessTokenError> {
        let known: Vec<Arc<Live>> = {
            let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            live.iter().map(|(_, live)| Arc::clone(live)).collect()
        };
        for live in known {
            let left = live.take_all();
            if left == 0 {
                continue;
            }
            let (known, custody) = (live.row.clone(), Arc::clone(&self.custody));
            self.store.write(move |transaction| {
                let Some(before) = believed(transaction, &known, &custody)? else { return Ok(()) };
                let mut next = AccessToken { uses: before.uses - left, ..before.clone() };
                next.binding = bind(&custody, &next)?;
                next.write(transaction, Some(&before))
            })?;
        }
        Ok(())
    }

    /// Makes a new key, which signs new tokens. Former keys still verify until the tokens that they signed have
    /// expired.
    ///
    /// # Errors
    /// The store or the HSM is unavailable, or too many keys are needed.
    pub fn rotate(&self, now: i64) -> Result<String, AccessTokenError> {
        let _alone = self.rotating.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = self.store.read(|connection| rows::signing_keys(connection, now - KEPT))?;
        self.custody.rotate_token_key(&self.store, &needed, now)?;
        let keys = OwnKeys::new(&self.custody.token_keys())?;
        let key_id = keys.signs.1.clone();
        self.keys.store(Arc::new(keys));
        Ok(key_id)
    }

    /// Returns tokens of one identity or of all that have not ended at `now`, with their identifiers: at most `limit`,
    /// in the order of the identifiers, after `after`. The bindings of the rows are not checked: see
    /// [`Self::is_written`].
    ///
    /// # Errors
    /// The store is unavailable.
    pub fn list(
        &self,
        subject: Option<&str>,
        after: &str,
        now: i64,
        limit: usize,
    ) -> Result<Vec<(String, Option<AccessToken>)>, AccessTokenError> {
        Ok(self.store.read(|connection| rows::live(connection, subject, now, after, limit))?)
    }

    /// Whether the binding of a row is valid, so that the server wrote it.
    ///
    /// # Errors
    /// The HSM is unavailable.
    pub fn is_written(&self, row: &AccessToken) -> Result<bool, AccessTokenError> {
        Ok(self.custody.is_bound(&row.bound(), &row.binding)?)
    }

    /// Removes rows of tokens that ended some time ago. Returns whether there are more.
    ///
    /// # Errors
    /// The store is unavailable.
    pub fn sweep(&self, now: i64) -> Result<bool, AccessTokenError> {
        let before = now - KEPT;
        if !self.store.read(|connection| rows::any_ended(connection, before))? {
            return Ok(false);
        }
        let swept = self.store.write(move |transaction| rows::sweep(transaction, before, SWEPT))?;
        tracing::debug!(swept, "removed access tokens that had ended");
        Ok(i64::try_from(swept).is_ok_and(|swept| swept == SWEPT))
    }

    /// Replaces the known token by its new row.
    pub(super) fn replace(&self, live: &Live, next: AccessToken) {
        let mut known = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.end();
        let left = live.take_all();
        // Another thread may have read the new row already.
        if let Some(present) = known.get(&next.id).filter(|present| present.row.version >= next.version) {
            present.put(left);
            return;
        }
        match Live::new(next) {
            Some(next) => {
                next.put(left);
                known.put(next.row.id.clone(), Arc::new(next));
            }
            None => drop(known.pop(&live.row.id)),
        }
    }

    /// Forgets the tokens that had ended at the previous call. That must be at least [`super::LONGEST_READ`] ago, so
    /// that no thread puts back a row that it read before the end. If such a token is presented again, its row is read
    /// again.
    pub fn forget_ended(&self, now: i64) {
        let mut known = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let has_ended = |live: &Live| live.row.revoked || live.row.expires <= now;
        let gone: Vec<String> = known
            .iter()
            .filter(|(_, live)| has_ended(live) && live.fading.swap(true, Ordering::Relaxed))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            known.pop(&id);
        }
    }

    /// Forgets the known row, so that it is read again, unless that was done already.
    pub(super) fn forget(&self, live: &Live) {
        live.end();
        let mut known = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if known.peek(&live.row.id).is_some_and(|present| present.row.version <= live.row.version) {
            known.pop(&live.row.id);
        }
    }

    pub(super) fn sign(
        &self,
        row: &AccessToken,
        name: &str,
        key_id: &str,
        issued: i64,
    ) -> Result<Password, AccessTokenError> {
        let input = self.signing_input(row, key_id, issued);
        let signature = self.custody.sign_token(name, input.as_bytes())?;
        Ok(Password::from(format!("{input}.{}", BASE64URL_NOPAD.encode(&signature))))
    }
}
