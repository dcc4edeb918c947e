//! The directory of an authority and its certificates. The files of one certificate appear together: they are written
//! to a directory of their own, which is renamed when it is complete, and then moved to their places. The next run
//! finishes an interrupted move, and removes incomplete files.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::error::Error as PkiError;
use crate::cli::error::{Error, FileError};
use crate::file;
use crate::secret::Bytes;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 4 << 20;

const INCOMPLETE: &str = ".incomplete";
const COMPLETE: &str = ".complete";
const LOCK: &str = ".lock";

/// The longest time to wait for another run. A run takes well below a second, unless it asks for a password.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time between two attempts to lock.
const TURN: Duration = Duration::from_millis(20);

/// The directory, locked against other runs.
pub(super) struct Directory {
    path: PathBuf,
    /// The lock ends when the file is closed.
    _lock: File,
}

/// Which group may read files, beside their owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// No group.
    Owner,
    /// The group that the files have, or this one.
    Group(Option<u32>),
}

impl Access {
    /// The bits of the mode of a file.
    fn bits(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Group(_) => 0o640,
        }
    }

    /// Gives a file or a directory its group, and these bits in addition to its mode. Changing the group may clear bits of
    /// the mode, so it comes first.
    fn apply(self, path: &Path, bits: u32) -> Result<(), Error> {
        if let Self::Group(Some(group)) = self {
            let refused = |source| PkiError::Group { path: path.to_owned(), group, source };
            chown(path, None, Some(group)).map_err(refused)?;
        }
        let mode = fs::metadata(path).map_err(unwritable(path))?.permissions().mode() & 0o777;
        fs::set_permissions(path, fs::Permissions::from_mode(mode | bits)).map_err(unwritable(path))
    }
}

fn unwritable(path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| FileError::Write { path: path.to_owned(), source }.into()
}

impl Directory {
    /// Creates the directory if it does not exist, for its owner only, and locks it.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        if !path.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unwritable(path))?;
        }
        Self::lock(path)
    }

    /// Locks an existing directory.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        if !path.is_dir() {
            return Err(PkiError::NoAuthority(path.to_owned()).into());
        }
        Self::lock(path)
    }

    fn lock(path: &Path) -> Result<Self, Error> {
        let mode = fs::metadata(path).map_err(unwritable(path))?.permissions().mode() & 0o7777;
        if mode & 0o022 != 0 {
            return Err(PkiError::Writable { path: path.to_owned(), mode }.into());
        }
        let place = path.join(LOCK);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&place);
        let lock = lock.map_err(unwritable(&place))?;
        let end = Instant::now() + PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(TURN),
                Err(TryLockError::WouldBlock) => return Err(PkiError::Busy(path.to_owned()).into()),
                Err(TryLockError::Error(source)) => return Err(unwritable(&place)(source)),
            }
        }
        let directory = Self { path: path.to_owned(), _lock: lock };
        directory.discard()?;
        directory.place()?;
        Ok(directory)
    }

    /// Returns the path of a file.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns whether a file exists, of any kind.
    pub(super) fn has(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    /// Reads a file; `None` if it does not exist.
    pub(super) fn read(&self, name: &str) -> Result<Option<Bytes>, Error> {
        match file::bytes("", &self.path(name), MAX_FILE) {
            Err(error) if file::is_missing(&error.source) => Ok(None),
            read => Ok(Some(read?)),
        }
    }

    /// Returns which group may read a file now; `None` if the file does not exist.
    pub(super) fn access(&self, name: &str) -> Option<Access> {
        let found = fs::metadata(self.path(name)).ok()?;
        let is_readable = found.permissions().mode() & 0o040 != 0;
        Some(if is_readable { Access::Group(Some(found.gid())) } else { Access::Owner })
    }

    /// Lets a group read existing files, and enter the directory.
    pub(super) fn open_to(&self, access: Access, names: &[String]) -> Result<(), Error> {
        if access == Access::Owner {
            return Ok(());
        }
        access.apply(&self.path, 0o050)?;
        for name in names.iter().filter(|name| self.has(name)) {
            access.apply(&self.path(name), access.bits())?;
        }
        Ok(())
    }

    /// Writes files together, replacing existing ones, or none of them.
    pub(super) fn write(&self, files: &[(String, &[u8], Access)]) -> Result<(), Error> {
        let staged = self.path(INCOMPLETE);
        DirBuilder::new().mode(0o700).create(&staged).map_err(unwritable(&staged))?;
        let written = files.iter().try_for_each(|(name, content, access)| {
            let path = staged.join(name);
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            let written = file.and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()));
            written.map_err(unwritable(&path))?;
            access.apply(&path, access.bits())
        });
        let complete = self.path(COMPLETE);
        let completed = written.and_then(|()| {
            sync(&staged)?;
            fs::rename(&staged, &complete).map_err(unwritable(&complete))
        });
        if let Err(error) = completed {
            // What cannot be removed now is removed by the next run.
            let _ = self.discard();
            return Err(error);
        }
        self.place()
    }

    /// Removes files that an interrupted run had not completed.
    fn discard(&self) -> Result<(), Error> {
        let staged = self.path(INCOMPLETE);
        match fs::remove_dir_all(&staged) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritable(&staged)(error)),
            _ => Ok(()),
        }
    }

    /// Moves complete files to their places, also those of an interrupted run.
    fn place(&self) -> Result<(), Error> {
        let complete = self.path(COMPLETE);
        let entries = match fs::read_dir(&complete) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(unwritable(&complete))?,
        };
        for entry in entries {
            let entry = entry.map_err(unwritable(&complete))?;
            let place = self.path.join(entry.file_name());
            fs::rename(entry.path(), &place).map_err(unwritable(&place))?;
        }
        fs::remove_dir(&complete).map_err(unwritable(&complete))?;
        sync(&self.path)
    }

    /// Removes a file if it exists.
    pub(super) fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritable(&path)(error)),
            _ => Ok(()),
        }
    }
}

fn sync(directory: &Path) -> Result<(), Error> {
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(unwritable(directory))
}
