//! Rows of managed objects, and the bytes that their binding covers.

use super::change::Change;
use super::command::Command;
use super::error::Error;
pub use super::material::{Class, Material};
use super::reader::Readers;
use super::row::{BadColumn, Row, ToValue as _, Value, values};
use super::sql::{self, Connection, Table};

/// One managed object. Numbers are KMIP's codes, dates seconds since 1970-01-01 UTC.
#[derive(Debug, Clone)]
pub struct Object {
    /// Unique Identifier.
    pub id: String,
    /// Number of changes of the row, from 1.
    pub version: i64,
    /// The owner.
    pub owner: String,
    /// Object Type.
    pub object_type: i64,
    /// Cryptographic Algorithm.
    pub algorithm: i64,
    /// Cryptographic Length in bits: the true length of the key.
    pub length: i64,
    /// Cryptographic Usage Mask.
    pub usage_mask: i64,
    /// State as last set; dates may have changed the effective state since.
    pub state: i64,
    /// Activation Date.
    pub activation_date: Option<i64>,
    /// Deactivation Date.
    pub deactivation_date: Option<i64>,
    /// Sensitive.
    pub sensitive: bool,
    /// Extractable.
    pub extractable: bool,
    /// The class of the key.
    pub class: Class,
    /// The location of the key.
    pub material: Material,
    /// All other attributes, as KMIP JSON.
    pub attributes: String,
    /// The project that holds it.
    pub project: Option<String>,
    /// The grants, as JSON.
    pub grants: Option<String>,
    /// Pending changes of owner, as JSON.
    pub pending: Option<String>,
    /// MAC by the binding key over [`Object::bound`].
    pub binding: Vec<u8>,
}

/// The texts under which searches find an object.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// Names.
    pub names: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// The grantees.
    pub grantees: Vec<String>,
    /// The subjects of pending changes of owner, each with the time of expiry in seconds since 1970-01-01 UTC.
    pub pending: Vec<(String, i64)>,
    /// The time at which the server replaces the key by itself, in seconds since 1970-01-01 UTC.
    pub rotation: Option<i64>,
}

const TABLE: Table = Table {
    name: "object",
    columns: "id, version, owner, object_type, algorithm, length, usage_mask, state, activation_date, deactivation_date, \
              sensitive, extractable, class, placement, kek, material, attributes, binding, project, grants, pending",
    key: "id",
};

/// Maximum number of keys of one owner that the server replaces by itself.
pub const MAX_ROTATING: i64 = 10_000;

/// The search tables: their names, and their text columns.
const INDEX: [(&str, &str); 3] = [("object_name", "name"), ("object_tag", "tag"), ("object_grantee", "grantee")];

