//! One moment of a database that a server may be writing, as a file of its own.

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
use super::database::Store;
use super::error::Error;
use super::root_key::RootKey;
use super::{audit_head, object, root_key, schema};
use crate::audit::Head;

/// The pause between two times that a copy is put on disk.
const PAUSE: Duration = Duration::from_millis(100);

/// What a copy of the database says of what belongs to it.
pub struct Snapshot {
    /// The number of its schema.
    pub schema: i64,
    /// How many objects it has, destroyed ones included.
    pub objects: i64,
    /// Its root keys; none if no server has started with it.
    pub root_keys: Vec<RootKey>,
    /// The last line of the audit log at that moment; `None` if there was none.
    pub head: Option<Head>,
    /// Objects that are not destroyed and whose key is in the HSM token: identifier and `CKA_ID`.
    pub in_token: Vec<(String, Vec<u8>)>,
}

impl Store {
    /// Copies the database as it is at one moment to `to`, which must not exist, and reads the copy, which is on disk then but
    /// for its name. A server may have the database open: it goes on writing. Its write-ahead log is not begun again until the
    /// copy is complete.
    ///
    /// VACUUM INTO is one read transaction, where SQLite's backup in steps begins again after each commit. It writes every row
    /// again, so that nothing which was deleted is in the copy. `user_version`, `application_id` and the numbers of objects stay
    /// as they are. The copy is not in WAL mode, which a server sets at each start: so it is one file, and can be read without
    /// making others.
    ///
    /// # Errors
    /// The database cannot be read or is not ours, or the copy cannot be written or is damaged.
    pub fn snapshot(path: &Path, to: &Path) -> Result<Snapshot, Error> {
        let uncopied = |source| Error::Copy { to: to.to_owned(), source: Box::new(source) };
        let unwritten = |source| Error::Write { path: to.to_owned(), source };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(unwritten)?;
        let connection = open(path).map_err(|error| named(error, path))?;
        let name = ToSqlOutput::Borrowed(ValueRef::Text(to.as_os_str().as_bytes()));
        let (copied, synced) = while_syncing(&file, || connection.execute("VACUUM INTO ?1", [name]));
        copied.map_err(uncopied)?;
        synced.map_err(unwritten)?;
        // Closed before the copy is looked at: from here on the server's log may begin again.
        drop(connection);
        read(to).map_err(|error| named(error, to))
    }
}

/// Runs `write` while another thread has what it writes to the file put on disk, bit by bit: a gigabyte at once at the end would
/// keep the commits of the server waiting for the disk. Also whether that went well: the kernel tells of a failure only once.
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

/// Opens the database beside whoever else has it open, to read it.
fn open(path: &Path) -> Result<Connection, Error> {
    // For writing, though nothing is written: the last connection that is closed folds the write-ahead log into the database,
    // which a connection that may only read cannot do. The server may end before this process does.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    schema::check(&connection, path)?;
    Ok(connection)
}

/// Checks a copy, and reads what belongs to it.
fn read(path: &Path) -> Result<Snapshot, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(immutable(path), flags)?;
    configure(&connection)?;
    // Whether the file is as it was written. PRAGMA integrity_check also compares each index with its table, which takes five
    // times as long, and what it finds is wrong in the original too.
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
        head: audit_head::last_line(&connection)?,
        in_token: object::live_in_token_of(&connection)?,
    })
}
