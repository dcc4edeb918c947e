//! What changes rows of access tokens: issue, use, renewal, revocation, and the sweep of what has ended.

use std::sync::{Arc, PoisonError};

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use openssl::rand::rand_bytes;

use super::super::narrowing;
use super::own_keys::OwnKeys;
use super::{AccessTokenError, AccessTokenFault, AccessTokens, Live};
use crate::audit::Record;
use crate::custody::Custody;
use crate::policy::{MAX_TOKEN_TTL, TrustedNetwork};
use crate::principal::{Narrowing, Username};
use crate::secret::{Password, is_equal};
use crate::store;
use crate::store::access_token::{self as rows, AccessToken};

/// Live tokens of one identity.
const MAX_LIVE: i64 = 10_000;

/// Rows that one sweep removes.
const SWEPT: i64 = 1_000;

/// How often a change is tried again when another came first.
pub(super) const ATTEMPTS: usize = 5;

/// How long a row is kept after its end, in seconds: an honest clock may be set back a little.
const KEPT: i64 = 60;

/// What a new token may do.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The identity that it stands for: a name made by [`Username::exchanged`].
    pub subject: Username,
    /// What it rests on, as the policy knows it: once that is gone, the token is not good.
    pub basis: String,
    /// What vouched for its bearer, for the log; no secret.
    pub vouched: String,
    /// Seconds for which it is good, from its issue and from each renewal; 0 for as long as `max_ttl` allows.
    pub ttl: i64,
    /// Seconds after its issue beyond which no renewal takes it; 0 for [`MAX_TOKEN_TTL`].
    pub max_ttl: i64,
    /// How often it may be used; 0 for any number.
    pub uses_limit: i64,
    /// The networks from which it may be used; none from nowhere.
    pub trusted: Vec<TrustedNetwork>,
    /// The client certificate of the connection, to which it is then bound.
    pub thumbprint: Option<[u8; 32]>,
    /// What it takes away from its bearer.
    pub narrowing: Option<Arc<Narrowing>>,
    /// The role that it gives, where what vouches for it is trusted to.
    pub role: Option<String>,
}

/// A token that was issued or renewed.
#[derive(Debug)]
pub struct Issued {
    /// The compact JWS.
    pub token: Password,
    /// Its identifier.
    pub id: String,
    /// Seconds for which it is good.
    pub expires_in: i64,
    /// Seconds from its first issue beyond which no renewal takes it.
    pub max_ttl: i64,
}

impl AccessTokens {
    /// A new identifier: 128 random bits.
    ///
    /// # Errors
    /// OpenSSL's generator failed.
    pub fn new_id() -> Result<String, AccessTokenError> {
        let mut id = [0; 16];
        rand_bytes(&mut id)?;
        Ok(HEXLOWER.encode(&id))
    }

    /// Issues a token with this identifier; `records` are in the audit log before it is good.
    ///
    /// # Errors
    /// Store or HSM are away, or the identity has too many tokens.
    pub fn issue(&self, id: &str, new: &NewToken, now: i64, records: Vec<Record>) -> Result<Issued, AccessTokenError> {
        let (name, key_id) = self.keys.load().signs.clone();
        let max_ttl = if new.max_ttl == 0 { MAX_TOKEN_TTL } else { new.max_ttl.min(MAX_TOKEN_TTL) };
        let ttl = if new.ttl == 0 { max_ttl } else { new.ttl.min(max_ttl) };
        let trusted: Vec<String> = new.trusted.iter().map(ToString::to_string).collect();
        let row = AccessToken {
            id: id.to_owned(),
            version: 1,
            subject: new.subject.as_str().to_owned(),
            basis: new.basis.clone(),
            vouched: new.vouched.clone(),
            signing_key: name.clone(),
            created: now,
            ttl,
            expires: now.saturating_add(ttl),
            max_expires: now.saturating_add(max_ttl),
            uses_limit: new.uses_limit,
            uses: 0,
            trusted: trusted.join(","),
            thumbprint: new.thumbprint.map(|thumbprint| thumbprint.to_vec()),
            narrowing: new.narrowing.as_deref().map(narrowing::to_text),
            role: new.role.clone(),
            revoked: false,
            binding: Vec::new(),
        };
        let row = AccessToken { binding: self.custody.bind(&row.bound())?, ..row };
        let token = self.sign(&row, &name, &key_id)?;
        let subject = new.subject.as_str();
        let count = self.store.read(|connection| rows::count(connection, subject, now, MAX_LIVE))?;
        if count >= MAX_LIVE {
            return Err(AccessTokenError::TooMany(count));
        }
        let written = row.clone();
        self.store.write_recorded(records, move |transaction| written.write(transaction, None))?;
        Ok(Issued { token, id: row.id, expires_in: ttl, max_ttl })
    }

