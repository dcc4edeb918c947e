//! The end of the audit log according to the database. Of several servers over one database, each has a log and a row of
//! its own. One more row, which all of them write, has their names and covers the records that must never be lost.

pub mod moved;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use openssl::sha::sha256;
use serde_json::json;

use super::command::Command;
use super::error::Error;
use super::object::{put, put_number};
use super::pulse;
use super::reader::Readers;
use super::row::{BadColumn, Row, values};
use super::sql::{self, Connection, Table};
use super::{gcm_use, root_key};
use crate::audit::{Hash, Head, SignedHead};
use crate::secret::is_equal;

/// Makes a MAC by the binding key, or returns the reason why it cannot.
pub type Mac = Arc<dyn Fn(&[u8]) -> Result<Vec<u8>, String> + Send + Sync>;

/// Number of remembered sound rows. A rolled back transaction restores one of the last ones.
const REMEMBERED: usize = 256;

/// The states of the row that this process bound or verified.
#[derive(Clone, Default)]
pub struct Sound(Arc<Mutex<VecDeque<Hash>>>);

/// Binds the row, and knows its sound states: a row that another program changed while the server runs must not be
/// bound again with that change.
#[derive(Clone)]
pub struct Binder {
    mac: Mac,
    sound: Sound,
}

impl Binder {
    /// A binder. All binders of one process share `sound`.
    #[must_use]
    pub fn new(mac: Mac, sound: Sound) -> Self {
        Self { mac, sound }
    }

    /// Remembers a row whose binding was verified.
    pub fn trust(&self, head: &AuditHead) {
        let mut sound = self.sound.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sound.len() >= REMEMBERED {
            sound.pop_front();
        }
        sound.push_back(head.digest());
    }

    fn trusts(&self, head: &AuditHead) -> bool {
        let digest = head.digest();
        self.sound.0.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|sound| *sound == digest)
    }

    /// The present row of this server.
    ///
    /// # Errors
    /// Those of the database; the row is missing, or this process neither wrote nor verified it.
    fn present(&self, connection: &dyn Connection) -> Result<AuditHead, Error> {
        read_in(connection)?.filter(|head| self.trusts(head)).ok_or_else(changed)
    }

    /// The present row that covers the records. Other servers write it too, so its binding is verified.
    ///
    /// # Errors
    /// Those of the database and of the HSM; the row is missing or was changed.
    fn covering(&self, connection: &dyn Connection) -> Result<AuditHead, Error> {
        let row = covering_in(connection)?.ok_or_else(changed)?;
        if self.trusts(&row) {
            return Ok(row);
        }
        let binding = pulse::outside(|| (self.mac)(&row.bound())).map_err(Error::Binding)?;
        if row.number == COMMON && is_equal(&binding, row.binding.as_deref().unwrap_or_default()) {
            return Ok(row);
        }
        Err(changed())
    }
}

fn changed() -> Error {
    Error::Binding("the row audit_head was changed or removed while the server runs".to_owned())
}

/// The number of the row of the only server, and of the first of several.
const FIRST: i64 = 1;

/// The number of the row of all servers.
const COMMON: i64 = 0;

/// Maximum number of servers that ever use one database.
const MOST_SERVERS: usize = 256;

/// The end of the log at the last commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// The number of the server: 1 if there is only one. 0 in the row of all servers, whose other columns are empty except
    /// that `signed_line` has the names of the servers as a JSON array, in the order of their numbers, and `root_keys`.
    pub number: i64,
    /// The last line; sequence number 0 if there is no line yet.
    pub head: Head,
    /// The last checkpoint that is on disk, without its newline.
    pub signed_line: Option<String>,
    /// Since when the server has run without an audit log, in seconds since 1970-01-01 UTC.
    pub unrecorded_since: Option<i64>,
    /// SHA-256 of the records that must never be lost ([`root_key::digest`]); `None` in a row of an earlier version; empty in
    /// the row of one of several servers, which covers no records and so is never taken for that of an only server.
    pub root_keys: Option<Vec<u8>>,
    /// MAC by the binding key over [`AuditHead::bound`].
    pub binding: Option<Vec<u8>>,
}

/// The column `one` is the number of the server.
const TABLE: Table = Table {
    name: "audit_head",
    columns: "one, seq, hash, signed_line, unrecorded_since, root_keys, binding",
    key: "one",
};

impl AuditHead {
    /// The row of an empty log.
    #[must_use]
    pub fn begin() -> Self {
        Self::of(FIRST)
    }

    fn of(number: i64) -> Self {
        let head = Head { seq: 0, hash: Hash::default() };
        Self { number, head, signed_line: None, unrecorded_since: None, root_keys: None, binding: None }
    }

