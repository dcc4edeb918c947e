//! Which object holds the secret of a path now. For look-ups: what they find is checked against the object's bound row.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::error::Error;

/// The object that holds the secret of this name.
///
/// # Errors
/// SQLite's.
pub fn find(connection: &Connection, path: &str) -> Result<Option<String>, Error> {
    let select = "SELECT object FROM secret_path WHERE path = ?1";
    Ok(connection.prepare_cached(select)?.query_row([path], |row| row.get(0)).optional()?)
}

/// Every name with its object, for a check.
///
/// # Errors
/// SQLite's.
pub fn all(connection: &Connection) -> Result<Vec<(String, String)>, Error> {
    let mut select = connection.prepare("SELECT path, object FROM secret_path ORDER BY path")?;
    Ok(select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

/// Names that begin with `prefix`, which ends with a slash, and come after the name `after`, with their objects, in the order of the
/// names; `direct`: only those that have no further slash.
///
/// # Errors
/// SQLite's.
pub fn page(
    connection: &Connection,
    prefix: &str,
    after: &str,
    direct: bool,
    limit: usize,
) -> Result<Vec<(String, String)>, Error> {
    // What follows a slash is `0`.
    let (end, limit) = (format!("{}0", prefix.trim_end_matches('/')), i64::try_from(limit).unwrap_or(i64::MAX));
    // No secret is called what others begin with.
    let after = if after.is_empty() { prefix } else { after };
    let mut select = connection.prepare_cached(
        "SELECT path, object FROM secret_path WHERE path > ?1 AND path < ?3 \
         AND (NOT ?4 OR instr(substr(path, length(?2) + 1), '/') = 0) ORDER BY path LIMIT ?5",
    )?;
    let rows = select.query_map(params![after, prefix, end, direct, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The name behind which a page begins that passes over so many of those with an environment and a name; `None` if there are
/// fewer.
///
/// # Errors
/// SQLite's.
pub fn nth(connection: &Connection, prefix: &str, direct: bool, count: usize) -> Result<Option<String>, Error> {
    let Some(before) = count.checked_sub(1) else { return Ok(Some(String::new())) };
    let (end, before) = (format!("{}0", prefix.trim_end_matches('/')), i64::try_from(before).unwrap_or(i64::MAX));
    // What has an empty part is not shown; of those without a further slash, none has.
    let mut select = connection.prepare_cached(
        "SELECT path FROM secret_path WHERE path > ?1 AND path < ?2 \
         AND CASE WHEN ?3 THEN instr(substr(path, ?5), '/') = 0 \
         ELSE instr(substr(path, ?5 - 1), '//') = 0 AND substr(path, -1) <> '/' END ORDER BY path LIMIT 1 OFFSET ?4",
    )?;
    let behind = i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX - 1) + 1;
    Ok(select.query_row(params![prefix, end, direct, before, behind], |row| row.get(0)).optional()?)
}

/// Gives an object another name.
///
/// # Errors
/// [`Error::Exists`] if the name is taken, [`Error::Conflict`] if the object has none.
pub fn rename(transaction: &Transaction<'_>, object: &str, path: &str) -> Result<(), Error> {
    if find(transaction, path)?.is_some() {
        return Err(Error::Exists(path.to_owned()));
    }
    let update = "UPDATE secret_path SET path = ?2 WHERE object = ?1";
    match transaction.prepare_cached(update)?.execute(params![object, path])? {
        0 => Err(Error::Conflict),
        _ => Ok(()),
    }
}

/// Adds a name.
///
/// # Errors
/// [`Error::Exists`] if it is taken.
pub fn insert(transaction: &Transaction<'_>, path: &str, object: &str) -> Result<(), Error> {
    let insert = "INSERT INTO secret_path (path, object) VALUES (?1, ?2) ON CONFLICT (path) DO NOTHING";
    match transaction.prepare_cached(insert)?.execute(params![path, object])? {
        0 => Err(Error::Exists(path.to_owned())),
        _ => Ok(()),
    }
}

/// Removes the name of an object.
///
/// # Errors
/// SQLite's.
pub fn remove(transaction: &Transaction<'_>, object: &str) -> Result<(), Error> {
    transaction.prepare_cached("DELETE FROM secret_path WHERE object = ?1")?.execute([object])?;
    Ok(())
}
