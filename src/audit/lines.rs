//! Reads the lines of a file from its end, with bounded memory.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use memchr::memrchr;

use super::line::MAX_LINE;

/// The number of bytes that are read at a time.
const BLOCK: u64 = 1 << 16;

/// An iterator over the lines of a file without their newlines, from the last to the first. Text after the last newline
/// counts as a line.
pub(super) struct Backwards {
    file: File,
    /// The offset in the file of the first byte of `block`.
    start: u64,
    /// The bytes before the lines that were returned.
    block: Vec<u8>,
}

impl Backwards {
    pub(super) fn new(mut file: File) -> io::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        Self::before(file, length)
    }

    /// Iterates over the lines that end with a newline.
    pub(super) fn whole(file: File) -> io::Result<Self> {
        let mut lines = Self::new(file)?;
        let mut last = [0];
        if lines.file.seek(SeekFrom::End(-1)).is_ok() {
            lines.file.read_exact(&mut last)?;
            if last != *b"\n" {
                lines.next().transpose()?;
            }
        }
        Ok(lines)
    }

    /// Iterates over the lines before an offset.
    pub(super) fn before(file: File, end: u64) -> io::Result<Self> {
        let mut lines = Self { file, start: end, block: Vec::new() };
        lines.fill()?;
        if lines.block.last() == Some(&b'\n') {
            lines.block.pop();
        }
        Ok(lines)
    }

    /// The offset of the line that was returned last.
    pub(super) fn offset(&self) -> u64 {
        self.start + u64::try_from(self.block.len()).unwrap_or(u64::MAX) + u64::from(!self.is_at_start())
    }

    fn is_at_start(&self) -> bool {
        self.start == 0 && self.block.is_empty()
    }

    /// Reads the preceding bytes of the file into the beginning of the block.
    fn fill(&mut self) -> io::Result<()> {
        let size = self.start.min(BLOCK);
        self.start -= size;
        self.file.seek(SeekFrom::Start(self.start))?;
        let mut before = vec![0; usize::try_from(size).unwrap_or_default()];
        self.file.read_exact(&mut before)?;
        before.append(&mut self.block);
        self.block = before;
        Ok(())
    }

    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(newline) = memrchr(b'\n', &self.block) {
                let line = self.block.split_off(newline + 1);
                self.block.pop();
                return Ok(Some(line));
            }
            if self.start == 0 {
                let line = std::mem::take(&mut self.block);
                return Ok((!line.is_empty()).then_some(line));
            }
            if self.block.len() > MAX_LINE {
                return Err(io::Error::other(format!("a line is longer than {MAX_LINE} bytes")));
            }
            self.fill()?;
        }
    }
}

impl Iterator for Backwards {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.line().transpose()
    }
}
