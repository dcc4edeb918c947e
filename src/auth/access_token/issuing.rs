//! The issue of access tokens.

use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use openssl::rand::rand_bytes;

use super::error::AccessTokenError;
use super::live::Live;
use super::tokens::AccessTokens;
use crate::audit::Record;
use crate::auth::narrowing;
use crate::hexadecimal;
use crate::policy::Terms;
use crate::principal::{Narrowing, Username};
use crate::secret::Password;
use crate::store;
use crate::store::access_token::{self as rows, AccessToken};

/// The maximum number of live tokens of one identity. Each further login ends the oldest one.
const MAX_LIVE: i64 = 10_000;

/// The number of live tokens of one identity from which the log warns, and the time between two warnings.
const MANY: i64 = 8_000;
const WARN_EVERY: Duration = Duration::from_secs(60);

/// The number of tokens that are read to find one that can be ended. A token whose row was changed in the database
/// cannot be ended.
const LOOKED_AT: i64 = 16;

/// The time for which a login of an identity with the maximum number of tokens tries to end one.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often in a row it finds none to end before it gives up.
const IN_VAIN: usize = 5;

/// The pause after a try that found no token to end.
const PAUSE: Duration = Duration::from_millis(5);

/// The properties of a new token.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The identity of the token: a name that [`Username::exchanged`] made.
    pub subject: Username,
    /// The basis of the token in the policy. If it no longer exists, the token is not valid.
    pub basis: String,
    /// The credential that vouched for the bearer, for the log. It is not secret.
    pub vouched: String,
    /// The times to live, and the permitted networks.
    pub terms: Arc<Terms>,
    /// The permitted number of uses. 0: no limit.
    pub uses_limit: i64,
    /// The client certificate of the connection. If there is one, the token is bound to it.
    pub thumbprint: Option<[u8; 32]>,
    /// The rights that the token takes from its bearer.
    pub narrowing: Option<Arc<Narrowing>>,
    /// The role that the token gives, if its basis is trusted to give one.
    pub role: Option<String>,
}

/// A token that was issued or renewed.
#[derive(Debug)]
pub struct Issued {
    /// The compact JWS.
    pub token: Password,
    /// Its identifier.
    pub id: String,
    /// The number of seconds for which it is valid.
    pub expires_in: i64,
    /// The longest life of the token, in seconds from its first issue, including renewals.
    pub max_ttl: i64,
}

/// Makes the record of a token that is ended for a new one, from its identifier and its next version.
type Ending<'a> = &'a dyn Fn(&str, i64) -> Record;

impl AccessTokens {
    /// Makes a new identifier: 128 random bits.
    ///
    /// # Errors
    /// OpenSSL's generator failed.
    pub fn new_id() -> Result<String, AccessTokenError> {
        let mut id = [0; 16];
        rand_bytes(&mut id)?;
        Ok(hexadecimal::lower(&id))
    }

    /// Issues a token with this identifier. `record` is in the audit log before the token is valid. If the identity has
    /// 10,000 live tokens, the oldest one ends in the same transaction, and `ending` makes the record of that.
    ///
    /// # Errors
    /// The store or the HSM is unavailable.
    pub fn issue(
        &self,
        id: &str,
        new: &NewToken,
        now: i64,
        record: Record,
        ending: Ending<'_>,
    ) -> Result<Issued, AccessTokenError> {
        let (name, key_id) = self.keys.load().signs.clone();
        let row = self.row(id, new, &name, now)?;
        let token = self.sign(&row, &name, &key_id, now)?;
        let count = match self.add(&row, &record) {
            Err(store::Error::Full) => self.issue_in_turn(&row, now, &record, ending)?,
            added => added?,
        };
        self.warn(&row.subject, count);
        Ok(Issued { token, id: row.id, expires_in: row.ttl, max_ttl: row.max_expires - row.created })
    }

    fn row(&self, id: &str, new: &NewToken, signing_key: &str, now: i64) -> Result<AccessToken, AccessTokenError> {
        let (ttl, max_ttl) = (new.terms.ttl(), new.terms.max_ttl());
        let trusted: Vec<String> = new.terms.trusted().iter().map(ToString::to_string).collect();
        let row = AccessToken {
            id: id.to_owned(),
            version: 1,
            subject: new.subject.as_str().to_owned(),
            basis: new.basis.clone(),
            vouched: new.vouched.clone(),
            signing_key: signing_key.to_owned(),
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
        self.bound(row)
    }

    /// Adds a token. Returns how many tokens its identity then has.
    fn add(&self, row: &AccessToken, record: &Record) -> Result<i64, store::Error> {
        self.store.write(row.clone().insert(MAX_LIVE).recorded(vec![record.clone()]))
    }

    /// Adds a token of an identity that has the maximum number. Such logins run one after the other, and each ends the
    /// oldest token.
    fn issue_in_turn(
        &self,
        row: &AccessToken,
        now: i64,
        record: &Record,
        ending: Ending<'_>,
    ) -> Result<i64, AccessTokenError> {
        let subject = &row.subject;
        let _turn = self.turns.take(subject)?;
        let (end, mut in_vain) = (Instant::now() + PATIENCE, 0);
        // Logins that do not wait for a turn may take free room, and their changes are visible to readers only later.
        while Instant::now() < end {
            // A token may have been ended in the meantime.
            if rows::count(&self.store, subject)? < MAX_LIVE {
                match self.add(row, record) {
                    Err(store::Error::Full) => continue,
                    added => return Ok(added?),
                }
            }
            let Some(oldest) = self.oldest(subject, now)? else {
                // The tokens that would end first were just ended, or their rows are damaged.
                in_vain += 1;
                if in_vain == IN_VAIN {
                    break;
                }
                thread::sleep(PAUSE);
                continue;
            };
            let _turn = self.turns.take(&oldest.row.id)?;
            let version = oldest.row.version + 1;
            let records = vec![ending(&oldest.row.id, version), record.clone()];
            if let Some(before) = self.believed(&oldest.row)? {
                let ended = self.bound(AccessToken { version, revoked: true, ..before.clone() })?;
                let exchange = ended.clone().update(before).then(row.clone().insert(MAX_LIVE));
                match self.store.write(exchange.recorded(records)) {
                    Err(store::Error::Conflict | store::Error::Full) => {}
                    count => {
                        let count = count?;
                        self.replace(&oldest, ended);
                        return Ok(count);
                    }
                }
            }
            // Its bearer renewed or revoked it in the meantime.
            self.forget(&oldest);
        }
        Err(AccessTokenError::TooMany(MAX_LIVE))
    }

    /// Returns the token of an identity that is to end first: an expired one, or the oldest.
    fn oldest(&self, subject: &str, now: i64) -> Result<Option<Arc<Live>>, AccessTokenError> {
        let ids = rows::first_to_end(&self.store, subject, now, LOOKED_AT)?;
        for id in ids {
            if let Some(live) = self.find(&id)?.filter(|live| !live.row.revoked) {
                return Ok(Some(live));
            }
        }
        Ok(None)
    }

    /// Logs a warning about an identity that has many tokens.
    fn warn(&self, subject: &str, count: i64) {
        if count < MANY {
            return;
        }
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.get(subject).is_none_or(|last| last.elapsed() >= WARN_EVERY) {
            warned.put(subject.to_owned(), Instant::now());
            tracing::warn!(
                subject,
                count,
                "the identity has many live access tokens: from {MAX_LIVE} on each login ends the oldest. Give its tokens a \
                 shorter life, or let its clients use each token for longer"
            );
        }
    }
}
