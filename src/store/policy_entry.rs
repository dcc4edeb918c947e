//! Rows of roles, policies, users and projects.

use rusqlite::{Row, params};

use super::command::Command;
use super::error::Error;
use super::object::{put, put_number};
use super::reader::Readers;
use super::sql::{self, Table};

/// One definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyEntry {
    /// `role`, `policy`, `user` or `project`.
    pub kind: String,
    /// Its name, unique within its kind.
    pub name: String,
    /// Number of changes of the row, from 1.
    pub version: i64,
    /// The definition as JSON; `None` after it was removed.
    pub document: Option<String>,
    /// MAC by the binding key over [`PolicyEntry::bound`].
    pub binding: Vec<u8>,
}

const TABLE: Table = Table { name: "policy_entry", columns: "kind, name, version, document, binding" };

impl PolicyEntry {
    /// The bytes that the binding covers: table name and every column, each with its length before it.
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
    /// [`Error::Conflict`] if the row has another version.
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

/// Reads a text that may not be valid UTF-8 any more. Its binding is wrong then, but the name of the row is still
/// known.
fn text(row: &Row<'_>, column: usize) -> Result<Option<String>, rusqlite::Error> {
    let bytes = row.get_ref(column)?.as_bytes_or_null()?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
}

/// All rows, including removed definitions. For a row whose columns have other types, only its name is returned.
///
/// # Errors
/// SQLite's.
pub fn all(store: &Readers) -> Result<Vec<Result<PolicyEntry, String>>, Error> {
    store.all(&TABLE.select("ORDER BY kind, name"), [], |row| {
        Ok(PolicyEntry::from_row(row).map_err(|_| row.get(1).unwrap_or_else(|_| "?".to_owned())))
    })
}
