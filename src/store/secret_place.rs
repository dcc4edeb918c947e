//! Rows of environments, folders and tags of projects. They say how secrets are sorted, and decide about no access.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::error::Error;
use super::secret_path;

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    /// An environment; its path is its slug.
    Environment,
    /// A folder; its path is ENVIRONMENT/FOLDER/...
    Folder,
    /// A tag; its path is its slug.
    Tag,
}

impl PlaceKind {
    fn code(self) -> i64 {
        match self {
            Self::Environment => 1,
            Self::Folder => 2,
            Self::Tag => 3,
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRow {
    /// Its identifier.
    pub id: String,
    /// The project.
    pub project: String,
    /// Where it is among its kind.
    pub path: String,
    /// What people call it.
    pub name: String,
    /// A folder's description, a tag's colour.
    pub note: String,
    /// An environment's place among the others, from 1.
    pub position: i64,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created: i64,
    /// When it was last changed, likewise.
    pub updated: i64,
}

const COLUMNS: &str = "id, project, path, name, note, position, created, updated";

impl PlaceRow {
    fn from_row(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            id: row.get(0)?,
            project: row.get(1)?,
            path: row.get(2)?,
            name: row.get(3)?,
            note: row.get(4)?,
            position: row.get(5)?,
            created: row.get(6)?,
            updated: row.get(7)?,
        })
    }

    /// Adds the row, or leaves the one that has its path; whether it was added.
    ///
    /// # Errors
    /// SQLite's.
    pub fn insert(&self, transaction: &Transaction<'_>, kind: PlaceKind) -> Result<bool, Error> {
        let sql = format!(
            "INSERT INTO secret_place (kind, {COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
             ON CONFLICT (project, kind, path) DO NOTHING"
        );
        let Self { id, project, path, name, note, position, created, updated } = self;
        let values = params![kind.code(), id, project, path, name, note, position, created, updated];
        Ok(transaction.prepare_cached(&sql)?.execute(values)? > 0)
    }

    /// Writes everything but identifier, project and date of creation.
    ///
    /// # Errors
    /// [`Error::Exists`] if its path is another's, [`Error::Conflict`] if there is no such row.
    pub fn update(&self, transaction: &Transaction<'_>, kind: PlaceKind) -> Result<(), Error> {
        let Self { id, project, path, name, note, position, updated, .. } = self;
        if find_path(transaction, project, kind, path)?.is_some_and(|other| other.id != *id) {
            return Err(Error::Exists(path.clone()));
        }
        let sql = "UPDATE secret_place SET path = ?3, name = ?4, note = ?5, position = ?6, updated = ?7 \
                   WHERE id = ?1 AND kind = ?2";
        let values = params![id, kind.code(), path, name, note, position, updated];
        match transaction.prepare_cached(sql)?.execute(values)? {
            0 => Err(Error::Conflict),
            _ => Ok(()),
        }
    }
}

/// The row of an identifier.
///
/// # Errors
/// SQLite's.
pub fn find(connection: &Connection, kind: PlaceKind, id: &str) -> Result<Option<PlaceRow>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM secret_place WHERE id = ?1 AND kind = ?2");
    Ok(connection.prepare_cached(&sql)?.query_row(params![id, kind.code()], PlaceRow::from_row).optional()?)
}

/// The row of a path.
///
/// # Errors
/// SQLite's.
pub fn find_path(
    connection: &Connection,
    project: &str,
    kind: PlaceKind,
    path: &str,
) -> Result<Option<PlaceRow>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM secret_place WHERE project = ?1 AND kind = ?2 AND path = ?3");
    let found = connection.prepare_cached(&sql)?.query_row(params![project, kind.code(), path], PlaceRow::from_row);
    Ok(found.optional()?)
}

