//! Rows of environments, folders and tags of projects. They order secrets and decide nothing about access.

use super::command::Command;
use super::error::Error;
use super::reader::Readers;
use super::row::{BadColumn, Row, ToValue, Value, values};
use super::sql::{self, Connection, Table};
use super::{object, secret_path};

/// The kind of a row.
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

impl ToValue for PlaceKind {
    fn to_value(&self) -> Value<'_> {
        Value::Integer(self.code())
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRow {
    /// Its identifier.
    pub id: String,
    /// The project.
    pub project: String,
    /// The path, unique within project and kind.
    pub path: String,
    /// The name for people.
    pub name: String,
    /// The description of a folder, or the colour of a tag.
    pub note: String,
    /// The position of an environment among the others, from 1.
    pub position: i64,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created: i64,
    /// When it was last changed, in seconds since 1970-01-01 UTC.
    pub updated: i64,
    /// The user who made it; empty if the server made it, or if it is from before this was kept.
    pub owner: String,
}

const TABLE: Table = Table {
    name: "secret_place",
    columns: "id, kind, project, path, name, note, position, created, updated, owner",
    key: "id",
};

/// The condition for the row of a path.
const AT: &str = "WHERE project = ?1 AND kind = ?2 AND path = ?3";

/// The condition for rows whose path begins with that of a place and a slash: the character after a slash is `0`.
const WITHIN: &str = "project = ?1 AND kind = ?2 AND path > ?3 || '/' AND path < ?3 || '0'";

/// The condition for rows that a user made; without a user, for all rows.
const OF: &str = "(CAST(?4 AS TEXT) IS NULL OR owner = ?4)";

impl PlaceRow {
    fn from_row(row: &Row<'_>) -> Result<Self, BadColumn> {
        Ok(Self {
            id: row.get(0)?,
            project: row.get(2)?,
            path: row.get(3)?,
            name: row.get(4)?,
            note: row.get(5)?,
            position: row.get(6)?,
            created: row.get(7)?,
            updated: row.get(8)?,
            owner: row.get(9)?,
        })
    }

    /// Adds the row, and those rows of `beside` whose paths do not exist.
    ///
    /// # Errors
    /// [`Error::Exists`] if its path exists already, [`Error::Full`] if the project then has more than `most` rows of
    /// this kind, [`Error::Share`] if more than `share` of them are of its owner.
    pub fn insert(self, kind: PlaceKind, beside: Vec<Self>, most: usize, share: Option<usize>) -> Command {
        Command::new(move |transaction| {
            insert_missing(transaction, kind, &beside)?;
            if !self.insert_in(transaction, kind)? {
                return Err(Error::Exists(self.path.clone()));
            }
            let sql = "SELECT count(*), count(*) FILTER (WHERE owner = ?3) FROM secret_place WHERE project = ?1 AND kind = ?2";
            let values = values![self.project, kind, self.owner];
            let (all, own): (i64, i64) = sql::one(transaction, sql, values, sql::pair)?.unwrap_or_default();
            match share {
                Some(share) if own > sql::limit(share) => Err(Error::Share),
                _ if all > sql::limit(most) => Err(Error::Full),
                _ => Ok(()),
            }
        })
    }

    /// Adds the row unless its path exists; returns whether it was added.
    fn insert_in(&self, transaction: &dyn Connection, kind: PlaceKind) -> Result<bool, Error> {
        let sql = TABLE.insert("ON CONFLICT (project, kind, path) DO NOTHING");
        Ok(self.write(transaction, &sql, kind)? > 0)
    }

    fn write(&self, transaction: &dyn Connection, sql: &str, kind: PlaceKind) -> Result<usize, Error> {
        let Self { id, project, path, name, note, position, created, updated, owner } = &self;
        let values = values![id, kind, project, path, name, note, position, created, updated, owner];
        sql::execute(transaction, sql, values)
    }

    /// Adds those rows of `beside` whose paths do not exist, then replaces the row with the same identifier.
    ///
    /// # Errors
    /// [`Error::Exists`] if another row has its path, [`Error::Conflict`] if there is no row with this identifier.
    pub fn update(self, kind: PlaceKind, beside: Vec<Self>) -> Command {
        Command::new(move |transaction| {
            insert_missing(transaction, kind, &beside)?;
            self.update_in(transaction, kind)
        })
    }

    fn update_in(&self, transaction: &dyn Connection, kind: PlaceKind) -> Result<(), Error> {
        let values = values![self.project, kind, self.path];
        let other = sql::one(transaction, &TABLE.select(AT), values, sql::column::<String>)?;
        if other.is_some_and(|other| other != self.id) {
            return Err(Error::Exists(self.path.clone()));
        }
        match self.write(transaction, &TABLE.update("WHERE id = ?1 AND kind = ?2"), kind)? {
            0 => Err(Error::Conflict),
            _ => Ok(()),
        }
    }