impl Object {
    /// The bytes that the binding covers: table name and every column, each with its length before it, so that no two
    /// rows have the same bytes.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256 + self.attributes.len());
        put(&mut bytes, Some(b"object"));
        put(&mut bytes, Some(self.id.as_bytes()));
        put_number(&mut bytes, Some(self.version));
        put(&mut bytes, Some(self.owner.as_bytes()));
        for number in [self.object_type, self.algorithm, self.length, self.usage_mask, self.state] {
            put_number(&mut bytes, Some(number));
        }
        put_number(&mut bytes, self.activation_date);
        put_number(&mut bytes, self.deactivation_date);
        put_number(&mut bytes, Some(i64::from(self.sensitive)));
        put_number(&mut bytes, Some(i64::from(self.extractable)));
        put_number(&mut bytes, Some(self.class.code()));
        put_number(&mut bytes, Some(self.material.placement()));
        put(&mut bytes, self.material.kek());
        put(&mut bytes, self.material.bytes());
        put(&mut bytes, Some(self.attributes.as_bytes()));
        // Rows from before these columns existed keep their binding; rows with a different number of fields never have the
        // same bytes.
        if self.project.is_some() || self.grants.is_some() || self.pending.is_some() {
            put(&mut bytes, self.project.as_deref().map(str::as_bytes));
            put(&mut bytes, self.grants.as_deref().map(str::as_bytes));
        }
        if let Some(pending) = &self.pending {
            put(&mut bytes, Some(pending.as_bytes()));
        }
        bytes
    }

    fn from_row(row: &Row<'_>) -> Result<Self, BadColumn> {
        Ok(Self {
            id: row.get(0)?,
            version: row.get(1)?,
            owner: row.get(2)?,
            object_type: row.get(3)?,
            algorithm: row.get(4)?,
            length: row.get(5)?,
            usage_mask: row.get(6)?,
            state: row.get(7)?,
            activation_date: row.get(8)?,
            deactivation_date: row.get(9)?,
            sensitive: row.get(10)?,
            extractable: row.get(11)?,
            class: Class::from_code(row.get(12)?).ok_or(BadColumn(12))?,
            material: Material::from_columns(row.get(13)?, row.get(14)?, row.get(15)?).ok_or(BadColumn(13))?,
            attributes: row.get(16)?,
            binding: row.get(17)?,
            project: row.get(18)?,
            grants: row.get(19)?,
            pending: row.get(20)?,
        })
    }

    /// Adds the row and its index.
    ///
    /// # Errors
    /// [`Error::Exists`] if the identifier exists already; [`Error::Rotations`] if the owner has [`MAX_ROTATING`] other keys that
    /// the server replaces by itself.
    pub fn insert(self, index: Index) -> Command {
        Command::new(move |transaction| {
            let sql = TABLE.insert_numbered("ON CONFLICT (id) DO NOTHING RETURNING number");
            let number: Option<i64> = sql::one(transaction, &sql, &self.columns(), sql::column)?;
            let number = number.ok_or_else(|| Error::Exists(self.id.clone()))?;
            self.write_index(transaction, number, &index)?;
            self.write_rotation(transaction, &index, None)
        })
    }

    /// Replaces the row of version `self.version - 1`, and its index.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the row has another version; [`Error::Rotations`] as for a new row.
    pub fn update(self, index: Index) -> Command {
        Command::new(move |transaction| {
            let sql = TABLE.update("WHERE id = ?1 AND version = ?2 - 1 RETURNING number");
            let number: Option<i64> = sql::one(transaction, &sql, &self.columns(), sql::column)?;
            let number = number.ok_or(Error::Conflict)?;
            transaction.note(Change::Object(self.id.clone()));
            for (table, _) in INDEX {
                sql::execute(transaction, &format!("DELETE FROM {table} WHERE number = ?1"), values![number])?;
            }
            sql::execute(transaction, "DELETE FROM object_pending WHERE object = ?1", values![self.id])?;
            let sql = "DELETE FROM object_rotation WHERE object = ?1 RETURNING owner";
            let rotating: Option<String> = sql::one(transaction, sql, values![self.id], sql::column)?;
            self.write_index(transaction, number, &index)?;
            self.write_rotation(transaction, &index, rotating.as_deref())
        })
    }

    /// The values of the columns of [`TABLE`], in that order.
    fn columns(&self) -> [Value<'_>; 21] {
        [
            self.id.to_value(),
            self.version.to_value(),
            self.owner.to_value(),
            self.object_type.to_value(),
            self.algorithm.to_value(),
            self.length.to_value(),
            self.usage_mask.to_value(),
            self.state.to_value(),
            self.activation_date.to_value(),
            self.deactivation_date.to_value(),
            self.sensitive.to_value(),
            self.extractable.to_value(),
            Value::Integer(self.class.code()),
            Value::Integer(self.material.placement()),
            self.material.kek().map_or(Value::Null, Value::Blob),
            self.material.bytes().map_or(Value::Null, Value::Blob),
            self.attributes.to_value(),
            self.binding.to_value(),
            self.project.to_value(),
            self.grants.to_value(),
            self.pending.to_value(),
        ]
    }

    fn write_index(&self, transaction: &dyn Connection, number: i64, index: &Index) -> Result<(), Error> {
        for ((table, column), texts) in INDEX.into_iter().zip([&index.names, &index.tags, &index.grantees]) {
            if texts.is_empty() {
                continue;
            }
            let sql = format!("INSERT INTO {table} ({column}, number) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
            for text in texts {
                sql::execute(transaction, &sql, values![text, number])?;
            }
        }
        for (text, expires) in &index.pending {
            let sql =
                "INSERT INTO object_pending (subject, object, expires) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            sql::execute(transaction, sql, values![text, self.id, expires])?;
        }
        Ok(())
    }

    /// Notes when the server replaces the key by itself. `before` is the owner for whom it was noted before.
    fn write_rotation(&self, transaction: &dyn Connection, index: &Index, before: Option<&str>) -> Result<(), Error> {
        let Some(due) = index.rotation else { return Ok(()) };
        if before != Some(&self.owner) {
            let sql = "SELECT count(*) FROM object_rotation INDEXED BY object_rotation_owner WHERE owner = ?1";
            let count: Option<i64> = sql::one(transaction, sql, values![self.owner], sql::column)?;
            if count.is_none_or(|count| count >= MAX_ROTATING) {
                return Err(Error::Rotations);
            }
        }
        let sql = "INSERT INTO object_rotation (object, due, owner) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (object) DO UPDATE SET due = excluded.due, owner = excluded.owner";
        sql::execute(transaction, sql, values![self.id, due, self.owner])?;
        Ok(())
    }
}

