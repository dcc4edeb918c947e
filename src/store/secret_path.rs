//! Which object holds the secret of a path now. For look-ups: what they find is checked against the object's bound row.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::Error;

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