    /// Replaces the row of a folder whose path was `from`, and changes the paths of the folders in it: with `of`, only
    /// of those that this user made. No path may then be longer than `most` bytes.
    ///
    /// # Errors
    /// [`Error::NotEmpty`] if the new path exists already, [`Error::PathTooLong`], or as for [`Self::update`].
    pub fn move_folder(self, from: String, most: usize, of: Option<String>) -> Command {
        Command::new(move |transaction| {
            let own = format!("({WITHIN} OR {})", AT.trim_start_matches("WHERE "));
            let kind = PlaceKind::Folder;
            let taken = format!("SELECT 1 FROM secret_place WHERE {own}");
            if sql::any(transaction, &taken, values![self.project, kind, self.path])? {
                return Err(Error::NotEmpty);
            }
            let update = format!(
                "UPDATE secret_place SET path = ?4 || substr(path, length(?3) + 1), updated = ?5 WHERE {own} \
                 AND (CAST(?6 AS TEXT) IS NULL OR owner = ?6)"
            );
            sql::execute(transaction, &update, values![self.project, kind, from, self.path, self.updated, of])?;
            let longest = format!("SELECT 1 FROM secret_place WHERE {own} AND octet_length(path) > ?4");
            if sql::any(transaction, &longest, values![self.project, kind, self.path, sql::limit(most)])? {
                return Err(Error::PathTooLong);
            }
            self.update_in(transaction, PlaceKind::Folder)
        })
    }
}

fn insert_missing(transaction: &dyn Connection, kind: PlaceKind, rows: &[PlaceRow]) -> Result<(), Error> {
    rows.iter().try_for_each(|row| row.insert_in(transaction, kind).map(drop))
}

/// The row with this identifier.
///
/// # Errors
/// Those of the database.
pub fn find(store: &Readers, kind: PlaceKind, id: &str) -> Result<Option<PlaceRow>, Error> {
    store.one(&TABLE.select("WHERE id = ?1 AND kind = ?2"), values![id, kind], PlaceRow::from_row)
}

/// The row with this path.
///
/// # Errors
/// Those of the database.
pub fn find_path(store: &Readers, project: &str, kind: PlaceKind, path: &str) -> Result<Option<PlaceRow>, Error> {
    store.one(&TABLE.select(AT), values![project, kind, path], PlaceRow::from_row)
}

/// Whether there is a folder with this path: it has a row, or the name of a secret begins with `prefix`.
///
/// # Errors
/// Those of the database.
pub fn has_folder(store: &Readers, project: &str, path: &str, prefix: &str) -> Result<bool, Error> {
    store.run(|connection| {
        let values = values![project, PlaceKind::Folder, path];
        Ok(sql::any(connection, &TABLE.select(AT), values)? || secret_path::any_within(connection, prefix)?)
    })
}

/// At most `limit` rows whose path begins with `prefix`, is longer than it, and follows the path `after`, sorted by
/// path. `direct`: only those without a further slash.
///
/// # Errors
/// Those of the database.
pub fn list(
    store: &Readers,
    project: &str,
    kind: PlaceKind,
    prefix: &str,
    after: &str,
    direct: bool,
    limit: usize,
) -> Result<Vec<PlaceRow>, Error> {
    let sql = TABLE.select(
        "WHERE project = ?1 AND kind = ?2 AND path > ?3 AND path < ?4 \
         AND (NOT ?6 OR substr(path, length(?5) + 1) NOT LIKE '%/%') ORDER BY path LIMIT ?7",
    );
    let (after, end, limit) = (after.max(prefix), format!("{prefix}\u{10FFFF}"), sql::limit(limit));
    let values = values![project, kind, after, end, prefix, direct, limit];
    store.all(&sql, values, PlaceRow::from_row)
}

/// Projects that have rows, sorted by name.
///
/// # Errors
/// Those of the database.
pub fn projects(store: &Readers) -> Result<Vec<String>, Error> {
    store.all("SELECT DISTINCT project FROM secret_place ORDER BY project", &[], sql::column)
}

/// Removes all rows of a project.
pub fn forget(project: String) -> Command {
    Command::new(move |transaction| forget_in(transaction, &project))
}

/// Removes all rows of a project if it holds no object.
pub fn forget_unused(project: String) -> Command {
    Command::new(move |transaction| {
        if sql::any(transaction, object::IN_PROJECT, values![project])? {
            Ok(())
        } else {
            forget_in(transaction, &project)
        }
    })
}

fn forget_in(transaction: &dyn Connection, project: &str) -> Result<(), Error> {
    sql::execute(transaction, "DELETE FROM secret_place WHERE project = ?1", values![project]).map(drop)
}

/// Removes a row; for a folder or an environment also the folders in it: with `of`, only those that this user made.
pub fn remove(project: String, kind: PlaceKind, path: String, of: Option<String>) -> Command {
    Command::new(move |transaction| remove_in(transaction, &project, kind, &path, of.as_deref()))
}

/// Removes the row of an environment or a folder that contains nothing, after adding those rows of `beside` whose paths
/// do not exist. The names of secrets in it begin with `prefix`. With `of`, folders that other users made in a folder do
/// not count and stay, and secrets do not count.
///
/// # Errors
/// [`Error::NotEmpty`].
pub fn remove_empty(
    project: String,
    kind: PlaceKind,
    path: String,
    prefix: String,
    beside: Vec<PlaceRow>,
    of: Option<String>,
) -> Command {
    Command::new(move |transaction| {
        let counted = of.as_ref().filter(|_| kind == PlaceKind::Folder);
        let folders = values![project, PlaceKind::Folder, path, counted];
        if sql::any(transaction, &TABLE.select(&format!("WHERE {WITHIN} AND {OF}")), folders)?
            || of.is_none() && secret_path::any_within(transaction, &prefix)?
        {
            return Err(Error::NotEmpty);
        }
        insert_missing(transaction, kind, &beside)?;
        remove_in(transaction, &project, kind, &path, of.as_deref())
    })
}

fn remove_in(
    transaction: &dyn Connection,
    project: &str,
    kind: PlaceKind,
    path: &str,
    of: Option<&str>,
) -> Result<(), Error> {
    let own = format!("DELETE FROM secret_place {AT}");
    sql::execute(transaction, &own, values![project, kind, path])?;
    if kind != PlaceKind::Tag {
        let within = format!("DELETE FROM secret_place WHERE {WITHIN} AND {OF}");
        sql::execute(transaction, &within, values![project, PlaceKind::Folder, path, of])?;
    }
    Ok(())
}
