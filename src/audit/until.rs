//! The files of a log as they were when one line was the last, although a server writes on.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::file::rotated;
use super::line::{Head, Header, hash};
use super::lines::Backwards;
use super::search::first_of;
use crate::file::{Unreadable, unreadable};

/// How long a file of the log may have no name: between two steps of a rotation it has none.
const NAMELESS: Duration = Duration::from_secs(1);

/// Why the log does not reach to a line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of it cannot be read.
    #[error(transparent)]
    Read(#[from] Unreadable),
    /// The line is in no file.
    #[error(
        "the audit log {} does not hold line {seq}, with which the database was written last: put back the files that were \
         moved away, or wait a second and try again if they were moved just now",
        path.display()
    )]
    Missing {
        /// The log.
        path: PathBuf,
        /// The line.
        seq: u64,
    },
    /// The line is another one.
    #[error(
        "line {seq} of the audit log {} is not the one with which the database was written: is it the log of another \
         database? Check --audit-file",
        path.display()
    )]
    Other {
        /// The log.
        path: PathBuf,
        /// The line.
        seq: u64,
    },
}

/// A file of the log, or the beginning of one.
#[derive(Debug)]
pub struct Part {
    /// Its name, without a directory.
    pub name: OsString,
    /// Where it was found.
    pub path: PathBuf,
    /// How much of it belongs to the log, in bytes.
    pub len: u64,
    /// The present file: it may get another name at any time. Rotated ones keep theirs, and there may be very many.
    file: Option<File>,
}

impl Part {
    /// The file at its beginning.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(&self) -> Result<File, Unreadable> {
        let opened = match &self.file {
            Some(file) => file.try_clone().and_then(|mut file| file.rewind().map(|()| file)),
            None => File::open(&self.path),
        };
        opened.map_err(unreadable("", &self.path))
    }
}

/// The log at `path` with its rotated files, oldest first, as if `head` was the last line. The last part has the name of the log
/// itself, even if the file has been rotated since.
///
/// # Errors
/// A file cannot be read, or the log does not hold the line.
pub fn until(path: &Path, head: Head) -> Result<Vec<Part>, Error> {
    let unreadable = unreadable("", path);
    // The present file first: what was rotated before is then among the rotated ones, and what is rotated later too, which is
    // noticed. The other way round a file could be in neither place.
    let present = present(path).map_err(unreadable)?;
    let own = present.as_ref().map(File::metadata).transpose().map_err(unreadable)?;
    let mut parts = Vec::new();
    for older in rotated(path).map_err(unreadable)? {
        let metadata = fs::metadata(&older.path).map_err(unreadable)?;
        let is_own = own.as_ref().is_some_and(|own| (own.dev(), own.ino()) == (metadata.dev(), metadata.ino()));
        let name = older.path.file_name().unwrap_or_default().to_owned();
        if older.first <= head.seq && !is_own {
            parts.push(Part { name, path: older.path, len: metadata.len(), file: None });
        }
    }
    if let Some(file) = present
        && first_of(&file).map_err(unreadable)? <= head.seq
    {
        parts.push(Part { name: OsString::new(), path: path.to_owned(), len: 0, file: Some(file) });
    }
    let missing = || Error::Missing { path: path.to_owned(), seq: head.seq };
    let last = parts.last_mut().ok_or_else(missing)?;
    last.name = path.file_name().unwrap_or_default().to_owned();
    last.len = end_of(last, head)?.ok_or_else(missing)?;
    Ok(parts)
}

/// The present file; `None` if there is none.
fn present(path: &Path) -> io::Result<Option<File>> {
    let began = Instant::now();
    loop {
        match File::open(path) {
            Ok(file) => return Ok(Some(file)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) if began.elapsed() > NAMELESS => return Ok(None),
            Err(_) => std::thread::sleep(NAMELESS / 100),
        }
    }
}

/// Where the line ends, its newline included; `None` if it is not in the file.
fn end_of(part: &Part, head: Head) -> Result<Option<u64>, Error> {
    let unreadable = unreadable("", &part.path);
    let mut lines = Backwards::whole(part.open()?).map_err(unreadable)?;
    while let Some(line) = lines.next() {
        let line = line.map_err(unreadable)?;
        let Some(header) = Header::read(&line).filter(|header| header.seq <= head.seq) else { continue };
        if header.seq < head.seq {
            return Ok(None);
        }
        if hash(&line) != head.hash {
            return Err(Error::Other { path: part.path.clone(), seq: head.seq });
        }
        let len = u64::try_from(line.len()).unwrap_or(u64::MAX);
        return Ok(Some(lines.offset() + len + 1));
    }
    Ok(None)
}