/// The object with this identifier.
///
/// # Errors
/// Those of the database, or [`Error::Malformed`], which concerns only this row.
pub fn find(store: &Readers, id: &str) -> Result<Option<Object>, Error> {
    store.named(&TABLE.select("WHERE id = ?1"), values![id], Object::from_row, || id.to_owned())
}

/// The columns that determine the state of an object and that every schema has.
#[derive(Debug, Clone, Copy)]
pub struct Lifecycle {
    /// State as last set; dates may have changed the effective state since.
    pub state: i64,
    /// Activation Date.
    pub activation_date: Option<i64>,
    /// Deactivation Date.
    pub deactivation_date: Option<i64>,
}

impl Lifecycle {
    /// The lifecycle of the object with this identifier.
    pub(super) fn find(connection: &dyn Connection, id: &str) -> Result<Option<Self>, Error> {
        let sql = "SELECT state, activation_date, deactivation_date FROM object WHERE id = ?1";
        sql::one(connection, sql, values![id], |row| {
            Ok(Self { state: row.get(0)?, activation_date: row.get(1)?, deactivation_date: row.get(2)? })
        })
    }
}

/// The identifiers of all rows, in the order of their creation.
///
/// # Errors
/// Those of the database.
pub fn identifiers(store: &Readers) -> Result<Vec<String>, Error> {
    store.all("SELECT CAST(id AS TEXT) FROM object ORDER BY number", &[], sql::column)
}

/// The number of an object: its position in the order of creation.
///
/// # Errors
/// Those of the database.
pub fn number(store: &Readers, id: &str) -> Result<Option<i64>, Error> {
    store.one("SELECT number FROM object WHERE id = ?1", values![id], sql::column)
}

/// Whether this grantee has a grant.
///
/// # Errors
/// Those of the database.
pub fn any_grant(store: &Readers, grantee: &str) -> Result<bool, Error> {
    store.any("SELECT 1 FROM object_grantee WHERE grantee = ?1", values![grantee])
}

/// The query that finds an object of a project.
pub(super) const IN_PROJECT: &str = "SELECT 1 FROM object WHERE project = ?1";

