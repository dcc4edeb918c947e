//! The output of a command: a file that appears when it is complete, or standard output.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use openssl::rand::rand_bytes;

use super::error::{Error, FileError};
use super::stream::{DASH, Sink};
use crate::hexadecimal;
use crate::secret::Bytes;

/// Whether an existing file is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// The file is kept, and the command fails.
    Keep,
    /// The file is replaced when the new one is complete.
    Replace,
}

impl Existing {
    /// What `--force` says.
    pub(super) fn forced(force: bool) -> Self {
        if force { Self::Replace } else { Self::Keep }
    }
}

/// An unfinished output.
pub(super) struct Target {
    sink: Sink,
    temporary: Option<Temporary>,
}

/// A temporary file next to the final one. It is removed unless it is moved to the final place.
struct Temporary {
    file: File,
    path: PathBuf,
    place: PathBuf,
    existing: Existing,
    is_placed: bool,
}

impl Target {
    /// Creates an output with the name that the user gave; `-` is standard output.
    pub(super) fn create(place: &Path, existing: Existing) -> Result<Self, Error> {
        if place == Path::new(DASH) {
            return Ok(Self { sink: Sink::new(io::stdout()), temporary: None });
        }
        check(place, existing)?;
        let write = |source| FileError::Write { path: place.to_owned(), source };
        let temporary = Temporary::create(place, existing).map_err(write)?;
        let sink = Sink::new(temporary.file.try_clone().map_err(write)?);
        Ok(Self { sink, temporary: Some(temporary) })
    }

    /// Creates an output for binary data, which is not written to a terminal.
    pub(super) fn binary(place: &Path, existing: Existing) -> Result<Self, Error> {
        if place == Path::new(DASH) && io::stdout().is_terminal() {
            return Err(FileError::Terminal.into());
        }
        Self::create(place, existing)
    }

    /// Appends bytes.
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.sink.write(bytes).await.map_err(|source| match &self.temporary {
            Some(temporary) => FileError::Write { path: temporary.place.clone(), source }.into(),
            None => Error::Stdout(source),
        })
    }

    /// Moves the file to its final place.
    pub(super) fn finish(self) -> Result<(), Error> {
        let Some(mut temporary) = self.temporary else { return Ok(()) };
        temporary.place().map_err(|source| {
            let path = temporary.place.clone();
            let exists = source.kind() == io::ErrorKind::AlreadyExists;
            if exists { FileError::Exists(path).into() } else { FileError::Write { path, source }.into() }
        })
    }
}

/// Checks the final place early, so that the command does not fail only at its end.
fn check(place: &Path, existing: Existing) -> Result<(), Error> {
    match (fs::metadata(place), existing) {
        (Ok(_), Existing::Keep) => Err(FileError::Exists(place.to_owned()).into()),
        // Replacing a device such as /dev/null by a file would break the machine.
        (Ok(found), Existing::Replace) if !found.is_file() => Err(FileError::NotRegular(place.to_owned()).into()),
        _ => Ok(()),
    }
}

impl Temporary {
    fn create(place: &Path, existing: Existing) -> io::Result<Self> {
        let name = place.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
        let mut random = [0; 8];
        rand_bytes(&mut random)?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", hexadecimal::lower(&random)));
        let path = place.with_file_name(hidden);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { file, path, place: place.to_owned(), existing, is_placed: false })
    }

    fn place(&mut self) -> io::Result<()> {
        self.file.sync_all()?;
        if self.existing == Existing::Replace {
            fs::rename(&self.path, &self.place)?;
            self.is_placed = true;
            return Ok(());
        }
        // A link, unlike a rename, does not replace a file that was created meanwhile.
        match fs::hard_link(&self.path, &self.place) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            Ok(()) => Ok(()),
            // Some file systems do not support links.
            Err(_) => {
                fs::rename(&self.path, &self.place)?;
                self.is_placed = true;
                Ok(())
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_placed {
            // A file that cannot be removed remains, readable only by its owner.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    async fn put(place: &Path, existing: Existing, text: &[u8]) -> Result<(), Error> {
        let mut target = Target::create(place, existing)?;
        target.write(Bytes::from(text)).await?;
        target.finish()
    }

    fn names(directory: &Path) -> Vec<std::ffi::OsString> {
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[tokio::test]
    async fn a_file_appears_whole_and_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("key");
        put(&place, Existing::Keep, b"one").await.unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"one");
        assert_eq!(place.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let error = put(&place, Existing::Keep, b"two").await.unwrap_err().to_string();
        assert!(error.contains("exists already"), "{error}");
        put(&place, Existing::Replace, b"three").await.unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"three");
        assert_eq!(names(directory.path()), ["key"]);
    }

    #[tokio::test]
    async fn what_is_not_finished_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("key");
        let mut target = Target::create(&place, Existing::Replace).unwrap();
        target.write(Bytes::from(&b"secret"[..])).await.unwrap();
        assert_eq!(names(directory.path()).len(), 1);
        drop(target);
        assert!(names(directory.path()).is_empty());
    }

    #[tokio::test]
    async fn a_file_that_came_meanwhile_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("key");
        let target = Target::create(&place, Existing::Keep).unwrap();
        fs::write(&place, "theirs").unwrap();
        assert!(target.finish().unwrap_err().to_string().contains("exists already"));
        assert_eq!(fs::read(&place).unwrap(), b"theirs");
        assert_eq!(names(directory.path()), ["key"]);
    }

    #[test]
    fn what_is_no_file_is_not_replaced() {
        for place in ["/dev/null", "/tmp", "/", "/nowhere/at/all"] {
            assert!(Target::create(Path::new(place), Existing::Replace).is_err(), "{place}");
        }
    }
}
