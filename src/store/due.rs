//! Objects whose state the clock changes (KMIP 2.1 section 4.57), by indexes on their dates.

use super::error::Error;
use super::reader::Readers;
use super::row::{Row, values};
use super::sql;

/// A date that the clock reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The Activation Date of a Pre-Active object.
    Activation,
    /// The Deactivation Date of an Active object.
    Deactivation,
}

/// An object whose date is reached: the date, its number, and its identifier.
pub type Reached = (i64, i64, String);

/// Objects whose date is at most `now`, in the order of the dates: at most `limit`, after the one with this date and
/// number.
///
/// # Errors
/// Those of the database.
pub fn page(store: &Readers, due: Due, now: i64, after: (i64, i64), limit: usize) -> Result<Vec<Reached>, Error> {
    let sql = match due {
        Due::Activation => {
            "SELECT activation_date, number, id FROM object INDEXED BY object_activation \
             WHERE state = 1 AND activation_date IS NOT NULL AND activation_date <= ?1 \
             AND (activation_date, number) > (?2, ?3) ORDER BY activation_date, number LIMIT ?4"
        }
        Due::Deactivation => {
            "SELECT deactivation_date, number, id FROM object INDEXED BY object_deactivation \
             WHERE state = 2 AND deactivation_date IS NOT NULL AND deactivation_date <= ?1 \
             AND (deactivation_date, number) > (?2, ?3) ORDER BY deactivation_date, number LIMIT ?4"
        }
    };
    let ((date, number), limit) = (after, sql::limit(limit));
    store.all(sql, values![now, date, number, limit], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}

/// A key that the server replaces by itself.
pub struct Rotation {
    /// The time, in seconds since 1970-01-01 UTC, and the identifier: the place in the order.
    pub place: (i64, String),
    /// The owner, which is not bound here.
    pub owner: String,
}

/// Keys that the server replaces at `now` or should have replaced before, by their times and identifiers: at most `limit`,
/// after the one with this time and identifier.
///
/// # Errors
/// Those of the database.
pub fn rotations(store: &Readers, now: i64, after: &(i64, String), limit: usize) -> Result<Vec<Rotation>, Error> {
    let ((due, object), limit) = (after, sql::limit(limit));
    let sql = "SELECT due, object, owner FROM object_rotation INDEXED BY object_rotation_due \
               WHERE due <= ?1 AND (due, object) > (?2, ?3) ORDER BY due, object LIMIT ?4";
    let read = |row: &Row<'_>| Ok(Rotation { place: (row.get(0)?, row.get(1)?), owner: row.get(2)? });
    store.all(sql, values![now, due, object, limit], read)
}