/// Up to `limit` rows whose path begins with `prefix` and is not that, and comes after the path `after`, in the order of their
/// paths; `direct`: only those in which no slash follows the prefix.
///
/// # Errors
/// SQLite's.
pub fn list(
    connection: &Connection,
    project: &str,
    kind: PlaceKind,
    prefix: &str,
    after: &str,
    direct: bool,
    limit: usize,
) -> Result<Vec<PlaceRow>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM secret_place WHERE project = ?1 AND kind = ?2 AND path > ?3 AND path < ?4 \
         AND (NOT ?6 OR instr(substr(path, length(?5) + 1), '/') = 0) ORDER BY path LIMIT ?7"
    );
    let (end, limit) = (format!("{prefix}\u{10FFFF}"), i64::try_from(limit).unwrap_or(i64::MAX));
    let after = after.max(prefix);
    let mut select = connection.prepare_cached(&sql)?;
    let values = params![project, kind.code(), after, end, prefix, direct, limit];
    let rows = select.query_map(values, PlaceRow::from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether something is in an environment or a folder of this path: a folder, or a secret whose name begins with `prefix`.
///
/// # Errors
/// SQLite's.
pub fn is_in_use(connection: &Connection, project: &str, path: &str, prefix: &str) -> Result<bool, Error> {
    let folders = list(connection, project, PlaceKind::Folder, &format!("{path}/"), "", false, 1)?;
    Ok(!folders.is_empty() || !secret_path::page(connection, prefix, "", false, 1)?.is_empty())
}

/// Refuses what was added if a project has more than `most` rows of a kind with it.
///
/// # Errors
/// [`Error::Full`], or SQLite's.
pub fn check_count(transaction: &Transaction<'_>, project: &str, kind: PlaceKind, most: usize) -> Result<(), Error> {
    let sql = "SELECT count(*) FROM secret_place WHERE project = ?1 AND kind = ?2";
    let count: i64 = transaction.prepare_cached(sql)?.query_row(params![project, kind.code()], |row| row.get(0))?;
    if usize::try_from(count).is_ok_and(|count| count <= most) { Ok(()) } else { Err(Error::Full) }
}

/// Moves a folder and those in it from one path to another, if none of them is longer than `most` bytes then.
///
/// # Errors
/// [`Error::Exists`] if there is a folder, [`Error::PathTooLong`], or SQLite's.
pub fn move_folders(
    transaction: &Transaction<'_>,
    project: &str,
    [from, to]: [&str; 2],
    most: usize,
    updated: i64,
) -> Result<(), Error> {
    let within = "project = ?1 AND kind = ?2 AND (path = ?3 OR (path > ?3 || '/' AND path < ?3 || '0'))";
    let kind = PlaceKind::Folder.code();
    let taken = format!("SELECT EXISTS (SELECT 1 FROM secret_place WHERE {within})");
    if transaction.prepare_cached(&taken)?.query_row(params![project, kind, to], |row| row.get(0))? {
        return Err(Error::Exists(to.to_owned()));
    }
    let update =
        format!("UPDATE secret_place SET path = ?4 || substr(path, length(?3) + 1), updated = ?5 WHERE {within}");
    transaction.prepare_cached(&update)?.execute(params![project, kind, from, to, updated])?;
    let longest = format!("SELECT coalesce(max(length(CAST(path AS BLOB))), 0) FROM secret_place WHERE {within}");
    let longest: i64 = transaction.prepare_cached(&longest)?.query_row(params![project, kind, to], |row| row.get(0))?;
    if usize::try_from(longest).is_ok_and(|longest| longest <= most) { Ok(()) } else { Err(Error::PathTooLong) }
}

/// Projects of which there are rows, in the order of their names.
///
/// # Errors
/// SQLite's.
pub fn projects(connection: &Connection) -> Result<Vec<String>, Error> {
    let mut select = connection.prepare_cached("SELECT DISTINCT project FROM secret_place ORDER BY project")?;
    Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Removes all rows of a project.
///
/// # Errors
/// SQLite's.
pub fn forget(transaction: &Transaction<'_>, project: &str) -> Result<(), Error> {
    transaction.prepare_cached("DELETE FROM secret_place WHERE project = ?1")?.execute([project])?;
    Ok(())
}

/// Removes a row, and with a folder or an environment the folders in it.
///
/// # Errors
/// SQLite's.
pub fn remove(transaction: &Transaction<'_>, project: &str, kind: PlaceKind, path: &str) -> Result<(), Error> {
    let own = "DELETE FROM secret_place WHERE project = ?1 AND kind = ?2 AND path = ?3";
    transaction.prepare_cached(own)?.execute(params![project, kind.code(), path])?;
    if kind != PlaceKind::Tag {
        let within =
            "DELETE FROM secret_place WHERE project = ?1 AND kind = ?2 AND path > ?3 || '/' AND path < ?3 || '0'";
        transaction.prepare_cached(within)?.execute(params![project, PlaceKind::Folder.code(), path])?;
    }
    Ok(())
}
