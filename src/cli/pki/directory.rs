//! The directory of an authority and its certificates. The files of one certificate appear together: they are written
//! to a directory of their own, which is renamed when it is complete, and then moved to their places. The next run
//! finishes an interrupted move, and removes incomplete files.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};

use super::error::Error as PkiError;
use super::trusted::{self, unwritable};
use crate::cli::error::Error;
use crate::config::check_access;
use crate::secret::Bytes;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 4 << 20;

const INCOMPLETE: &str = ".incomplete";
const COMPLETE: &str = ".complete";
const LOCK: &str = ".lock";

/// The directories of former authorities are `former-1`, `former-2` and so on.
const FORMER: &str = "former-";

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

    /// Gives an open file or directory its group, and these bits in addition to its mode. Changing the group may clear
    /// bits of the mode, so it comes first. `path` is for errors.
    fn apply(self, file: &File, path: &Path, bits: u32) -> Result<(), Error> {
        if let Self::Group(Some(group)) = self {
            let refused = |source| PkiError::Group { path: path.to_owned(), group, source };
            fchown(file, None, Some(group)).map_err(refused)?;
        }
        let mode = file.metadata().map_err(unwritable(path))?.permissions().mode() & 0o777;
        file.set_permissions(fs::Permissions::from_mode(mode | bits)).map_err(unwritable(path))
    }
}

impl Directory {
    /// Creates the directory if it does not exist, for its owner only, and locks it.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        trusted::check(path, true)?;
        Self::lock(path)
    }

    /// Locks an existing directory.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        if !trusted::check(path, false)? {
            return Err(PkiError::NoAuthority(path.to_owned()).into());
        }
        Self::lock(path)
    }

    fn lock(path: &Path) -> Result<Self, Error> {
        let place = path.join(LOCK);
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let lock = rustix::fs::open(&place, flags, Mode::RUSR | Mode::WUSR);
        let lock = File::from(lock.map_err(|error| unwritable(&place)(error.into()))?);
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
        if !self.has(name) {
            return Ok(None);
        }
        Ok(Some(trusted::open("", &self.path(name))?.bytes(MAX_FILE)?))
    }

    /// Reads a file that other users must not have access to; `None` if it does not exist. `what` is for errors.
    pub(super) fn read_private(&self, what: &'static str, name: &str) -> Result<Option<Bytes>, Error> {
        if !self.has(name) {
            return Ok(None);
        }
        let path = self.path(name);
        let file = trusted::open(what, &path)?;
        check_access(what, &path, &file.metadata()?).map_err(PkiError::from)?;
        Ok(Some(file.bytes(MAX_FILE)?))
    }

    /// Returns which group may read a file now; `None` if it is not a regular file.
    pub(super) fn access(&self, name: &str) -> Option<Access> {
        let found = fs::symlink_metadata(self.path(name)).ok().filter(fs::Metadata::is_file)?;
        let is_readable = found.permissions().mode() & 0o040 != 0;
        Some(if is_readable { Access::Group(Some(found.gid())) } else { Access::Owner })
    }

    /// Lets a group read existing files, and enter the directory.
    pub(super) fn open_to(&self, access: Access, names: &[String]) -> Result<(), Error> {
        if access == Access::Owner {
            return Ok(());
        }
        let directory = File::open(&self.path).map_err(unwritable(&self.path))?;
        access.apply(&directory, &self.path, 0o050)?;
        for path in names.iter().filter(|name| self.has(name)).map(|name| self.path(name)) {
            access.apply(trusted::open("", &path)?.file(), &path, access.bits())?;
        }
        Ok(())
    }

    /// Writes files together, replacing existing ones, or none of them.
    pub(super) fn write(&self, files: &[(String, &[u8], Access)]) -> Result<(), Error> {
        self.stage(files, &self.path(COMPLETE))?;
        self.place()
    }

    /// Writes files to a new directory, which appears with all of them.
    fn stage(&self, files: &[(String, &[u8], Access)], complete: &Path) -> Result<(), Error> {
        let staged = self.path(INCOMPLETE);
        DirBuilder::new().mode(0o700).create(&staged).map_err(unwritable(&staged))?;
        let written = files.iter().try_for_each(|(name, content, access)| {
            let path = staged.join(name);
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            let mut file = file.map_err(unwritable(&path))?;
            file.write_all(content).map_err(unwritable(&path))?;
            access.apply(&file, &path, access.bits())?;
            file.sync_all().map_err(unwritable(&path))
        });
        let completed = written.and_then(|()| {
            sync(&staged)?;
            fs::rename(&staged, complete).map_err(unwritable(complete))
        });
        if completed.is_err() {
            // What cannot be removed now is removed by the next run.
            let _ = self.discard();
        }
        completed
    }

    /// Keeps the existing ones of these files also in a new directory, which has all of them or does not exist. Returns
    /// its path; `None` if none of the files exists.
    pub(super) fn keep(&self, names: &[&str], access: Access) -> Result<Option<PathBuf>, Error> {
        let mut kept = Vec::new();
        for name in names {
            let content = self.read(name)?;
            kept.extend(content.map(|content| (*name, content, self.access(name).unwrap_or(Access::Owner))));
        }
        if kept.is_empty() {
            return Ok(None);
        }
        let files: Vec<_> =
            kept.iter().map(|(name, content, access)| ((*name).to_owned(), &**content, *access)).collect();
        let mut number = 1_u64;
        while self.has(&format!("{FORMER}{number}")) {
            number += 1;
        }
        let former = self.path(&format!("{FORMER}{number}"));
        self.stage(&files, &former)?;
        if access != Access::Owner {
            access.apply(&File::open(&former).map_err(unwritable(&former))?, &former, 0o050)?;
        }
        sync(&self.path)?;
        Ok(Some(former))
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
