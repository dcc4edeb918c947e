//! Lists of objects, one page at a time. A page begins after an object and not after a number of objects, so that every
//! page costs the same.

use std::fmt;

use super::command::Command;
use super::error::Error;
use super::reader::Readers;
use super::row::{ToValue as _, Value, values};
use super::sql;

/// Identifiers of the objects that have a pending change of owner for `subject` at `now`, by the index: at most
/// `limit`, sorted, after `after`.
///
/// # Errors
/// Those of the database.
pub fn pending(store: &Readers, subject: &str, now: i64, after: &str, limit: usize) -> Result<Vec<String>, Error> {
    // The `+` keeps SQLite to the order of the primary key.
    let sql = "SELECT object FROM object_pending WHERE subject = ?1 AND object > ?3 AND +expires > ?2 \
               ORDER BY object LIMIT ?4";
    let limit = sql::limit(limit);
    store.all(sql, values![subject, now, after, limit], sql::column)
}

/// The number of objects other than `object` with a pending change of owner for `subject` at `now`, by the index:
/// counted up to `most`. With `also`, only those that have one for this subject too.
///
/// # Errors
/// Those of the database.
pub fn count_pending(
    store: &Readers,
    (subject, also): (&str, Option<&str>),
    now: i64,
    object: &str,
    most: usize,
) -> Result<usize, Error> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM object_pending AS own \
               WHERE subject = ?1 AND expires > ?2 AND object <> ?3 AND (CAST(?5 AS TEXT) IS NULL OR EXISTS \
               (SELECT 1 FROM object_pending AS other WHERE other.subject = ?5 AND other.object = own.object)) LIMIT ?4) AS counted";
    let most = sql::limit(most);
    counted(store, sql, values![subject, now, object, most, also])
}

/// The number of objects other than `object` with a grant to this key of a grantee, by the index: counted up to `most`.
///
/// # Errors
/// Those of the database.
pub fn count_granted(store: &Readers, grantee: &str, object: &str, most: usize) -> Result<usize, Error> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM object_grantee WHERE grantee = ?1 \
               AND number IS DISTINCT FROM (SELECT number FROM object WHERE id = ?2) LIMIT ?3) AS counted";
    let most = sql::limit(most);
    counted(store, sql, values![grantee, object, most])
}

fn counted(store: &Readers, sql: &str, values: &[Value<'_>]) -> Result<usize, Error> {
    let counted = store.one(sql, values, sql::column::<i64>)?;
    Ok(counted.and_then(|counted| usize::try_from(counted).ok()).unwrap_or_default())
}

/// The objects to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All.
    All,
    /// Those of this owner.
    Owner(String),
    /// Those in this project.
    Project(String),
}

impl Filter {
    /// Whether an object with this owner and project is included.
    #[must_use]
    pub fn admits(&self, owner: &str, project: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Owner(wanted) => wanted == owner,
            Self::Project(wanted) => Some(wanted.as_str()) == project,
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Owner(owner) => write!(f, "owner {owner:?}"),
            Self::Project(project) => write!(f, "project {project:?}"),
        }
    }
}

/// The unbound part of an object's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number, after which a later page begins.
    pub number: i64,
    /// Its Unique Identifier.
    pub id: String,
    /// The day of the last use of its key, in days since 1970-01-01 UTC.
    pub used: Option<i64>,
}

/// Objects in the order of their creation: at most `limit`, those after the number `after` (0 for the beginning).
///
/// # Errors
/// Those of the database.
pub fn page(store: &Readers, filter: &Filter, after: i64, limit: usize) -> Result<Vec<Entry>, Error> {
    let (condition, wanted) = match filter {
        Filter::All => ("", None),
        Filter::Owner(owner) => ("AND owner = ?3", Some(owner)),
        Filter::Project(project) => ("AND project = ?3", Some(project)),
    };
    let sql = format!(
        "SELECT number, CAST(id AS TEXT), day FROM object LEFT JOIN object_use USING (number) \
         WHERE number > ?1 {condition} ORDER BY number LIMIT ?2"
    );
    let limit = sql::limit(limit);
    let mut values = values![after, limit].to_vec();
    if let Some(wanted) = wanted {
        values.push(wanted.to_value());
    }
    store.all(&sql, &values, |row| Ok(Entry { number: row.get(0)?, id: row.get(1)?, used: row.get(2)? }))
}

/// Notes the days on which keys were used, in days since 1970-01-01 UTC. A stored day is never replaced by an earlier
/// one.
pub fn note_uses(uses: Vec<(String, i64)>) -> Command {
    let sql = "INSERT INTO object_use (number, day) SELECT number, CAST(?2 AS BIGINT) FROM object WHERE id = ?1 \
               ON CONFLICT (number) DO UPDATE SET day = excluded.day WHERE object_use.day < excluded.day";
    Command::new(move |transaction| {
        uses.iter().try_for_each(|(id, day)| sql::execute(transaction, sql, values![id, day]).map(drop))
    })
}
