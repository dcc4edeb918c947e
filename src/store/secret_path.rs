//! The index of the paths of secrets: which object holds the secret of a path. Results are checked against the object's
//! bound row.

use super::command::Command;
use super::error::Error;
use super::reader::Readers;
use super::row::values;
use super::sql::{self, Connection};

/// The query for the object of a name.
const FIND: &str = "SELECT object FROM secret_path WHERE path = ?1";

/// The object that holds the secret of this name.
///
/// # Errors
/// Those of the database.
pub fn find(store: &Readers, path: &str) -> Result<Option<String>, Error> {
    store.one(FIND, values![path], sql::column)
}

/// All names with their objects, for a check.
///
/// # Errors
/// Those of the database.
pub fn all(store: &Readers) -> Result<Vec<(String, String)>, Error> {
    store.all("SELECT path, object FROM secret_path ORDER BY path", &[], sql::pair)
}

/// Names that begin with `prefix` and follow the name `after`, with their objects, sorted by name. `prefix` ends with a
/// slash. `direct`: only those without a further slash.
///
/// # Errors
/// Those of the database.
pub fn page(
    store: &Readers,
    prefix: &str,
    after: &str,
    direct: bool,
    limit: usize,
) -> Result<Vec<(String, String)>, Error> {
    // A secret named exactly `prefix` has an empty last part and is not shown.
    let after = if after.is_empty() { prefix } else { after };
    let sql = "SELECT path, object FROM secret_path WHERE path > ?1 AND path < ?3 \
               AND (NOT ?4 OR substr(path, length(?2) + 1) NOT LIKE '%/%') ORDER BY path LIMIT ?5";
    let (end, limit) = (end(prefix), sql::limit(limit));
    store.all(sql, values![after, prefix, end, direct, limit], sql::pair)
}

/// Whether a name begins with `prefix`, which ends with a slash.
pub(super) fn any_within(connection: &dyn Connection, prefix: &str) -> Result<bool, Error> {
    let end = end(prefix);
    sql::any(connection, "SELECT 1 FROM secret_path WHERE path > ?1 AND path < ?2", values![prefix, end])
}

/// The end of the range of names that begin with `prefix`: the character after a slash is `0`.
fn end(prefix: &str) -> String {
    format!("{}0", prefix.trim_end_matches('/'))
}

/// The name after which a page begins that skips `count` names. Names with an empty part do not count. `None` if there
/// are fewer.
///
/// # Errors
/// Those of the database.
pub fn nth(store: &Readers, prefix: &str, direct: bool, count: usize) -> Result<Option<String>, Error> {
    let Some(before) = count.checked_sub(1) else { return Ok(Some(String::new())) };
    // Names with an empty part are not shown; among names without a further slash there are none.
    let sql = "SELECT path FROM secret_path WHERE path > ?1 AND path < ?2 \
               AND CASE WHEN ?3 THEN substr(path, ?5) NOT LIKE '%/%' \
               ELSE substr(path, ?5 - 1) NOT LIKE '%//%' AND path NOT LIKE '%/' END ORDER BY path LIMIT 1 OFFSET ?4";
    let behind = i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX - 1) + 1;
    let (end, before) = (end(prefix), sql::limit(before));
    store.one(sql, values![prefix, end, direct, before, behind], sql::column)
}

/// Changes the name of an object.
///
/// # Errors
/// [`Error::Exists`] if the name exists already, [`Error::Conflict`] if the object has no name.
pub fn rename(object: String, path: String) -> Command {
    Command::new(move |transaction| {
        if sql::any(transaction, FIND, values![path])? {
            return Err(Error::Exists(path.clone()));
        }
        match sql::execute(transaction, "UPDATE secret_path SET path = ?2 WHERE object = ?1", values![object, path])? {
            0 => Err(Error::Conflict),
            _ => Ok(()),
        }
    })
}

/// Adds a name.
///
/// # Errors
/// [`Error::Exists`] if the name exists already.
pub fn insert(path: String, object: String) -> Command {
    let insert = "INSERT INTO secret_path (path, object) VALUES (?1, ?2) ON CONFLICT (path) DO NOTHING";
    Command::new(move |transaction| match sql::execute(transaction, insert, values![path, &object])? {
        0 => Err(Error::Exists(path.clone())),
        _ => Ok(()),
    })
}

/// Removes the name of an object.
pub fn remove(object: String) -> Command {
    Command::new(move |transaction| {
        sql::execute(transaction, "DELETE FROM secret_path WHERE object = ?1", values![object]).map(drop)
    })
}
