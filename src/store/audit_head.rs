//! What the database knows about the end of the audit log.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::audit::{Hash, Head, SignedHead};

/// The end of the log at the last commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// The last line.
    pub head: Head,
    /// The last checkpoint that is on disk, without its newline.
    pub signed_line: Option<String>,
}

/// What is known; `None` before the first record.
///
/// # Errors
/// SQLite's.
pub fn read(connection: &Connection) -> Result<Option<AuditHead>, rusqlite::Error> {
    let mut select = connection.prepare_cached("SELECT seq, hash, signed_line FROM audit_head")?;
    let head = select.query_row([], |row| {
        let seq: i64 = row.get(0)?;
        let seq = u64::try_from(seq).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, seq))?;
        Ok(AuditHead { head: Head { seq, hash: row.get(1)? }, signed_line: row.get(2)? })
    });
    head.optional()
}

/// Moves the head on to a line; it never goes back.
///
/// # Errors
/// SQLite's.
pub fn advance(connection: &Connection, seq: u64, hash: &Hash) -> Result<(), rusqlite::Error> {
    let mut write = connection.prepare_cached(
        "INSERT INTO audit_head (one, seq, hash) VALUES (1, ?1, ?2) \
         ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash WHERE excluded.seq > seq",
    )?;
    write.execute(params![column(seq), hash])?;
    Ok(())
}

/// Keeps a checkpoint that is on disk, and moves the head on to it: what was recorded before it is committed, or
/// the log says that it is not, because commits and checkpoints come to the writer in their order.
///
/// # Errors
/// SQLite's.
pub fn sign(connection: &Connection, signed: &SignedHead) -> Result<(), rusqlite::Error> {
    advance(connection, signed.seq, &signed.hash)?;
    let mut write = connection.prepare_cached("UPDATE audit_head SET signed_seq = ?1, signed_line = ?2")?;
    write.execute(params![column(signed.seq), signed.line])?;
    Ok(())
}

/// SQLite's integers have 63 bits.
fn column(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