    /// The rows of a new database: the one that covers the records, and this server's if that is another. `server` is the
    /// name of this server, empty if there is only one.
    #[must_use]
    pub fn first(server: &str) -> (Self, Option<Self>) {
        if server.is_empty() {
            return (Self::begin(), None);
        }
        let names = Some(json!([server]).to_string());
        (Self { signed_line: names, ..Self::of(COMMON) }, Some(Self::begin().of_several()))
    }

    /// The row as that of one of several servers.
    fn of_several(self) -> Self {
        Self { root_keys: Some(Vec::new()), ..self }
    }

    /// Whether this is the row of all servers.
    #[must_use]
    pub fn is_common(&self) -> bool {
        self.number == COMMON
    }

    /// The names of the servers, in the order of their numbers, if this is the row of all servers.
    fn servers(&self) -> Vec<String> {
        let names = self.signed_line.as_deref().filter(|_| self.is_common());
        names.and_then(|names| serde_json::from_str(names).ok()).unwrap_or_default()
    }

    /// The bytes that the binding covers: table name and every column, each with its length before it.
    #[must_use]
    pub fn bound(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        if self.number == FIRST {
            put(&mut bytes, Some(b"audit_head"));
        } else {
            put(&mut bytes, Some(b"audit_head of a server"));
            put_number(&mut bytes, Some(self.number));
        }
        put_number(&mut bytes, Some(column(self.head.seq)));
        put(&mut bytes, Some(&self.head.hash));
        put(&mut bytes, self.signed_line.as_deref().map(str::as_bytes));
        put_number(&mut bytes, self.unrecorded_since);
        // A row of an earlier version does not have this column, and its binding must stay correct until it is written
        // again.
        if let Some(root_keys) = &self.root_keys {
            put(&mut bytes, Some(root_keys));
        }
        bytes
    }

    /// A digest of the row with its binding, which is different for every state.
    fn digest(&self) -> Hash {
        let mut bytes = self.bound();
        put(&mut bytes, self.binding.as_deref());
        sha256(&bytes)
    }

    /// Binds the row and replaces the present one.
    ///
    /// # Errors
    /// [`Error::Binding`] if the binding cannot be made.
    pub fn write(self, bind: Binder) -> Command {
        Command::new(move |transaction| self.clone().write_in(transaction, &bind))
    }

    fn write_in(self, connection: &dyn Connection, bind: &Binder) -> Result<(), Error> {
        let is_of_several = !connection.server().is_empty() && !self.is_common();
        let row = if is_of_several { self.of_several() } else { self };
        let binding = Some(pulse::outside(|| (bind.mac)(&row.bound())).map_err(Error::Binding)?);
        let bound = Self { binding, ..row };
        bound.insert_in(connection)?;
        bind.trust(&bound);
        Ok(())
    }

    /// Replaces the present row by one that is bound already.
    pub fn insert(self) -> Command {
        Command::new(move |transaction| self.insert_in(transaction))
    }

    pub(super) fn insert_in(&self, connection: &dyn Connection) -> Result<(), Error> {
        let Self { number, head, signed_line, unrecorded_since, root_keys, binding } = self;
        let seq = column(head.seq);
        let values = values![number, seq, head.hash, signed_line, unrecorded_since, root_keys, binding];
        sql::execute(connection, &TABLE.replace(), values).map(drop)
    }
}

/// The present row of this server; `None` if there is none.
///
/// # Errors
/// Those of the database.
pub fn read(store: &Readers) -> Result<Option<AuditHead>, Error> {
    store.run(read_in)
}

fn read_in(connection: &dyn Connection) -> Result<Option<AuditHead>, Error> {
    let rows = all_in(connection)?;
    let number = match connection.server() {
        "" => Some(FIRST),
        server => rows.iter().find(|row| row.is_common()).and_then(|common| number_of(common, server)),
    };
    Ok(rows.into_iter().find(|row| Some(row.number) == number))
}

fn number_of(common: &AuditHead, server: &str) -> Option<i64> {
    common.servers().iter().zip(FIRST..).find(|(name, _)| *name == server).map(|(_, number)| number)
}

/// The present row that covers the records that must never be lost; `None` if there is none.
///
/// # Errors
/// Those of the database.
pub fn covering(store: &Readers) -> Result<Option<AuditHead>, Error> {
    store.run(covering_in)
}

fn covering_in(connection: &dyn Connection) -> Result<Option<AuditHead>, Error> {
    if connection.server().is_empty() {
        return read_in(connection);
    }
    Ok(all_in(connection)?.into_iter().find(AuditHead::is_common))
}

/// The row of this server's log as if it were empty.
///
/// # Errors
/// Those of the database.
pub fn empty(store: &Readers) -> Result<AuditHead, Error> {
    store.run(|connection| {
        let common = covering_in(connection)?.filter(AuditHead::is_common);
        let number = common.and_then(|common| number_of(&common, connection.server()));
        Ok(AuditHead::of(number.unwrap_or(FIRST)))
    })
}

