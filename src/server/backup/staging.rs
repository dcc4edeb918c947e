//! The directory of an incomplete backup. It is a sibling of the final directory, and is renamed when it is complete.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::error::BackupError;
use crate::hexadecimal;

/// The part of the sibling's name between the name of the final directory and random hexadecimal digits.
const PARTIAL: &str = ".partial-";

/// The number of random bytes.
const RANDOM: usize = 8;

/// The size of a block that is copied at one time, in bytes.
const BLOCK: usize = 1 << 20;

/// The number of blocks after which the file is synced. Syncing more at once would delay the commits of the server.
const BLOCKS: usize = 16;

/// A directory that is being filled. It is removed if this is dropped before [`Staging::finish`].
pub(super) struct Staging {
    directory: PathBuf,
    parent: PathBuf,
    path: PathBuf,
    /// The directories in it.
    inner: Vec<PathBuf>,
    is_finished: bool,
    /// The lock of this process on the directory. A directory that is not locked was left by a killed process.
    _lock: File,
}

impl Staging {
    /// Creates the sibling with mode 0700, and removes siblings that killed processes left.
    pub(super) fn begin(given: &Path) -> Result<Self, BackupError> {
        let (parent, name) = place(given)?;
        let directory = parent.join(&name);
        remove_abandoned(&parent, &name);
        loop {
            let mut random = [0; RANDOM];
            openssl::rand::rand_bytes(&mut random)?;
            let mut own = name.clone();
            own.push(PARTIAL);
            own.push(hexadecimal::lower(&random));
            let path = parent.join(own);
            let failed = |source| BackupError::Write { path: path.clone(), source };
            DirBuilder::new().mode(0o700).create(&path).map_err(failed)?;
            // Between creating and locking, another process may have removed the directory as abandoned.
            let Some(lock) = lock(&path).map_err(failed)? else { continue };
            return Ok(Self { directory, parent, path, inner: Vec::new(), is_finished: false, _lock: lock });
        }
    }

    /// Returns the path of the final directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the current path of a file in it.
    pub(super) fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Creates a directory in it with mode 0700.
    pub(super) fn add_directory(&mut self, name: &Path) -> Result<(), BackupError> {
        let path = self.file(name);
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|source| BackupError::Write { path: path.clone(), source })?;
        self.inner.push(path);
        Ok(())
    }

    /// Adds a file with the contents of `from`, and waits until it is on disk. `origin` is the path of `from`, for
    /// errors.
    pub(super) fn add(&self, name: &Path, from: impl Read, origin: &Path) -> Result<(), BackupError> {
        let path = self.file(name);
        let failed = |source| BackupError::Write { path: path.clone(), source };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        let (mut from, mut block) = (from, vec![0; BLOCK]);
        for number in 1_usize.. {
            let read = match from.read(&mut block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(|source| BackupError::Read { path: origin.to_owned(), source })?,
            };
            if read == 0 {
                break;
            }
            file.write_all(block.get(..read).unwrap_or_default()).map_err(failed)?;
            if number.is_multiple_of(BLOCKS) {
                file.sync_data().map_err(failed)?;
            }
        }
        file.sync_all().map_err(failed)
    }

    /// Removes a file.
    pub(super) fn remove(&self, name: &Path) -> Result<(), BackupError> {
        let path = self.file(name);
        fs::remove_file(&path).map_err(|source| BackupError::Write { path, source })
    }

    /// Syncs the directory, and renames it to the final one.
    pub(super) fn finish(mut self) -> Result<(), BackupError> {
        self.inner.iter().chain([&self.path]).try_for_each(|path| sync(path))?;
        fs::rename(&self.path, &self.directory).map_err(|source| match source.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => {
                BackupError::NotEmpty(self.directory.clone())
            }
            io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => {
                BackupError::MountPoint(self.directory.clone())
            }
            _ => BackupError::Write { path: self.directory.clone(), source },
        })?;
        self.is_finished = true;
        sync(&self.parent)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(directory = %self.path.display(), %error, "an incomplete backup could not be removed: delete it");
        }
    }
}

/// Returns the parent and the name of the final directory. It must not exist, or must be empty.
fn place(given: &Path) -> Result<(PathBuf, OsString), BackupError> {
    let unreadable = |source| BackupError::Read { path: given.to_owned(), source };
    let present = match fs::metadata(given) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => return Err(unreadable(source)),
    };
    let path = match &present {
        Some(metadata) if metadata.is_dir() => fs::canonicalize(given).map_err(unreadable)?,
        Some(_) => return Err(BackupError::NotDirectory(given.to_owned())),
        None => std::path::absolute(given).map_err(unreadable)?,
    };
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(BackupError::NoName(given.to_owned()));
    };
    let no_parent = |_| BackupError::NoParent { directory: given.to_owned(), parent: parent.to_owned() };
    let parent = fs::canonicalize(parent).map_err(no_parent)?;
    if let Some(present) = present {
        if fs::read_dir(&path).map_err(unreadable)?.next().is_some() {
            return Err(BackupError::NotEmpty(given.to_owned()));
        }
        if fs::metadata(&parent).map_err(unreadable)?.dev() != present.dev() {
            return Err(BackupError::MountPoint(given.to_owned()));
        }
    }
    Ok((parent, name.to_owned()))
}

/// Locks the directory for this process. Returns `None` if it no longer exists, or if another process holds the lock.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let is_ours = file.try_lock().is_ok() && fs::metadata(path).is_ok();
    Ok(is_ours.then_some(file))
}

/// Removes incomplete backups to the same directory whose processes were killed.
fn remove_abandoned(parent: &Path, name: &OsStr) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let (own, wanted) = (entry.file_name(), name.as_encoded_bytes());
        let rest = own.as_encoded_bytes().strip_prefix(wanted).and_then(|rest| rest.strip_prefix(PARTIAL.as_bytes()));
        let is_small = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if !rest.is_some_and(|digits| digits.len() == 2 * RANDOM && digits.iter().all(is_small)) {
            continue;
        }
        let path = entry.path();
        let Ok(Some(_lock)) = lock(&path) else { continue };
        match fs::remove_dir_all(&path) {
            Ok(()) => tracing::info!(directory = %path.display(), "removed the incomplete backup of a killed process"),
            Err(error) => tracing::warn!(directory = %path.display(), %error, "cannot remove an incomplete backup"),
        }
    }
}

fn sync(path: &Path) -> Result<(), BackupError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|source| BackupError::Write { path: path.to_owned(), source })
}
