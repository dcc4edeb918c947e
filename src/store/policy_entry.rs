//! Rows of roles, policies, users and projects.

use rusqlite::{Row, params};

use super::command::Command;
use super::error::Error;
use super::object::{put, put_number};
use super::reader::Readers;
use super::sql::{self, Table};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyEntry {
    /// `role`, `policy`, `user` or `project`.
    pub kind: String,
    /// Its name among its kind.
    pub name: String,
    /// Counts the row's changes, from 1.
    pub version: i64,
    /// What it says, as JSON; `None` once it was removed.
    pub document: Option<String>,
    /// MAC by the binding key over [`PolicyEntry::bound`].
    pub binding: Vec<u8>,
}

const TABLE: Table = Table { name: "policy_entry", columns: "kind, name, version, document, binding" };

impl PolicyEntry {
    /// What the binding covers: table name and every column, each with its length before it.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        put(&mut bytes, Some(b"policy_entry"));
        put(&mut bytes, Some(self.kind.as_bytes()));
        put(&mut bytes, Some(self.name.as_bytes()));
        put_number(&mut bytes, Some(self.version));
        put(&mut bytes, self.document.as_deref().map(str::as_bytes));
        bytes
    }

    fn from_row(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            kind: row.get(0)?,
            name: row.get(1)?,
            version: row.get(2)?,
            document: text(row, 3)?,
            binding: row.get(4)?,
        })
    }

    /// Adds the row of version 1, or replaces that of version `self.version - 1`.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the row has another version by now.
    pub fn write(self) -> Command {
        Command::new(move |transaction| {
            let Self { kind, name, version, document, binding } = self;
            let sql = "SELECT version FROM policy_entry WHERE kind = ?1 AND name = ?2";
            let present = sql::one(transaction, sql, params![kind, name], sql::column)?.unwrap_or(0);
            if present != version - 1 {
                return Err(Error::Conflict);
            }
            sql::execute(transaction, &TABLE.replace(), params![kind, name, version, document, binding]).map(drop)
        })
    }
}

/// A text that may have been made none: its binding no longer holds then, and who is meant is still known.
fn text(row: &Row<'_>, column: usize) -> Result<Option<String>, rusqlite::Error> {
    let bytes = row.get_ref(column)?.as_bytes_or_null()?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
}

/// All rows, those of what was removed among them; a row whose columns have other types is named in place of itself.
///
/// # Errors
/// SQLite's.
pub fn all(store: &Readers) -> Result<Vec<Result<PolicyEntry, String>>, Error> {
    store.all(&TABLE.select("ORDER BY kind, name"), [], |row| {
        Ok(PolicyEntry::from_row(row).map_err(|_| row.get(1).unwrap_or_else(|_| "?".to_owned())))
    })
}
