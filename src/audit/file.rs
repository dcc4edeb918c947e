//! The file of the log. It is locked for this process, appended to, synced, and truncated after errors.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::error::OpenError;
use super::line::{Header, MAX_LINE};
use super::lines::Backwards;
use crate::file;

/// An open log.
pub(super) struct Log {
    path: PathBuf,
    file: File,
    /// Whether the file's name may not be on disk yet.
    is_named_anew: bool,
    /// The length of the file, in bytes. It ends with a whole line.
    pub(super) len: u64,
    /// The sequence number of the first line; `None` for an empty file.
    pub(super) first: Option<u64>,
    /// The time of the first line, in milliseconds since 1970-01-01 UTC.
    pub(super) begun: i64,
}

impl Log {
    /// Opens or creates the log, and locks it for this process.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::File { path: path.to_owned(), source };
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(OpenError::NotRegular(path.to_owned()));
        }
        let existed = path.exists();
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let metadata = file.metadata().map_err(failed)?;
        if metadata.permissions().mode() & 0o077 != 0 {
            tracing::warn!(file = %path.display(), "was readable by others: mode set to 0600");
            file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed)?;
        }
        let mut log = Self {
            path: path.to_owned(),
            file,
            is_named_anew: !existed,
            len: metadata.len(),
            first: None,
            begun: super::line::now(),
        };
        log.look_at_first_line().map_err(failed)?;
        Ok(log)
    }

    /// Creates and locks an empty log at a path where no file exists.
    fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(path)?;
        file.try_lock().map_err(io::Error::from)?;
        Ok(Self { path: path.to_owned(), file, is_named_anew: true, len: 0, first: None, begun: super::line::now() })
    }

    fn look_at_first_line(&mut self) -> io::Result<()> {
        let start = file::start(self.reader()?, MAX_LINE)?;
        if let Some(header) = start.split(|byte| *byte == b'\n').next().and_then(Header::read) {
            self.first = Some(header.seq);
            self.begun = std::str::from_utf8(header.time).ok().and_then(milliseconds).unwrap_or(self.begun);
        }
        Ok(())
    }

    /// Opens another handle on the same file, positioned at its beginning.
    pub(super) fn reader(&self) -> io::Result<File> {
        // A clone of the handle would share its position.
        let mut file = File::open(&self.path)?;
        if !self.is(&file.metadata()?) {
            file = self.file.try_clone()?;
            file.seek(SeekFrom::Start(0))?;
        }
        Ok(file)
    }

    fn is(&self, other: &fs::Metadata) -> bool {
        self.file.metadata().is_ok_and(|own| (own.dev(), own.ino()) == (other.dev(), other.ino()))
    }

    /// Checks whether the path names this file, another file, or no file.
    pub(super) fn named(&self) -> io::Result<Named> {
        match fs::metadata(&self.path) {
            Ok(metadata) if self.is(&metadata) => Ok(Named::Same),
            Ok(_) => Ok(Named::Other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Named::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Appends whole lines. After an error, part of them may be in the file: call [`Self::cut`].
    pub(super) fn append(&mut self, lines: &[u8], first: u64) -> io::Result<()> {
        let metadata = self.file.metadata()?;
        if metadata.nlink() == 0 {
            return Err(io::Error::other("the file was removed: send SIGHUP to begin a new one"));
        }
        if metadata.len() != self.len {
            // Appended lines would not continue the hash chain. The next start compares the file with what the database
            // knows.
            return Err(io::Error::other(format!(
                "another program changed it: it has {} bytes; expected {}; stop the server",
                metadata.len(),
                self.len
            )));
        }
        self.file.write_all(lines)?;
        self.len += u64::try_from(lines.len()).unwrap_or(u64::MAX);
        self.first.get_or_insert(first);
        Ok(())
    }

    /// Waits until the file's content and its name are on disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.is_named_anew {
            File::open(directory_of(&self.path))?.sync_all()?;
            self.is_named_anew = false;
        }
        self.file.sync_data()
    }

    /// Truncates the file to `len` bytes.
    pub(super) fn cut(&mut self, len: u64) -> io::Result<()> {
        if self.file.metadata()?.len() > len {
            self.file.set_len(len)?;
        }
        self.len = len;
        if len == 0 {
            self.first = None;
        }
        Ok(())
    }

    /// Renames the file after the sequence numbers of its lines and begins a new file in its place. Returns the new
    /// name of the old file.
    pub(super) fn rotate(&mut self, last: u64) -> io::Result<PathBuf> {
        let first = self.first.unwrap_or(last);
        let old = suffixed(&self.path, &format!(".{first:012}-{last}"));
        if old.try_exists()? {
            return Err(io::Error::other(format!("{} exists already", old.display())));
        }
        let new = suffixed(&self.path, ".new");
        // The empty file of a process that ended at this point.
        if fs::metadata(&new).is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0) {
            fs::remove_file(&new)?;
        }
        let mut log = Self::create(&new)?;
        let renamed = fs::rename(&self.path, &old).and_then(|()| fs::rename(&new, &self.path));
        if let Err(error) = renamed {
            // Restores the former state as far as possible.
            let _ = fs::remove_file(&new);
            if !self.path.exists() {
                let _ = fs::rename(&old, &self.path);
            }
            return Err(error);
        }
        log.path.clone_from(&self.path);
        *self = log;
        Ok(old)
    }

    /// Continues in the file that the path names now, or creates it. The caller must have checked that the file is
    /// empty or ends with the last line of this one.
    pub(super) fn succeed(&mut self, named: &Named) -> Result<(), OpenError> {
        let failed = |source| OpenError::File { path: self.path.clone(), source };
        *self = match named {
            Named::Same => return Ok(()),
            Named::Nothing => Self::create(&self.path).map_err(failed)?,
            Named::Other => Self::open(&self.path)?,
        };
        Ok(())
    }

    /// Returns the last line of the file that the path names now, without its newline; `None` if the file is empty.
    pub(super) fn last_line_of_named(&self) -> io::Result<Option<Vec<u8>>> {
        Backwards::whole(File::open(&self.path)?)?.next().transpose()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The file that a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Same,
    Other,
    Nothing,
}

/// A rotated file, and the sequence number of its first line according to its name.
pub(super) struct Rotated {
    pub(super) path: PathBuf,
    pub(super) first: u64,
}

/// Returns the rotated files next to a log, oldest first.
pub(super) fn rotated(path: &Path) -> io::Result<Vec<Rotated>> {
    let directory = directory_of(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let other = entry.file_name().to_string_lossy().into_owned();
        let range = other.strip_prefix(&name).and_then(|rest| rest.strip_prefix('.'));
        let Some((first, last)) = range.and_then(|range| range.split_once('-')) else { continue };
        if let (12.., Ok(first), Ok(_)) = (first.len(), first.parse(), last.parse::<u64>()) {
            found.push(Rotated { path: entry.path(), first });
        }
    }
    found.sort_by_key(|file| file.first);
    Ok(found)
}

pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Parses the time of a line into milliseconds since 1970-01-01 UTC.
fn milliseconds(text: &str) -> Option<i64> {
    use time::format_description::well_known::Rfc3339;
    let time = time::OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
}
