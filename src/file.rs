//! Reading of whole files up to a limit, with one error type for files that cannot be read.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::secret::{Bytes, Password};

/// A file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}{}: {source}", article(what), path.display())]
pub struct Unreadable {
    /// The purpose of the file; empty if only its path identifies it.
    pub what: &'static str,
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub source: io::Error,
}

fn article(what: &str) -> String {
    if what.is_empty() { String::new() } else { format!("the {what} ") }
}

/// Returns a function that makes the error of a file from its cause.
pub fn unreadable(what: &'static str, path: &Path) -> impl Fn(io::Error) -> Unreadable + Copy {
    move |source| Unreadable { what, path: path.to_owned(), source }
}

/// Whether the file does not exist, which is not a failure if the file is optional.
#[must_use]
pub fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// An open file. Keeping it open ensures that all calls concern the same file, because a path can name another one a
/// moment later.
pub struct Opened<'a> {
    what: &'static str,
    path: &'a Path,
    file: File,
}

/// Opens a file.
///
/// # Errors
/// It cannot be opened.
pub fn open<'a>(what: &'static str, path: &'a Path) -> Result<Opened<'a>, Unreadable> {
    let file = File::open(path).map_err(unreadable(what, path))?;
    Ok(Opened { what, path, file })
}

/// Opens a regular file. A symbolic link in its place is not followed.
///
/// # Errors
/// It cannot be opened, or is not a regular file.
pub fn open_regular<'a>(what: &'static str, path: &'a Path) -> Result<Opened<'a>, Unreadable> {
    let unreadable = unreadable(what, path);
    // Opening a FIFO would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP) => return Err(unreadable(io::Error::other("it is a symbolic link"))),
        Err(error) => return Err(unreadable(error.into())),
    };
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("it is not a regular file")));
    }
    Ok(Opened { what, path, file })
}

impl Opened<'_> {
    /// The file itself.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its length, owner and permissions.
    ///
    /// # Errors
    /// The operating system returns an error.
    pub fn metadata(&self) -> Result<Metadata, Unreadable> {
        self.file.metadata().map_err(unreadable(self.what, self.path))
    }

    /// Returns the whole content, which is overwritten in memory when it is dropped.
    ///
    /// # Errors
    /// It cannot be read, or is longer than `limit` bytes.
    pub fn bytes(self, limit: u64) -> Result<Bytes, Unreadable> {
        let unreadable = unreadable(self.what, self.path);
        // The buffer is larger than the file, so that no partial copy remains in memory: with little room, the library
        // reads the last bytes through the stack.
        let room = self.file.metadata().map_or(0, |found| found.len()).min(limit);
        let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or_default() + 64);
        let read = self.file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
        let bytes = Bytes::from(bytes);
        read.map_err(unreadable)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
            return Ok(bytes);
        }
        Err(unreadable(io::Error::other(format!("it is larger than {limit} bytes"))))
    }

    /// Returns the whole content as text, which is overwritten in memory when it is dropped.
    ///
    /// # Errors
    /// It cannot be read, is longer than `limit` bytes, or not UTF-8.
    pub fn text(self, limit: u64) -> Result<Password, Unreadable> {
        let (what, path) = (self.what, self.path);
        let bytes = self.bytes(limit)?;
        utf8(what, path, &bytes).map(|text| Password::from(text.to_owned()))
    }
}

/// Returns the whole content of a file, which is overwritten in memory when it is dropped.
///
/// # Errors
/// It cannot be read, or is longer than `limit` bytes.
pub fn bytes(what: &'static str, path: &Path, limit: u64) -> Result<Bytes, Unreadable> {
    open(what, path)?.bytes(limit)
}

/// Returns the whole content of a file as text, which is overwritten in memory when it is dropped.
///
/// # Errors
/// It cannot be read, is longer than `limit` bytes, or not UTF-8.
pub fn text(what: &'static str, path: &Path, limit: u64) -> Result<Password, Unreadable> {
    open(what, path)?.text(limit)
}

/// Returns the bytes of a file as text.
///
/// # Errors
/// They are not UTF-8.
pub fn utf8<'a>(what: &'static str, path: &Path, bytes: &'a [u8]) -> Result<&'a str, Unreadable> {
    let invalid = |error| unreadable(what, path)(io::Error::new(io::ErrorKind::InvalidData, error));
    std::str::from_utf8(bytes).map_err(invalid)
}

/// Returns at most the first `most` bytes.
///
/// # Errors
/// They cannot be read.
pub fn start(file: impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    file.take(u64::try_from(most).unwrap_or(u64::MAX)).read_to_end(&mut start)?;
    Ok(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(&*bytes("file", &path, 5).unwrap(), b"12345");
        assert_eq!(&*text("file", &path, u64::MAX).unwrap(), "12345");
        assert_eq!(start(File::open(&path).unwrap(), 2).unwrap(), b"12");
        let told = |error: Unreadable| error.to_string().replace(directory.path().to_str().unwrap(), "");
        assert_eq!(
            told(bytes("CA file", &path, 4).unwrap_err()),
            "cannot read the CA file /file: it is larger than 4 bytes"
        );
        std::fs::write(&path, b"1\xff").unwrap();
        assert!(told(text("", &path, 5).unwrap_err()).starts_with("cannot read /file: invalid utf-8 sequence"));
        let missing = bytes("", &directory.path().join("none"), 5).unwrap_err();
        assert!(is_missing(&missing.source) && told(missing).starts_with("cannot read /none: "));
        assert!(!is_missing(&open("", directory.path()).unwrap().bytes(5).unwrap_err().source));
    }
}
