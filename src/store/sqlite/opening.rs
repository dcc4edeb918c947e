//! Locking, making and opening the file of a database.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::connection::{configure, immutable, named, with_suffix};
use super::{schema, wal};
use crate::store::error::Error;

/// Takes the lock that prevents a second server from opening the same file.
pub(in crate::store) fn lock(path: &Path) -> Result<File, Error> {
    let name = lock_name(path);
    let failed = |source| Error::File { path: name.clone(), source };
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&name).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(path.display().to_string())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Whether a server has the database open now. During the call no server can open it.
///
/// # Errors
/// The lock cannot be tested.
pub(in crate::store) fn is_open(path: &Path) -> Result<bool, Error> {
    let name = lock_name(path);
    let failed = |source| Error::File { path: name.clone(), source };
    let file = match File::open(&name) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        opened => opened.map_err(failed)?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// The name of the lock file. It is derived from the real path of the database, so that a symbolic link leads to the
/// same lock.
fn lock_name(path: &Path) -> PathBuf {
    with_suffix(&fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()), ".lock")
}

/// Opens the file for writing and upgrades its schema.
pub(super) fn prepare(path: &Path) -> Result<Connection, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(failed)?;
    let mut connection = Connection::open(path)?;
    configure(&connection)?;
    // Checked before anything is changed: the file may belong to another program.
    schema::check(&connection, path)?;
    make_private(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A lost commit is a lost key, so the WAL is synced at each commit.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Pages that many commits change are written into the database only once.
    connection.pragma_update(None, "wal_autocheckpoint", wal::PAGES)?;
    connection.pragma_update(None, "journal_size_limit", wal::LONGEST)?;
    // The bytes of a destroyed key must not stay in a free page.
    connection.pragma_update(None, "secure_delete", "ON")?;
    // Former pages, which SQLite keeps to undo a job, must not be written into a separate file.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    schema::migrate(&mut connection, path)?;
    Ok(connection)
}

/// Reads the file as it is, if it exists and has a schema.
pub(in crate::store) fn read_only<T>(
    path: &Path,
    read: impl FnOnce(&dyn crate::store::sql::Connection) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let found = || open_read_only(path)?.map(|connection| read(&connection)).transpose();
    found().map_err(|error| named(error, path))
}

/// Opens the file for reading only; `None` if it has no schema yet.
pub(super) fn open_read_only(path: &Path) -> Result<Option<Connection>, Error> {
    // SQLite follows a symbolic link, so the WAL is beside the file itself.
    let file = fs::canonicalize(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    let connection = if with_suffix(&file, "-wal").exists() {
        Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)?
    } else {
        // No process has it open. Otherwise SQLite would make an empty WAL for reading and leave it there.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        Connection::open_with_flags(immutable(&file), flags)?
    };
    configure(&connection)?;
    let is_empty = schema::check(&connection, path)? == 0;
    Ok((!is_empty).then_some(connection))
}

/// Removes the access of other users to the files; SQLite gives WAL and shared memory the mode of the database.
fn make_private(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    for suffix in ["", "-wal", "-shm"] {
        let file = with_suffix(path, suffix);
        let Ok(metadata) = fs::metadata(&file) else { continue };
        if metadata.permissions().mode() & 0o077 != 0 {
            tracing::warn!(file = %file.display(), "was readable by others: mode set to 0600");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        }
    }
    Ok(())
}
