//! Rows of roles, policies, users and projects.

use super::change::Change;
use super::command::Command;
use super::error::Error;
use super::object::{put, put_number};
use super::reader::Readers;
use super::row::{BadColumn, Row, values};
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

const TABLE: Table =
    Table { name: "policy_entry", columns: "kind, name, version, document, binding", key: "kind, name" };

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

    fn from_row(row: &Row<'_>) -> Result<Self, BadColumn> {
        Ok(Self {
            kind: row.get(0)?,
            name: row.get(1)?,
            version: row.get(2)?,
            // Its binding is wrong if it is not valid UTF-8 any more, but the name of the row is still known.
            document: row.text_lossily(3)?,
            binding: row.get(4)?,
        })
    }

    /// Adds the row of version 1, or replaces that of version `self.version - 1`.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the row has another version, or another server changed a definition meanwhile: this one may
    /// depend on it.
    pub fn write(self) -> Command {
        Command::new(move |transaction| {
            let Self { kind, name, version, document, binding } = &self;
            let sql = "SELECT version FROM policy_entry WHERE kind = ?1 AND name = ?2";
            let present = sql::one(transaction, sql, values![kind, name], sql::column)?.unwrap_or(0);
            let change = Change::Definition(format!("{kind}/{name}"));
            transaction.check_heard(&change)?;
            transaction.note(change);
            if present != version - 1 {
                return Err(Error::Conflict);
            }
            sql::execute(transaction, &TABLE.replace(), values![kind, name, version, document, binding]).map(drop)
        })
    }
}

/// One definition, or what was removed.
///
/// # Errors
/// Those of the database; [`Error::Malformed`] if its columns are not those of a definition.
pub fn find(store: &Readers, kind: &str, name: &str) -> Result<Option<PolicyEntry>, Error> {
    let select = TABLE.select("WHERE kind = ?1 AND name = ?2");
    store.named(&select, values![kind, name], PolicyEntry::from_row, || format!("{kind}/{name}"))
}

/// All rows, including removed definitions. For a row whose columns have other types, only its name is returned.
///
/// # Errors
/// Those of the database.
pub fn all(store: &Readers) -> Result<Vec<Result<PolicyEntry, String>>, Error> {
    store.all(&TABLE.select("ORDER BY kind, name"), &[], |row| {
        Ok(PolicyEntry::from_row(row).map_err(|_| row.get(1).unwrap_or_else(|_| "?".to_owned())))
    })
}
