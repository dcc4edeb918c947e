//! The files of a log up to a given line, while a server may continue to write.

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

/// How long the log may have no file at its path. Between two steps of a rotation, no file has this path.
const NAMELESS: Duration = Duration::from_secs(1);

/// The reason why the files do not reach to the line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] Unreadable),
    /// No file contains the line.
    #[error(
        "the audit log {} does not contain line {seq}, the last one that the database knows: put back the files that were \
         moved away, or wait a second and try again if they were moved just now",
        path.display()
    )]
    Missing {
        /// The log.
        path: PathBuf,
        /// The sequence number of the line.
        seq: u64,
    },
    /// The line exists, but differs from the one that the database knows.
    #[error(
        "line {seq} of the audit log {} is not the one that the database knows: it may be the log of another \
         database. Check --audit-file",
        path.display()
    )]
    Other {
        /// The log.
        path: PathBuf,
        /// The sequence number of the line.
        seq: u64,
    },
}

/// A file of the log, or the beginning of one.
#[derive(Debug)]
pub struct Part {
    /// The name of the file, without a directory.
    pub name: OsString,
    /// The path at which the file was found.
    pub path: PathBuf,
    /// The number of bytes that belong to the log.
    pub len: u64,
    /// The open file, if it is the present one, which may be renamed at any time. Rotated files keep their names and
    /// may be very many, so they are not kept open.
    file: Option<File>,
}

impl Part {
    /// Opens the file at its beginning.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(&self) -> Result<File, Unreadable> {
        let opened = match &self.file {
            Some(file) => file.try_clone().and_then(|mut file| file.rewind().map(|()| file)),
            None => File::open(&self.path),
        };
        opened.map_err(unreadable("", &self.path))
    }
}

/// Returns the log at `path` with its rotated files, oldest first, as if `head` were the last line. The last part has
/// the name of the log itself, even if its file was rotated in the meantime.
///
/// # Errors
/// A file cannot be read, or the log does not contain the line.
pub fn until(path: &Path, head: Head) -> Result<Vec<Part>, Error> {
    let unreadable = unreadable("", path);
    // The present file must be opened before the rotated files are listed. A file that is rotated in between is then in
    // both places, which the comparison below detects. In the other order it could be in neither.
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

/// Opens the present file; `None` if it does not exist.
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

/// Returns the offset after the line and its newline; `None` if the line is not in the file.
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
