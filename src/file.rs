//! Files that are read whole, each up to a limit, and the one error of a file that cannot be read.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::secret::{Bytes, Password};

/// A file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}{}: {source}", article(what), path.display())]
pub struct Unreadable {
    /// What the file is for; empty for one that is known by its path only.
    pub what: &'static str,
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

fn article(what: &str) -> String {
    if what.is_empty() { String::new() } else { format!("the {what} ") }
}

/// The error of a file, by its cause.
pub fn unreadable(what: &'static str, path: &Path) -> impl Fn(io::Error) -> Unreadable + Copy {
    move |source| Unreadable { what, path: path.to_owned(), source }
}

/// Whether there is no such file, which is not a failure where it may be missing.
#[must_use]
pub fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// An open file: a path can name another one a moment later.
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

impl Opened<'_> {
    /// Its length, owner and permissions.
    ///
    /// # Errors
    /// The system does not give them.
    pub fn metadata(&self) -> Result<Metadata, Unreadable> {
        self.file.metadata().map_err(unreadable(self.what, self.path))
    }

    /// The whole of it, which is overwritten when dropped.
    ///
    /// # Errors
    /// It cannot be read, or is longer than `limit` bytes.
    pub fn bytes(self, limit: u64) -> Result<Bytes, Unreadable> {
        let unreadable = unreadable(self.what, self.path);
        // Longer than its full length, so that no shorter copy stays behind: the library reads the last bytes by way of the stack if
        // there is little room.
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

    /// The whole of it as text, likewise.
    ///
    /// # Errors
    /// It cannot be read, is longer than `limit` bytes, or not UTF-8.
    pub fn text(self, limit: u64) -> Result<Password, Unreadable> {
        let (what, path) = (self.what, self.path);
        let bytes = self.bytes(limit)?;
        utf8(what, path, &bytes).map(|text| Password::from(text.to_owned()))
    }
}

/// The whole of a file, which is overwritten when dropped.
///
/// # Errors
/// It cannot be read, or is longer than `limit` bytes.
pub fn bytes(what: &'static str, path: &Path, limit: u64) -> Result<Bytes, Unreadable> {
    open(what, path)?.bytes(limit)
}

/// The whole of a file as text, likewise.
///
/// # Errors
/// It cannot be read, is longer than `limit` bytes, or not UTF-8.
pub fn text(what: &'static str, path: &Path, limit: u64) -> Result<Password, Unreadable> {
    open(what, path)?.text(limit)
}

/// The text that a file's bytes are.
///
/// # Errors
/// They are not UTF-8.
pub fn utf8<'a>(what: &'static str, path: &Path, bytes: &'a [u8]) -> Result<&'a str, Unreadable> {
    let invalid = |error| unreadable(what, path)(io::Error::new(io::ErrorKind::InvalidData, error));
    std::str::from_utf8(bytes).map_err(invalid)
}

/// The first bytes, `most` of them or all.
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
