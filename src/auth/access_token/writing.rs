//! What changes rows of access tokens: use, renewal, revocation, and the sweep of what has ended.

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

/// Rows that one sweep removes.
const SWEPT: i64 = 1_000;

/// How long a row is kept after its end, in seconds: an honest clock may be set back a little.
const KEPT: i64 = 60;

impl AccessTokens {
    /// Renews a token that is good: for its time to live again, but never beyond its longest life, by the stricter of what was set
    /// at its issue and of `terms`, which gives what holds now of a subject and its basis. `records` makes what gets into the audit
    /// log of the new version.
    ///
    /// # Errors
    /// Store or HSM are unavailable, or it can live no longer, or no use of it is left.
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

    /// Whether no use of a token is left: a new spelling of it would be useless.
    fn is_used_up(&self, live: &Live) -> Result<bool, AccessTokenError> {
        if live.row.uses_limit == 0 || live.has_uses_ahead() {
            return Ok(false);
        }
        let id = &live.row.id;
        let row = self.store.read(|connection| rows::find(connection, id))?;
        Ok(live.is_spent() || row.is_none_or(|row| row.uses >= row.uses_limit))
    }

    /// Ends a token before its time.
    ///
    /// # Errors
    /// Store or HSM are unavailable, or there is no such token.
    pub fn revoke(&self, id: &str, records: impl Fn(i64) -> Vec<Record>) -> Result<(), AccessTokenError> {
        self.change(id, records, |before| AccessToken { revoked: true, ..before }).map(drop)
    }

    /// Changes the row of a token that was not revoked, and what is known of it.
    fn change(
        &self,
        id: &str,
        records: impl Fn(i64) -> Vec<Record>,
        change: impl Fn(AccessToken) -> AccessToken + Clone + Send + 'static,
    ) -> Result<AccessToken, AccessTokenError> {
        let _turn = self.turns.take(id)?;
        self.change_in_turn(id, records, change)
    }

    /// The same for whoever has the token's turn.
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
                // The row is no longer what it was: it is read again.
                Err(store::Error::Conflict) => self.forget(&live),
                Err(error) => return Err(error.into()),
            }
        }
        Err(AccessTokenFault::Unknown.into())
    }

    /// Sets uses aside, durably: a crash loses what was set aside and not made, and never gives a use twice. 0 if none are left;
    /// `None` if the row is no longer the one that is known.
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

    /// Gives back to the rows what was set aside and not used, at the end of the server; nothing is admitted any more.
    ///
    /// # Errors
    /// Store or HSM are unavailable: what was set aside is then lost.
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

    /// Has new tokens signed by a new key. Those before it go on to verify for as long as they signed what is still good.
    ///
    /// # Errors
    /// Store or HSM are unavailable, or too many keys are needed.
    pub fn rotate(&self, now: i64) -> Result<String, AccessTokenError> {
        let _alone = self.rotating.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = self.store.read(|connection| rows::signing_keys(connection, now - KEPT))?;
        self.custody.rotate_token_key(&self.store, &needed, now)?;
        let keys = OwnKeys::new(&self.custody.token_keys())?;
        let key_id = keys.signs.1.clone();
        self.keys.store(Arc::new(keys));
        Ok(key_id)
    }

    /// Tokens of one identity or of all that have not ended at `now`, with their identifiers: at most `limit` by these, after
    /// `after`. Whether a row is what was written is asked by [`Self::is_written`].
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

    /// Whether a row is what was written.
    ///
    /// # Errors
    /// The HSM is unavailable.
    pub fn is_written(&self, row: &AccessToken) -> Result<bool, AccessTokenError> {
        Ok(self.custody.is_bound(&row.bound(), &row.binding)?)
    }

    /// Removes rows of tokens that ended a while ago; whether there are more.
    ///
    /// # Errors
    /// The store is unavailable.
    pub fn sweep(&self, now: i64) -> Result<bool, AccessTokenError> {
        let before = now - KEPT;
        if !self.store.read(|connection| rows::any_ended(connection, before))? {
            return Ok(false);
        }
        let swept = self.store.write(move |transaction| rows::sweep(transaction, before, SWEPT))?;
        tracing::debug!(swept, "access tokens that had ended are removed");
        Ok(i64::try_from(swept).is_ok_and(|swept| swept == SWEPT))
    }

    /// Puts what is in the row by now in the place of what was known.
    pub(super) fn replace(&self, live: &Live, next: AccessToken) {
        let mut known = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.end();
        let left = live.take_all();
        // Somebody may have read the new row before.
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

    /// Forgets the tokens that had ended when this was called before: at least [`super::LONGEST_READ`] ago, so that nobody brings back what
    /// a row was before its end. Whoever presents one has its row read again.
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

    /// Has the row be read again, unless that was done.
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
