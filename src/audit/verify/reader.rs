//! Reads the files of a log in batches of whole lines.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::{memchr_iter, memrchr};

use super::fault::{Broken, Error, Fault};
use crate::audit::line::{Header, MAX_LINE, MAX_START};
use crate::file;

/// The number of bytes that are read at a time.
const BATCH: u64 = 1 << 20;

/// A file of the log.
pub(super) struct Source {
    pub(super) path: Arc<PathBuf>,
    /// The sequence number of the first line; `None` for an empty file.
    first: Option<u64>,
    is_empty: bool,
}

/// Whole lines of one file.
pub(super) struct Batch {
    path: Arc<PathBuf>,
    bytes: Vec<u8>,
    /// The number of the first line in the file, from 1.
    first: u64,
}

impl Batch {
    /// The lines without their newlines, and their numbers in the file.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&[u8], u64)> {
        let mut start = 0;
        let lines = memchr_iter(b'\n', &self.bytes).map(move |newline| {
            let line = self.bytes.get(start..newline).unwrap_or_default();
            start = newline + 1;
            line
        });
        lines.zip(self.first..)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Returns the files in the order of their first lines. A file without lines comes last.
pub(super) fn in_order(files: &[PathBuf]) -> Result<Vec<Source>, Error> {
    let mut sources = Vec::new();
    for path in files {
        let start =
            File::open(path).and_then(|file| file::start(file, MAX_START)).map_err(file::unreadable("", path))?;
        let first = Header::read(&start).map(|header| header.seq);
        if first.is_none() && !start.is_empty() && files.len() > 1 {
            let fault = Broken { file: path.clone(), line: 1, number: 1, seq: None, fault: Fault::Form };
            return Err(Error::Broken(fault));
        }
        sources.push(Source { path: Arc::new(path.clone()), first, is_empty: start.is_empty() });
    }
    sources.sort_by_key(|source| source.first.unwrap_or(u64::MAX));
    Ok(sources)
}

impl Source {
    pub(super) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Calls `take` with all lines in batches, until it returns `false`.
    pub(super) fn batches(&self, mut take: impl FnMut(Batch) -> Result<bool, Error>) -> Result<(), Error> {
        let unreadable = file::unreadable("", &self.path);
        let mut file = File::open(&*self.path).map_err(unreadable)?;
        let mut rest = Vec::new();
        let mut first = 1;
        loop {
            let mut bytes = std::mem::take(&mut rest);
            bytes.reserve((1 << 20) + MAX_LINE);
            let read = (&mut file).take(BATCH).read_to_end(&mut bytes).map_err(unreadable)?;
            let end = memrchr(b'\n', &bytes).map_or(0, |newline| newline + 1);
            rest.extend_from_slice(bytes.get(end..).unwrap_or_default());
            bytes.truncate(end);
            if rest.len() > MAX_LINE {
                return Err(self.broken(first, &bytes, Fault::TooLong));
            }
            if !bytes.is_empty() {
                let lines = newlines(&bytes);
                if !take(Batch { path: Arc::clone(&self.path), bytes, first })? {
                    return Ok(());
                }
                first += lines;
            }
            if read == 0 {
                break;
            }
        }
        if rest.is_empty() { Ok(()) } else { Err(self.broken(first, &[], Fault::Torn)) }
    }

    /// Returns a fault of the line that follows these bytes.
    fn broken(&self, first: u64, bytes: &[u8], fault: Fault) -> Error {
        let line = first + newlines(bytes);
        Error::Broken(Broken { file: self.path.to_path_buf(), line, number: u64::MAX, seq: None, fault })
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    u64::try_from(memchr_iter(b'\n', bytes).count()).unwrap_or(u64::MAX)
}
