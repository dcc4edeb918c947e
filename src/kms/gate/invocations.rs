//! Counts how often each key has encrypted with AES-GCM. A use is counted before it happens, so the count is never too
//! low, also across restarts and power failures (NIST SP 800-38D section 8.3 limits it to 2^32 for IVs that may be
//! random).
//!
//! Each start of the server adds a block of uses to the count of every key, and all of them count as used; so the rows
//! of most keys are never written. A key that has used up its block reserves another one in its row before it is used
//! again. If several servers share a database, each reserves a block in the row of a key before its first use, and no two
//! have the same one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::super::error::Error;
use crate::custody::Custody;
use crate::store::gcm_use::{self, GcmCredit, GcmUse};
use crate::store::{self, Command, Store, audit_head};
use crate::turns::retry;

/// A block is at most the limit divided by this: an unused key survives this many starts of the server.
const PARTS: i64 = 1 << 16;

/// The largest block, in uses. It limits how much former starts have already added when the limit is lowered.
const MAX_BLOCK: i64 = 4096;

/// Maximum number of keys whose count is in memory. A key that is evicted loses the rest of its block.
const TALLIES: usize = 100_000;

/// Number of groups of keys. In each group, keys are loaded and written one at a time.
const TURNS: usize = 64;

/// The count of one key.
#[derive(Clone, Copy)]
struct Tally {
    used: i64,
    /// The number of uses that the database already counts.
    reserved: i64,
}

struct Tallies {
    keys: LruCache<String, Tally>,
    /// Whether a key was evicted. If so, a key that is not in memory may have used the block that this start adds.
    is_partial: bool,
}

/// The counters of all keys.
pub(super) struct Invocations {
    limit: i64,
    block: i64,
    /// The sum of the blocks that all former starts added.
    credit: i64,
    /// Whether the block of this start is in the database.
    is_credited: Mutex<bool>,
    tallies: Mutex<Tallies>,
    turns: [Mutex<()>; TURNS],
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Invocations {
    /// Reads what former starts added. The first start that counts makes a row for each existing key.
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

    /// The row of an object that is about to be added, whose key was used `counted` times; without its binding.
    pub(super) fn begin(&self, id: &str, counted: i64) -> GcmUse {
        GcmUse { object: id.to_owned(), counted, since: self.credit, binding: Vec::new() }
    }

    /// Counts one use, or refuses it if the limit is reached.
    pub(super) fn count(&self, store: &Store, custody: &Custody, id: &str) -> Result<(), Error> {
        if let Some(counted) = self.take(id) {
            return counted;
        }
        // While this lock is held, no other thread loads or writes the key, and its count in memory does not change.
        let _turn = lock(self.turn(id));
        if let Some(counted) = self.take(id) {
            return counted;
        }
        if !store.server().is_empty() {
            return self.count_shared(store, custody, id);
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

    /// Removes a destroyed key from memory.
    pub(super) fn forget(&self, id: &str) {
        lock(&self.tallies).keys.pop(id);
    }

    /// Counts one use if the count in memory is sufficient to decide.
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

    /// Reserves a block that no other server has, and counts one use of it.
    fn count_shared(&self, store: &Store, custody: &Custody, id: &str) -> Result<(), Error> {
        let tally = retry(Error::Contention, || {
            let row = self.row(store, custody, id)?;
            let used = self.used_before(&row);
            if used >= self.limit {
                return Err(self.spent(id));
            }
            let reserved = used + self.block;
            match store.write(bound(custody, id, reserved, self.credit)?.update(row)) {
                Ok(()) => Ok(Some(Tally { used: used + 1, reserved })),
                Err(store::Error::Conflict) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })?;
        self.put(id, tally);
        Ok(())
    }

    /// Reads the count of a key from the database.
    fn load(&self, store: &Store, custody: &Custody, id: &str) -> Result<Tally, Error> {
        let row = self.row(store, custody, id)?;
        let used = self.used_before(&row);
        let reserved = used + self.block;
        let used = if lock(&self.tallies).is_partial { reserved } else { used };
        Ok(Tally { used, reserved })
    }

    /// How often a key may have been used according to its row and the blocks of former starts.
    fn used_before(&self, row: &GcmUse) -> i64 {
        row.counted + (self.credit - row.since)
    }

    /// The row of a key.
    fn row(&self, store: &Store, custody: &Custody, id: &str) -> Result<GcmUse, Error> {
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
        Ok(row)
    }

    /// Writes the block of this start to the database, once, before the first use.
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

/// Makes a row for each key of a database that did not count uses before, and binds to the head of the audit log that
/// uses are counted now.
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
