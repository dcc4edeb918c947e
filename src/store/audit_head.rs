//! What the database knows about the end of the audit log.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Error;
use super::object::{put, put_number};
use crate::audit::{Hash, Head, SignedHead};

/// Makes the MAC by the binding key, or says why it cannot.
pub type Binder = Arc<dyn Fn(&[u8]) -> Result<Vec<u8>, String> + Send + Sync>;

/// The end of the log at the last commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// The last line; sequence number 0 before there is one.
    pub head: Head,
    /// The last checkpoint that is on disk, without its newline.
    pub signed_line: Option<String>,
    /// Since when the server ran without a log, in seconds since 1970-01-01 UTC.
    pub unrecorded_since: Option<i64>,
    /// MAC by the binding key over [`AuditHead::bound`].
    pub binding: Option<Vec<u8>>,
}

impl AuditHead {
    /// Before there is any line.
    #[must_use]
    pub fn begin() -> Self {
        Self { head: Head { seq: 0, hash: Hash::default() }, signed_line: None, unrecorded_since: None, binding: None }
    }

    /// What the binding covers: table name and every column, each with its length before it.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        put(&mut bytes, Some(b"audit_head"));
        put_number(&mut bytes, Some(column(self.head.seq)));
        put(&mut bytes, Some(&self.head.hash));
        put(&mut bytes, self.signed_line.as_deref().map(str::as_bytes));
        put_number(&mut bytes, self.unrecorded_since);
        bytes
    }

    /// Writes the row in the place of the one that is there.
    ///
    /// # Errors
    /// SQLite's, or the binding cannot be made.
    pub fn write(&self, connection: &Connection, bind: &Binder) -> Result<(), Error> {
        let binding = bind(&self.bound()).map_err(Error::Binding)?;
        let mut write = connection.prepare_cached(
            "INSERT OR REPLACE INTO audit_head (one, seq, hash, signed_line, unrecorded_since, binding) \
             VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        )?;
        let Self { head, signed_line, unrecorded_since, .. } = self;
        write.execute(params![column(head.seq), head.hash, signed_line, unrecorded_since, binding])?;
        Ok(())
    }
}

/// What is known; `None` if there is no row.
///
/// # Errors
/// SQLite's.
pub fn read(connection: &Connection) -> Result<Option<AuditHead>, rusqlite::Error> {
    let mut select =
        connection.prepare_cached("SELECT seq, hash, signed_line, unrecorded_since, binding FROM audit_head")?;
    let head = select.query_row([], |row| {
        let seq: i64 = row.get(0)?;
        let seq = u64::try_from(seq).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, seq))?;
        Ok(AuditHead {
            head: Head { seq, hash: row.get(1)? },
            signed_line: row.get(2)?,
            unrecorded_since: row.get(3)?,
            binding: row.get(4)?,
        })
    });
    head.optional()
}

/// Moves the head on to a line; it never goes back.
///
/// # Errors
/// SQLite's, or the binding cannot be made.
pub fn advance(connection: &Connection, seq: u64, hash: &Hash, bind: &Binder) -> Result<(), Error> {
    let present = read(connection)?.unwrap_or_else(AuditHead::begin);
    if present.head.seq >= seq {
        return Ok(());
    }
    AuditHead { head: Head { seq, hash: *hash }, ..present }.write(connection, bind)
}

/// Keeps a checkpoint that is on disk, and moves the head on to it: what was recorded before it is committed, or
/// the log says that it is not, because commits and checkpoints come to the writer in their order.
///
/// # Errors
/// SQLite's, or the binding cannot be made.
pub fn sign(connection: &Connection, signed: &SignedHead, bind: &Binder) -> Result<(), Error> {
    let present = read(connection)?.unwrap_or_else(AuditHead::begin);
    let own = Head { seq: signed.seq, hash: signed.hash };
    let head = if present.head.seq >= own.seq { present.head } else { own };
    AuditHead { head, signed_line: Some(signed.line.clone()), ..present }.write(connection, bind)
}

/// SQLite's integers have 63 bits.
fn column(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