/// Whether the project holds an object.
///
/// # Errors
/// Those of the database.
pub fn any_in_project(store: &Readers, project: &str) -> Result<bool, Error> {
    store.any(IN_PROJECT, values![project])
}

/// `CKA_ID`s of the token objects that rows refer to.
///
/// # Errors
/// Those of the database.
pub fn token_objects(store: &Readers) -> Result<Vec<Vec<u8>>, Error> {
    let sql = "SELECT material FROM object INDEXED BY object_in_token WHERE placement = 2 AND material IS NOT NULL";
    store.all(sql, &[], sql::column)
}

/// `CKA_ID`s of the token objects of rows that are not destroyed.
///
/// # Errors
/// Those of the database.
pub fn live_token_objects(store: &Readers) -> Result<Vec<Vec<u8>>, Error> {
    let sql = "SELECT material FROM object INDEXED BY object_in_token \
               WHERE placement = 2 AND state < 5 AND material IS NOT NULL";
    store.all(sql, &[], sql::column)
}

/// Objects that are not destroyed and whose key is a token object: identifier and `CKA_ID`, in the order in which they were made.
///
/// # Errors
/// Those of the database.
pub fn live_in_token(store: &Readers) -> Result<Vec<(String, Vec<u8>)>, Error> {
    store.run(live_in_token_of)
}

/// Like [`live_in_token`], in a database of any schema.
pub(super) fn live_in_token_of(connection: &dyn Connection) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let sql =
        "SELECT id, material FROM object WHERE placement = 2 AND state < 5 AND material IS NOT NULL ORDER BY number";
    sql::all(connection, sql, &[], sql::pair)
}

/// Identifiers of objects in state Destroyed or Destroyed Compromised whose key was a token object.
///
/// # Errors
/// Those of the database.
pub fn destroyed_in_token(store: &Readers) -> Result<Vec<String>, Error> {
    store.all("SELECT id FROM object INDEXED BY object_in_token WHERE placement = 2 AND state >= 5", &[], sql::column)
}

/// Whether a table is one for searches.
pub(super) fn is_index(table: &str) -> bool {
    INDEX.iter().any(|(own, _)| *own == table)
}

/// Whether a text for searches may be another one in another database: PostgreSQL has U+FFFF in the place of U+0000.
pub(super) fn is_respelled(text: &str) -> bool {
    text.contains(['\0', '\u{FFFF}'])
}

/// Adds to the tables for searches of `target` the texts of an object of `source` that another database has in another
/// spelling. An object whose row is invalid is found by its other texts only.
pub(super) fn respell(
    source: &dyn Connection,
    target: &dyn Connection,
    number: i64,
    index_of: &dyn Fn(Object) -> Option<Index>,
) -> Result<(), Error> {
    let found = sql::one(source, &TABLE.select("WHERE number = ?1"), values![number], Object::from_row);
    let found = match found {
        Err(Error::Column(_)) => None,
        found => found?,
    };
    let Some(Index { names, tags, grantees, .. }) = found.and_then(index_of) else { return Ok(()) };
    for ((table, column), texts) in INDEX.into_iter().zip([names, tags, grantees]) {
        let sql = format!("INSERT INTO {table} ({column}, number) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
        for text in texts.iter().filter(|text| is_respelled(text)) {
            sql::execute(target, &sql, values![text, number])?;
        }
    }
    Ok(())
}

/// Appends a value with its length before it; the encodings of an absent value and an empty one are different.
pub(crate) fn put(bytes: &mut Vec<u8>, value: Option<&[u8]>) {
    let length = value.map_or(u64::MAX, |value| u64::try_from(value.len()).unwrap_or(u64::MAX - 1));
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(value.unwrap_or_default());
}

pub(crate) fn put_number(bytes: &mut Vec<u8>, value: Option<i64>) {
    let encoded = value.map(i64::to_be_bytes);
    put(bytes, encoded.as_ref().map(<[u8; 8]>::as_slice));
}