/// The names of all servers, each with its row; `None` for a row that is missing. One without a name for the only server.
///
/// # Errors
/// Those of the database.
pub fn of_all(store: &Readers) -> Result<Vec<(String, Option<AuditHead>)>, Error> {
    store.run(|connection| {
        if connection.server().is_empty() {
            return Ok(vec![(String::new(), read_in(connection)?)]);
        }
        let rows = all_in(connection)?;
        let names = rows.iter().find(|row| row.is_common()).map(AuditHead::servers).unwrap_or_default();
        let row = |number| rows.iter().find(|row| row.number == number).cloned();
        Ok(names.into_iter().zip(FIRST..).map(|(name, number)| (name, row(number))).collect())
    })
}

/// Gives this server, whose name is new, a row of its own.
///
/// # Errors
/// [`Error::Binding`] if the row of all servers was changed; [`Error::Full`] if there are too many.
pub fn join(bind: Binder) -> Command {
    Command::new(move |transaction| {
        let common = bind.covering(transaction)?;
        let mut names = common.servers();
        if names.iter().any(|name| name == transaction.server()) {
            return Err(Error::Conflict);
        }
        if names.len() >= MOST_SERVERS {
            return Err(Error::Full);
        }
        names.push(transaction.server().to_owned());
        let number = i64::try_from(names.len()).unwrap_or(i64::MAX);
        AuditHead { signed_line: Some(json!(names).to_string()), ..common }.write_in(transaction, &bind)?;
        AuditHead::of(number).write_in(transaction, &bind)
    })
}

fn all_in(connection: &dyn Connection) -> Result<Vec<AuditHead>, Error> {
    sql::all(connection, &TABLE.select(""), &[], |row| {
        Ok(AuditHead {
            number: row.get(0)?,
            head: head_of(row, 1)?,
            signed_line: row.get(3)?,
            unrecorded_since: row.get(4)?,
            root_keys: row.get(5)?,
            binding: row.get(6)?,
        })
    })
}

/// The last line of the log according to a database of any schema with this table; `None` if there is none.
pub(super) fn last_line(connection: &dyn Connection) -> Result<Option<Head>, Error> {
    let head = sql::one(connection, "SELECT seq, hash FROM audit_head", &[], |row| head_of(row, 0))?;
    Ok(head.filter(|head| head.seq > 0))
}

/// The sequence number in this column and the hash in the next one.
fn head_of(row: &Row<'_>, column: usize) -> Result<Head, BadColumn> {
    let seq = u64::try_from(row.get::<i64>(column)?).map_err(|_| BadColumn(column))?;
    Ok(Head { seq, hash: row.get(column + 1)? })
}

/// Moves the head forward to a line; it never moves back.
pub(super) fn advance(connection: &dyn Connection, seq: u64, hash: &Hash, bind: &Binder) -> Result<(), Error> {
    let present = bind.present(connection)?;
    if present.head.seq >= seq {
        return Ok(());
    }
    AuditHead { head: Head { seq, hash: *hash }, ..present }.write_in(connection, bind)
}

/// Stores a checkpoint that is on disk, and moves the head forward to it. Records before it are committed, or the log
/// has a line that they are not, because commits and checkpoints reach the writer in their order.
///
/// # Errors
/// [`Error::Binding`] if the binding cannot be made, or another program changed the row.
pub fn sign(signed: SignedHead, bind: Binder) -> Command {
    Command::new(move |transaction| {
        let present = bind.present(transaction)?;
        let own = Head { seq: signed.seq, hash: signed.hash };
        let head = if present.head.seq >= own.seq { present.head } else { own };
        AuditHead { head, signed_line: Some(signed.line.clone()), ..present }.write_in(transaction, &bind)
    })
}

/// Notes that the audit log is written again after a time without it.
///
/// # Errors
/// As for [`sign`].
pub fn recorded_again(bind: Binder) -> Command {
    Command::new(move |transaction| {
        AuditHead { unrecorded_since: None, ..bind.present(transaction)? }.write_in(transaction, &bind)
    })
}

/// SHA-256 of the present records that must never be lost: all root keys, and whether uses of AES-GCM are counted.
///
/// # Errors
/// Those of the database.
pub fn records(store: &Readers) -> Result<Hash, Error> {
    store.run(records_in)
}

fn records_in(connection: &dyn Connection) -> Result<Hash, Error> {
    Ok(root_key::digest(&root_key::recorded(connection)?, gcm_use::is_counted(connection)?))
}

/// Binds these records as they are now: in the transaction that changed one.
///
/// # Errors
/// As for [`sign`].
pub fn cover_records(bind: Binder) -> Command {
    Command::new(move |transaction| {
        let root_keys = Some(records_in(transaction)?.to_vec());
        let present =
            if transaction.server().is_empty() { bind.present(transaction) } else { bind.covering(transaction) };
        AuditHead { root_keys, ..present? }.write_in(transaction, &bind)
    })
}

/// The databases' integers are signed: 63 bits for a sequence number.
fn column(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
