//! Reading and writing files and pipes in pieces, off the thread that listens for signals.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

use super::error::{Error, FileError};
use crate::secret::Bytes;

/// The file name that means standard input or output.
pub(super) const DASH: &str = "-";

/// Something to read from.
pub(super) struct Source {
    path: PathBuf,
    /// Absent only while a thread reads it.
    reader: Option<Box<dyn Read + Send>>,
}

impl Source {
    /// A file, or standard input for `-`.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let reader: Box<dyn Read + Send> = if path == Path::new(DASH) {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(|source| FileError::Read { path: path.to_owned(), source })?)
        };
        Ok(Self { path: path.to_owned(), reader: Some(reader) })
    }

    /// What the caller named.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads so many bytes, and less only at the end.
    pub(super) async fn read(&mut self, length: usize) -> Result<Bytes, Error> {
        let read = self.read_blocking(length).await;
        read.map_err(|source| FileError::Read { path: self.path.clone(), source }.into())
    }

    async fn read_blocking(&mut self, length: usize) -> io::Result<Bytes> {
        let mut reader = self.reader.take().ok_or_else(broken)?;
        let (reader, result) = spawn_blocking(move || {
            // Whole from the start: a vector that grows would leave copies of a plaintext behind.
            let mut bytes = Vec::with_capacity(length);
            let limit = u64::try_from(length).unwrap_or(u64::MAX);
            let result = reader.by_ref().take(limit).read_to_end(&mut bytes);
            let bytes = Bytes::from(bytes);
            (reader, result.map(|_| bytes))
        })
        .await?;
        self.reader = Some(reader);
        result
    }
}

/// Something to write to.
pub(super) struct Sink {
    /// Absent only while a thread writes it.
    writer: Option<Box<dyn Write + Send>>,
}

impl Sink {
    pub(super) fn new(writer: impl Write + Send + 'static) -> Self {
        Self { writer: Some(Box::new(writer)) }
    }

    /// Writes all of it.
    pub(super) async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        let mut writer = self.writer.take().ok_or_else(broken)?;
        let (writer, result) = spawn_blocking(move || {
            let result = writer.write_all(&bytes).and_then(|()| writer.flush());
            (writer, result)
        })
        .await?;
        self.writer = Some(writer);
        result
    }
}

fn broken() -> io::Error {
    io::Error::other("an earlier read or write did not end")
}
