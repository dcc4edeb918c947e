//! Changes of rows of access tokens: use, renewal, revocation, and removal after their end.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use data_encoding::BASE64URL_NOPAD;

use super::error::{AccessTokenError, AccessTokenFault};
use super::issuing::Issued;
use super::live::Live;
use super::own_keys::OwnKeys;
use super::tokens::{AccessTokens, keep};
use crate::audit::Record;
use crate::policy::Terms;
use crate::secret::Password;
use crate::store::access_token::{self as rows, AccessToken};
use crate::turns::{free, retry};

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
        let next = self.change(id, records, |before| AccessToken { signing_key: name.clone(), expires, ..before })?;
        let token = self.sign(&next, &name, &key_id, now)?;
        Ok(Issued { token, id: next.id, expires_in: next.expires - now, max_ttl })
    }

    /// Whether a token has no use left, so that a renewal would be useless.
    fn is_used_up(&self, live: &Live) -> Result<bool, AccessTokenError> {
        if live.row.uses_limit == 0 || live.has_uses_ahead() {
            return Ok(false);
        }
        let id = &live.row.id;
        let row = rows::find(&self.store, id)?;
        Ok(live.is_spent() || row.is_none_or(|row| row.uses >= row.uses_limit))
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// The store or the HSM is unavailable, or there is no such token.
    pub fn revoke(&self, id: &str, records: impl Fn(i64) -> Vec<Record>) -> Result<(), AccessTokenError> {
        let _turn = self.turns.take(id)?;
        self.change(id, records, |before| AccessToken { revoked: true, ..before }).map(drop)
    }

    /// Changes the row of a token that was not revoked, and what is known of it. The caller has the token's turn.
    fn change(
        &self,
        id: &str,
        records: impl Fn(i64) -> Vec<Record>,
        change: impl Fn(AccessToken) -> AccessToken,
    ) -> Result<AccessToken, AccessTokenError> {
        retry(AccessTokenFault::Unknown.into(), || {
            let live = self.find(id)?.ok_or_else(|| AccessTokenError::NotFound(id.to_owned()))?;
            if live.row.revoked {
                return Err(AccessTokenFault::Revoked.into());
            }
            let version = live.row.version + 1;
            let next = self.update(&live.row, records(version), |before| AccessToken { version, ..change(before) })?;
            match &next {
                Some(next) => self.replace(&live, next.clone()),
                // The row was changed, so it is read again.
                None => self.forget(&live),
            }
            Ok(next)
        })
    }

    /// Takes one use of a token: false if none is left, `None` if the row is no longer the one that is known. Uses that are taken at
    /// one time are in one write.
    pub(super) fn take_use(&self, live: &Live) -> Result<Option<bool>, AccessTokenError> {
        self.uses.ask(&self.turns, &live.row.id, (), |wanted| {
            let mut taken = self.take_uses(live, i64::try_from(wanted.len()).unwrap_or(i64::MAX))?;
            Ok(move || {
                taken.as_mut().map(|taken| {
                    *taken -= 1;
                    *taken >= 0
                })
            })
        })
    }

    /// Takes so many uses, or as many as are left. They and more are set aside durably: a crash loses what was set aside and not made,
    /// and never gives a use twice.
    fn take_uses(&self, live: &Live, wanted: i64) -> Result<Option<i64>, AccessTokenError> {
        // Somebody may have set some aside meanwhile.
        let mut taken = (0..wanted).map_while(|_| live.take().then_some(1)).sum::<i64>();
        if taken < wanted {
            let share = live.share().max(wanted - taken);
            let mut aside = 0;
            let set_aside = self.update(&live.row, Vec::new(), |before| {
                aside = share.min(before.uses_limit - before.uses).max(0);
                AccessToken { uses: before.uses + aside, ..before }
            });
            // These were set aside durably before, whatever became of the write.
            let set_aside = set_aside.inspect_err(|_| live.put(taken))?;
            if set_aside.is_none() {
                live.put(taken);
                return Ok(None);
            }
            let beyond = (taken + aside - wanted).max(0);
            live.put(beyond);
            taken += aside - beyond;
        }
        Ok(Some(taken))
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
            if left > 0 {
                let _turn = self.turns.take(&live.row.id)?;
                self.update(&live.row, Vec::new(), |before| AccessToken { uses: before.uses - left, ..before })?;
            }
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
        let needed = rows::signing_keys(&self.store, now - KEPT)?;
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
        Ok(rows::live(&self.store, subject, now, after, limit)?)
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
        if !rows::any_ended(&self.store, before)? {
            return Ok(false);
        }
        let swept = self.store.write(rows::sweep(before, SWEPT))?;
        tracing::debug!(swept, "access tokens that had ended are removed");
        Ok(i64::try_from(swept).is_ok_and(|swept| swept == SWEPT))
    }

    /// Reads the keys again: another server has recorded one, or forgotten one.
    ///
    /// # Errors
    /// The store or the HSM is unavailable; [`AccessTokenError::Crowded`] while this server changes them.
    pub fn read_keys(&self) -> Result<(), AccessTokenError> {
        let _alone = free(&self.rotating)?;
        self.custody.read_root_keys(&self.store)?;
        self.keys.store(Arc::new(OwnKeys::new(&self.custody.token_keys())?));
        Ok(())
    }

    /// Forgets what is known of a token, because another server has changed it. Uses that were reserved are lost.
    pub fn forget_changed(&self, id: &str) {
        let mut known = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::SeqCst);
        if let Some(former) = known.pop(id) {
            former.end();
        }
    }

    /// Forgets everything that is known of all tokens. Uses that were reserved are lost.
    pub fn forget_all(&self) {
        let mut known = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::SeqCst);
        known.iter().for_each(|(_, live)| live.end());
        known.clear();
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
                keep(&mut known, &Arc::new(next));
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
            if let Some(former) = known.pop(&id) {
                former.end();
            }
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
