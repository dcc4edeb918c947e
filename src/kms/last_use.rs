//! The days on which keys were last used. No decision depends on them: they are kept in a table without a binding, and
//! written separately from the uses, once a day for each object.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use super::object::Object;
use crate::kmip::ttlv::DateTime;
use crate::store::{self, Store, inventory};

/// Seconds in a day.
const DAY: i64 = 24 * 60 * 60;

/// Maximum number of days that wait to be written. Above it, a use is not noted.
const MAX_WAITING: usize = 100_000;

/// Number of days that one commit writes.
const GROUP: usize = 500;

/// The days that are not written yet, by object identifier.
#[derive(Default)]
pub(super) struct LastUses(Mutex<HashMap<String, i64>>);

impl LastUses {
    /// Notes that the key of an object is used at `now`. All uses of a day except the first cost only one atomic read.
    pub(super) fn note(&self, object: &Object, now: DateTime) {
        let day = now.0.div_euclid(DAY);
        if object.used.load(Ordering::Relaxed) >= day {
            return;
        }
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MAX_WAITING || waiting.contains_key(&object.id) {
            waiting.insert(object.id.clone(), day);
            object.used.store(day, Ordering::Relaxed);
        }
    }

    /// The day of an object that is not written yet, in days since 1970-01-01 UTC.
    pub(super) fn day_of(&self, id: &str) -> Option<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }

    /// Writes the waiting days. Those that cannot be written stay.
    ///
    /// # Errors
    /// The store is unavailable.
    pub(super) fn write(&self, store: &Store) -> Result<(), store::Error> {
        let waiting: Vec<(String, i64)> = {
            let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.iter().map(|(id, day)| (id.clone(), *day)).collect()
        };
        for group in waiting.chunks(GROUP) {
            store.write(inventory::note_uses(group.to_vec()))?;
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (id, day) in group {
                if waiting.get(id) == Some(day) {
                    waiting.remove(id);
                }
            }
        }
        Ok(())
    }
}
