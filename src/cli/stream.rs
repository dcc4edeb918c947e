//! Reading and writing files and pipes in parts, on other threads than the one that handles signals.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tokio::task::{JoinHandle, spawn_blocking};

use super::error::{Error, FileError};
use crate::file;
use crate::secret::Bytes;

/// The file name that stands for standard input or output.
pub(super) const DASH: &str = "-";

/// A file or standard input.
pub(super) struct Source {
    path: PathBuf,
    /// The reader; `None` only while a thread reads from it.
    reader: Option<Reader>,
    /// The running read. It remains here if the future that waited for it was dropped.
    reading: Option<JoinHandle<(Reader, io::Result<Bytes>)>>,
    kept: Kept,
    /// The bytes that are read again after a rewind, and the number of those already read.
    again: (Bytes, usize),
}

type Reader = Box<dyn Read + Send>;

/// The bytes that were read since [`Source::keep`]; `None` if they are not kept. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Kept(Rc<RefCell<Option<Vec<Bytes>>>>);

impl Kept {
    /// Drops the kept bytes, and stops keeping: nothing will be read again.
    pub(super) fn settle(&self) {
        self.0.take();
    }
}

impl Source {
    /// Opens a file, or standard input for `-`.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let reader: Reader = if path == Path::new(DASH) {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(file::unreadable("", path))?)
        };
        Ok(Self {
            path: path.to_owned(),
            reader: Some(reader),
            reading: None,
            kept: Kept::default(),
            again: (Bytes::default(), 0),
        })
    }

    /// Reads all of a file, or of standard input for `-`, up to `limit` bytes. `large` makes the error for a longer
    /// one.
    ///
    /// # Errors
    /// The file cannot be read, or is longer.
    pub(super) async fn whole(
        path: &Path,
        limit: usize,
        large: impl FnOnce(PathBuf, usize) -> FileError,
    ) -> Result<Bytes, Error> {
        let bytes = Self::open(path)?.read(limit + 1).await?;
        if bytes.len() > limit {
            return Err(large(path.to_owned(), limit).into());
        }
        Ok(bytes)
    }

    /// Returns the path as the user named it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps everything that is read from now on, for [`Self::rewind`], until [`Kept::settle`].
    pub(super) fn keep(&mut self) -> Kept {
        self.kept.0.replace(Some(Vec::new()));
        self.kept.clone()
    }

    /// Makes the kept bytes be read again, and those of an abandoned read. Returns false if nothing is kept any longer.
    pub(super) async fn rewind(&mut self) -> Result<bool, Error> {
        let Some(mut kept) = self.kept.0.take() else { return Ok(false) };
        kept.extend(self.again.0.get(self.again.1..).map(Bytes::from));
        if self.reading.is_some() {
            kept.push(self.read_blocking(0).await.map_err(|source| self.unreadable(source))?);
        }
        // Allocated with its full length, as in `read_blocking`.
        let mut again = Vec::with_capacity(kept.iter().map(|bytes| bytes.len()).sum());
        kept.iter().for_each(|bytes| again.extend_from_slice(bytes));
        self.again = (Bytes::from(again), 0);
        Ok(true)
    }

    fn unreadable(&self, source: io::Error) -> Error {
        file::unreadable("", &self.path)(source).into()
    }

    /// Reads `length` bytes, or fewer at the end.
    pub(super) async fn read(&mut self, length: usize) -> Result<Bytes, Error> {
        let read = self.read_again(length).await;
        let read = read.map_err(|source| self.unreadable(source))?;
        if let Some(kept) = self.kept.0.borrow_mut().as_mut() {
            kept.push(read.clone());
        }
        Ok(read)
    }

    /// Reads bytes, beginning with those to be read again.
    async fn read_again(&mut self, length: usize) -> io::Result<Bytes> {
        let (again, from) = &mut self.again;
        let unread = again.get(*from..).unwrap_or_default();
        if unread.is_empty() {
            self.again = (Bytes::default(), 0);
            return self.read_blocking(length).await;
        }
        if let Some(whole) = unread.get(..length) {
            *from += length;
            return Ok(Bytes::from(whole));
        }
        let lacking = length - unread.len();
        // The kept bytes are taken only after the rest was read, because this future may be dropped while it waits.
        let after = self.read_blocking(lacking).await?;
        let (again, from) = std::mem::take(&mut self.again);
        let mut joined = Vec::with_capacity(length);
        joined.extend_from_slice(again.get(from..).unwrap_or_default());
        joined.extend_from_slice(&after);
        Ok(Bytes::from(joined))
    }

    /// Reads `length` bytes, or waits for the running read and returns its bytes.
    async fn read_blocking(&mut self, length: usize) -> io::Result<Bytes> {
        let reading = match &mut self.reading {
            Some(reading) => reading,
            none => {
                let mut reader = self.reader.take().ok_or_else(broken)?;
                none.insert(spawn_blocking(move || {
                    // Allocated with its full length: a growing vector would leave copies of a plaintext in freed
                    // memory.
                    let mut bytes = Vec::with_capacity(length);
                    let limit = u64::try_from(length).unwrap_or(u64::MAX);
                    let result = reader.by_ref().take(limit).read_to_end(&mut bytes);
                    let bytes = Bytes::from(bytes);
                    (reader, result.map(|_| bytes))
                }))
            }
        };
        let read = reading.await;
        self.reading = None;
        let (reader, result) = read?;
        self.reader = Some(reader);
        result
    }
}

/// A file or standard output.
pub(super) struct Sink {
    /// The writer; `None` only while a thread writes to it.
    writer: Option<Box<dyn Write + Send>>,
}

impl Sink {
    pub(super) fn new(writer: impl Write + Send + 'static) -> Self {
        Self { writer: Some(Box::new(writer)) }
    }

    /// Writes all bytes.
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
