//! A consistent copy of a database, also while a server is writing it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};

use super::connection::{configure, immutable, named};
use super::schema;
use crate::audit::Head;
use crate::store::database::Store;
use crate::store::error::Error;
use crate::store::root_key::RootKey;
use crate::store::{audit_head, object, root_key};

/// The pause between two syncs of a copy.
const PAUSE: Duration = Duration::from_millis(100);

/// Facts about a copy of the database that identify what belongs to it.
pub struct Snapshot {
    /// The number of its schema.
    pub schema: i64,
    /// Number of objects, including destroyed ones.
    pub objects: i64,
    /// Its root keys; empty if no server has started with it.
    pub root_keys: Vec<RootKey>,
    /// The last line of the audit log at the time of the copy; `None` if there was none.
    pub head: Option<Head>,
    /// Objects that are not destroyed and whose key is in the HSM token: identifier and `CKA_ID`.
    pub in_token: Vec<(String, Vec<u8>)>,
}

impl Store {
    /// Copies the database in one consistent state to `to`, which must not exist, and checks the copy. The content of
    /// the copy is then on disk, but not yet its directory entry. A server may have the database open and continue to
    /// write. Its write-ahead log cannot restart until the copy is complete.
    ///
    /// VACUUM INTO is one read transaction; SQLite's backup in steps would start again after each commit. VACUUM INTO
    /// writes every row again, so that the copy contains no deleted data. `user_version`, `application_id` and the
    /// numbers of objects are kept. The copy is not in WAL mode, which a server sets at each start; so it is a single
    /// file and can be read without making others.
    ///
    /// # Errors
    /// The database cannot be read or belongs to another program, or the copy cannot be written or is damaged.
    pub fn snapshot(path: &Path, to: &Path) -> Result<Snapshot, Error> {
        let uncopied = |source: rusqlite::Error| Error::Copy { to: to.to_owned(), source: source.into() };
        let unwritten = |source| Error::Write { path: to.to_owned(), source };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(unwritten)?;
        let connection = open(path).map_err(|error| named(error, path))?;
        let name = ToSqlOutput::Borrowed(ValueRef::Text(to.as_os_str().as_bytes()));
        let (copied, synced) = while_syncing(&file, || connection.execute("VACUUM INTO ?1", [name]));
        copied.map_err(uncopied)?;
        synced.map_err(unwritten)?;
        // Closed before the copy is checked, so that the server's write-ahead log can restart.
        drop(connection);
        read(to).map_err(|error| named(error, to))
    }
}

/// Runs `write` while another thread syncs the file again and again: syncing a gigabyte at the end would make the
/// commits of the server wait for the disk. Returns also whether syncing succeeded, because the kernel reports a
/// failure only once.
fn while_syncing<T>(file: &File, write: impl FnOnce() -> T) -> (T, io::Result<()>) {
    thread::scope(|scope| {
        let (done, is_done) = channel::<()>();
        let syncing = scope.spawn(move || {
            while is_done.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                file.sync_data()?;
            }
            file.sync_all()
        });
        let written = write();
        drop(done);
        (written, syncing.join().unwrap_or_else(|_| Err(io::Error::other("the thread that syncs it has failed"))))
    })
}

/// Opens the database for reading while other processes have it open.
fn open(path: &Path) -> Result<Connection, Error> {
    // Opened for writing although nothing is written: the last closed connection moves the write-ahead log into the
    // database, and a read-only connection cannot do so. The server may stop before this process does.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    schema::check(&connection, path)?;
    Ok(connection)
}

/// Checks a copy, and reads the facts about it.
fn read(path: &Path) -> Result<Snapshot, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(immutable(path), flags)?;
    configure(&connection)?;
    // Checks whether the file is as it was written. PRAGMA integrity_check also compares each index with its table; it
    // takes five times as long, and finds only what is wrong in the original too.
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(Error::Damaged { path: path.to_owned(), verdict });
    }
    let schema = schema::check(&connection, path)?;
    if schema == 0 {
        return Ok(Snapshot { schema, objects: 0, root_keys: Vec::new(), head: None, in_token: Vec::new() });
    }
    Ok(Snapshot {
        schema,
        objects: connection.query_row("SELECT count(*) FROM object", [], |row| row.get(0))?,
        root_keys: root_key::recorded(&connection)?,
        head: if connection.table_exists(None, "audit_head")? { audit_head::last_line(&connection)? } else { None },
        in_token: object::live_in_token_of(&connection)?,
    })
}
