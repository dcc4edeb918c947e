//! The schema, as numbered steps. A released step is never edited. The numbers are not those of SQLite's schema.

use super::link::Link;
use crate::store::error::Error;
use crate::store::sql::Connection as _;

/// Step N takes a database from schema N to N + 1.
const MIGRATIONS: [&str; 1] = [include_str!("schema/001.sql")];

/// The newest schema that this program knows.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The schema of the database; 0 for an empty database. `name` names the database in errors.
///
/// # Errors
/// The schema is newer.
pub(super) fn check(link: &Link, name: &str) -> Result<i64, Error> {
    let found = match link.schema_version() {
        Err(Error::Postgres(failure)) if failure.is_unknown_table() => 0,
        found => found?,
    };
    link.forgive();
    if found > known() || found < 0 {
        return Err(Error::NewerSchema { name: name.to_owned(), found, known: known() });
    }
    Ok(found)
}

/// The statements of each step from the schema `found` to the newest one.
pub(super) fn steps(found: i64) -> impl Iterator<Item = String> {
    (1_i64..).zip(MIGRATIONS).filter(move |(number, _)| *number > found).map(|(number, step)| {
        let first = if number == 1 {
            "CREATE TABLE schema_version (one BIGINT PRIMARY KEY CHECK (one = 1), version BIGINT NOT NULL); \
             INSERT INTO schema_version (one, version) VALUES (1, 0);"
        } else {
            ""
        };
        format!("{first} {step}; UPDATE schema_version SET version = {number} WHERE one = 1")
    })
}

/// Upgrades the database to the newest schema; each step is one transaction. The caller has the lock of the database.
pub(super) fn migrate(link: &Link, name: &str) -> Result<(), Error> {
    for step in steps(check(link, name)?) {
        if let Err(error) = link.batch(&format!("BEGIN; {step}; COMMIT")) {
            link.batch("ROLLBACK").ok();
            return Err(error);
        }
    }
    Ok(())
}