    /// Renews a token that is good: for its time to live again, but never beyond its longest life. `records` makes what gets
    /// into the audit log of the new version.
    ///
    /// # Errors
    /// Store or HSM are away, or it can live no longer.
    pub fn renew(&self, id: &str, now: i64, records: impl Fn(i64) -> Vec<Record>) -> Result<Issued, AccessTokenError> {
        let (name, key_id) = self.keys.load().signs.clone();
        let signing_key = name.clone();
        let next = self.change(id, records, move |before| {
            let expires = now.saturating_add(before.ttl).min(before.max_expires);
            AccessToken { signing_key: signing_key.clone(), expires, ..before }
        })?;
        let token = self.sign(&next, &name, &key_id)?;
        Ok(Issued { token, id: next.id, expires_in: next.expires - now, max_ttl: next.max_expires - next.created })
    }

    /// Ends a token before its time.
    ///
    /// # Errors
    /// Store or HSM are away, or there is no such token.
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
                // Another change came first, or the row is no longer what it was: it is read again.
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
    /// Store or HSM are away: what was set aside is then lost.
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
    /// Store or HSM are away, or too many keys are needed.
    pub fn rotate(&self, now: i64) -> Result<String, AccessTokenError> {
        let _alone = self.rotating.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = self.store.read(|connection| rows::signing_keys(connection, now - KEPT))?;
        self.custody.rotate_token_key(&self.store, &needed, now)?;
        let keys = OwnKeys::new(&self.custody.token_keys())?;
        let key_id = keys.signs.1.clone();
        self.keys.store(Arc::new(keys));
        Ok(key_id)
    }

    /// Tokens of one identity or of all that have not ended at `now`: at most `limit` by their identifiers, after `after`. A row
    /// that is not what was written is left out.
    ///
    /// # Errors
    /// Store or HSM are away.
    pub fn list(
        &self,
        subject: Option<&str>,
        after: &str,
        now: i64,
        limit: i64,
    ) -> Result<Vec<AccessToken>, AccessTokenError> {
        let mut believed = Vec::new();
        for row in self.store.read(|connection| rows::live(connection, subject, now, after, limit))? {
            if self.custody.is_bound(&row.bound(), &row.binding)? {
                believed.push(row);
            }
        }
        Ok(believed)
    }

    /// Removes rows of tokens that ended a while ago; whether there are more.
    ///
    /// # Errors
    /// The store is away.
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
    fn replace(&self, live: &Live, next: AccessToken) {
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

    /// Has the row be read again, unless that was done.
    pub(super) fn forget(&self, live: &Live) {
        live.end();
        let mut known = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if known.peek(&live.row.id).is_some_and(|present| present.row.version <= live.row.version) {
            known.pop(&live.row.id);
        }
    }

    fn sign(&self, row: &AccessToken, name: &str, key_id: &str) -> Result<Password, AccessTokenError> {
        let input = self.signing_input(row, key_id);
        let signature = self.custody.sign_token(name, input.as_bytes())?;
        Ok(Password::from(format!("{input}.{}", BASE64URL_NOPAD.encode(&signature))))
    }
}

/// The row as it is now, if it is the known one but for its uses, and bound.
fn believed(
    transaction: &store::Transaction<'_>,
    known: &AccessToken,
    custody: &Custody,
) -> Result<Option<AccessToken>, store::Error> {
    let Some(present) = rows::find(transaction, &known.id)? else { return Ok(None) };
    let same = AccessToken { uses: known.uses, binding: known.binding.clone(), ..present.clone() } == *known;
    Ok((same && is_equal(&bind(custody, &present)?, &present.binding)).then_some(present))
}

fn bind(custody: &Custody, row: &AccessToken) -> Result<Vec<u8>, store::Error> {
    custody.bind(&row.bound()).map_err(|error| store::Error::Binding(error.to_string()))
}
