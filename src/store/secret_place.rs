//! Rows of environments, folders and tags of projects. They say how secrets are sorted, and decide about no access.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::Error;

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

/// Up to `limit` rows whose path begins with `prefix` and is not that, in the order of their paths.
///
/// # Errors
/// SQLite's.
pub fn list(
    connection: &Connection,
    project: &str,
    kind: PlaceKind,
    prefix: &str,
    limit: usize,
) -> Result<Vec<PlaceRow>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM secret_place WHERE project = ?1 AND kind = ?2 AND path > ?3 AND path < ?4 \
         ORDER BY path LIMIT ?5"
    );
    let (end, limit) = (format!("{prefix}\u{10FFFF}"), i64::try_from(limit).unwrap_or(i64::MAX));
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map(params![project, kind.code(), prefix, end, limit], PlaceRow::from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Moves a folder and those in it from one path to another.
///
/// # Errors
/// SQLite's, a constraint failure among them if a path is taken.
pub fn move_folders(
    transaction: &Transaction<'_>,
    project: &str,
    from: &str,
    to: &str,
    updated: i64,
) -> Result<(), Error> {
    let sql = "UPDATE secret_place SET path = ?4 || substr(path, length(?3) + 1), updated = ?5 \
               WHERE project = ?1 AND kind = ?2 AND (path = ?3 OR (path > ?3 || '/' AND path < ?3 || '0'))";
    let kind = PlaceKind::Folder.code();
    transaction.prepare_cached(sql)?.execute(params![project, kind, from, to, updated])?;
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

/// Removes all rows of a project.
///
/// # Errors
/// SQLite's.
pub fn remove_all(transaction: &Transaction<'_>, project: &str) -> Result<(), Error> {
    transaction.prepare_cached("DELETE FROM secret_place WHERE project = ?1")?.execute([project])?;
    Ok(())
}
