//! How often each key has encrypted with AES-GCM: counted before it happens, never less than happened, across restarts and
//! power failures (NIST SP 800-38D section 8.3 bounds it at 2^32 for IVs that may be random).
//!
//! A start of the server credits a block of uses to every key, all of which then count as used; so most keys are never written.
//! A key that has used its block up reserves another one in its row, before it goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::super::error::Error;
use crate::custody::Custody;
use crate::store::gcm_use::{self, GcmCredit, GcmUse};
use crate::store::{Command, Store, audit_head};

/// A block is this part of the limit at most: as often can an unused key see the server start.
const PARTS: i64 = 1 << 16;

/// The largest block. It bounds what a lower limit finds credited already.
const MAX_BLOCK: i64 = 4096;

/// Keys whose uses are in memory, at most. One that is pushed out loses the rest of its block.
const TALLIES: usize = 100_000;

/// Keys are loaded and written one at a time in each of so many groups.
const TURNS: usize = 64;

/// The uses of one key.
#[derive(Clone, Copy)]
struct Tally {
    used: i64,
    /// Uses that the database already counts.
    reserved: i64,
}

struct Tallies {
    keys: LruCache<String, Tally>,
    /// A key was pushed out: one that is not here may have used the block that this start credits.
    is_partial: bool,
}

/// The counter of all keys.
pub(super) struct Invocations {
    limit: i64,
    block: i64,
    /// The sum of all credits before this start.
    credit: i64,
    /// Whether this start's credit is in the database.
    is_credited: Mutex<bool>,
    tallies: Mutex<Tallies>,
    turns: [Mutex<()>; TURNS],
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Invocations {
    /// Reads what former starts have credited. The first start that counts makes a row for each key that there is.
    pub(super) fn open(store: &Store, custody: &Arc<Custody>, limit: u64) -> Result<Self, Error> {
        let credit = match gcm_use::credit(store)? {
            Some(row) if custody.is_bound(&row.bound(), &row.binding)? => row.credit,
            Some(_) => return Err(Error::Uncounted("the row of gcm_credit was changed")),
            None if gcm_use::any(store)? => return Err(Error::Uncounted("the row of gcm_credit was removed")),
            None => begin(store, custody)?,
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        if credit > limit / 2 {
            tracing::warn!(
                credit,
                limit,
                "starts of the server count as so many uses of every key that was made before them: with a lower --gcm-limit \
                 these keys no longer encrypt, or soon will not (AES-GCM)"
            );
        }
        Ok(Self {
            limit,
            block: (limit / PARTS).clamp(1, MAX_BLOCK),
            credit,
            is_credited: Mutex::new(false),
            tallies: Mutex::new(Tallies { keys: LruCache::unbounded(), is_partial: false }),
            turns: [const { Mutex::new(()) }; TURNS],
        })
    }

    /// The row of an object that is about to be added, whose key has been used so often; without its binding.
    pub(super) fn begin(&self, id: &str, counted: i64) -> GcmUse {
        GcmUse { object: id.to_owned(), counted, since: self.credit, binding: Vec::new() }
    }

    /// Counts one use, or refuses it.
    pub(super) fn count(&self, store: &Store, custody: &Custody, id: &str) -> Result<(), Error> {
        if let Some(counted) = self.take(id) {
            return counted;
        }
        // While a key's turn is held nobody else loads or writes it, and what is in memory of it does not change.
        let _turn = lock(self.turn(id));
        if let Some(counted) = self.take(id) {
            return counted;
        }
        self.credit(store, custody)?;
        let present = lock(&self.tallies).keys.peek(id).copied();
        let mut tally = match present {
            Some(tally) => tally,
            None => self.load(store, custody, id)?,
        };
        if tally.used < self.limit {
            if tally.used >= tally.reserved {
                store.write(bound(custody, id, tally.reserved, self.credit)?.write())?;
                tally.reserved += self.block;
            }
            tally.used += 1;
            self.put(id, tally);
            return Ok(());
        }
        self.put(id, tally);
        Err(self.spent(id))
    }

    /// Forgets what is in memory of a key that is destroyed.
    pub(super) fn forget(&self, id: &str) {
        lock(&self.tallies).keys.pop(id);
    }

    /// Counts one use if memory is enough to decide.
    fn take(&self, id: &str) -> Option<Result<(), Error>> {
        let mut tallies = lock(&self.tallies);
        let tally = tallies.keys.get_mut(id)?;
        if tally.used >= self.limit {
            return Some(Err(self.spent(id)));
        }
        (tally.used < tally.reserved).then(|| {
            tally.used += 1;
            Ok(())
        })
    }

    fn put(&self, id: &str, tally: Tally) {
        let mut tallies = lock(&self.tallies);
        tallies.keys.put(id.to_owned(), tally);
        while tallies.keys.len() > TALLIES {
            tallies.is_partial = true;
            tallies.keys.pop_lru();
        }
    }

    /// What the database says of a key.
    fn load(&self, store: &Store, custody: &Custody, id: &str) -> Result<Tally, Error> {
        let refused = |why| {
            tracing::error!(
                id,
                "ROW REFUSED: the row of gcm_use that counts the uses of the key {why} in the database"
            );
            Err(Error::Integrity(id.to_owned()))
        };
        let Some(row) = gcm_use::find(store, id)? else { return refused("was removed") };
        let is_sound = row.counted >= 0 && (0..=self.credit).contains(&row.since);
        if !is_sound || !custody.is_bound(&row.bound(), &row.binding)? {
            return refused("was changed or exchanged");
        }
        let reserved = row.counted + (self.credit - row.since) + self.block;
        let used = if lock(&self.tallies).is_partial { reserved } else { reserved - self.block };
        Ok(Tally { used, reserved })
    }

    /// Puts this start's credit into the database, once, before the first use.
    fn credit(&self, store: &Store, custody: &Custody) -> Result<(), Error> {
        let mut is_credited = lock(&self.is_credited);
        if !*is_credited {
            store.write(credited(custody, self.credit + self.block)?.write())?;
            *is_credited = true;
        }
        Ok(())
    }

    fn turn(&self, id: &str) -> &Mutex<()> {
        let sum = id.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        let [first, ..] = &self.turns;
        self.turns.get(sum % TURNS).unwrap_or(first)
    }

    fn spent(&self, id: &str) -> Error {
        Error::GcmLimit { id: id.to_owned(), limit: self.limit }
    }
}

/// Makes a row for each key of a database that did not count yet, and binds to the end of the audit log that it counts now.
fn begin(store: &Store, custody: &Arc<Custody>) -> Result<i64, Error> {
    let rows = gcm_use::uncounted(store)?.into_iter().map(|id| bound(custody, &id, 0, 0));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    if !rows.is_empty() {
        tracing::warn!(keys = rows.len(), "uses of keys for AES-GCM are counted from now on, those of before are not");
    }
    let counting = Command::all(rows.into_iter().map(GcmUse::write)).then(credited(custody, 0)?.write());
    store.write(counting.then(audit_head::cover_records(custody.head_binder())))?;
    Ok(0)
}

fn bound(custody: &Custody, id: &str, counted: i64, since: i64) -> Result<GcmUse, Error> {
    let row = GcmUse { object: id.to_owned(), counted, since, binding: Vec::new() };
    Ok(GcmUse { binding: custody.bind(&row.bound())?, ..row })
}

fn credited(custody: &Custody, credit: i64) -> Result<GcmCredit, Error> {
    let row = GcmCredit { credit, binding: Vec::new() };
    Ok(GcmCredit { binding: custody.bind(&row.bound())?, ..row })
}
