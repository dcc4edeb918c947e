//! Verifies a log of any size with only the public key, in bounded memory.

mod content;
mod fault;
mod key;
mod reader;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

pub use fault::{Broken, Error, Fault};
pub use key::{KeyError, PublicKey};

use super::line::{CHECKPOINT, Hash, Header, NO_LINE, hash};
use super::logs::Files;
use content::Content;
use reader::{Batch, Source};

/// The largest number of batches that wait for the check of their content.
const WAITING: usize = 4;

/// The result for an intact log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The number of lines.
    pub lines: u64,
    /// The sequence number of the last line.
    pub last: u64,
    /// The number of checkpoints, all of them signed by the key.
    pub checkpoints: u64,
    /// The last line that a checkpoint covers, which is the last checkpoint itself; 0 if there is no checkpoint.
    pub signed: u64,
    /// The number of places where lines are missing and the loss was accepted (`--audit-accept-loss`).
    pub losses: u64,
}

impl Verified {
    /// Whether the last line is a checkpoint.
    #[must_use]
    pub fn is_signed_to_the_end(&self) -> bool {
        self.signed == self.last
    }
}

/// A checkpoint that must be in the log, as the database stores it.
#[derive(Debug, Clone)]
pub struct KnownHead {
    seq: u64,
    hash: Hash,
}

/// The checkpoints that are looked for in a log.
struct Heads<'a> {
    /// With their places among the given ones, in the order of their lines.
    heads: Vec<(usize, &'a KnownHead)>,
    /// Whether the log must contain all of them.
    required: bool,
    /// The number of those whose lines were reached.
    reached: usize,
    /// The places of those that were found.
    found: Vec<usize>,
}

impl<'a> Heads<'a> {
    fn new(heads: impl IntoIterator<Item = &'a KnownHead>, required: bool) -> Self {
        let mut heads: Vec<(usize, &KnownHead)> = heads.into_iter().enumerate().collect();
        heads.sort_by_key(|(_, head)| head.seq);
        Self { heads, required, reached: 0, found: Vec::new() }
    }

    /// The next one.
    fn next(&self) -> Option<(usize, &'a KnownHead)> {
        self.heads.get(self.reached).copied()
    }

    /// Compares a line.
    ///
    /// # Errors
    /// A required one is not in the log.
    fn pass(&mut self, seq: u64, own: &Hash) -> Result<(), Fault> {
        while let Some((place, head)) = self.next().filter(|(_, head)| seq >= head.seq) {
            if head.seq == seq && head.hash == *own {
                self.found.push(place);
            } else if self.required {
                return Err(Fault::OtherHead(head.seq));
            }
            self.reached += 1;
        }
        Ok(())
    }

    /// The fault of a log that ended.
    fn cut_off(&self) -> Option<Fault> {
        self.next().filter(|_| self.required).map(|(_, head)| Fault::CutOff(head.seq))
    }
}

impl KnownHead {
    /// Reads one line, with or without its newline, and verifies its signature.
    ///
    /// # Errors
    /// The line is not a checkpoint, or is not signed by this key.
    pub fn read(text: &[u8], key: &PublicKey) -> Result<Self, Fault> {
        let line = text.strip_suffix(b"\n").unwrap_or(text);
        let header = Header::read(line).filter(|header| header.event == CHECKPOINT.as_bytes());
        let header = header.ok_or(Fault::Form)?;
        content::check_checkpoint(line, &header, key)?;
        Ok(Self { seq: header.seq, hash: hash(line) })
    }
}

/// Verifies a log that consists of one or more files, given in any order. The log must contain `heads`.
///
/// # Errors
/// The first faulty line, or a file that cannot be read.
pub fn verify<'a>(
    files: &[PathBuf],
    key: &PublicKey,
    heads: impl IntoIterator<Item = &'a KnownHead>,
) -> Result<Verified, Error> {
    walk(files, key, Heads::new(heads, true)).map(|(verified, _)| verified)
}

/// Verifies one log of several, which must have a checkpoint: without one, anyone can have written it. Returns also the
/// places of those of `heads` that it contains.
///
/// # Errors
/// Those of [`verify`].
pub fn verify_one(files: &Files, key: &PublicKey, heads: &[KnownHead]) -> Result<(Verified, Vec<usize>), Error> {
    if let Some(fork) = &files.fork {
        return Err(Broken::from(fork).into());
    }
    match walk(&files.paths, key, Heads::new(heads, false))? {
        (Verified { checkpoints: 0, .. }, _) => Err(Broken::of_log(files, Fault::NoCheckpoint).into()),
        verified => Ok(verified),
    }
}

fn walk(files: &[PathBuf], key: &PublicKey, heads: Heads<'_>) -> Result<(Verified, Vec<usize>), Error> {
    let sources = reader::in_order(files)?;
    thread::scope(|scope| {
        let (hand, handed) = sync_channel::<Batch>(WAITING);
        let inside = scope.spawn(move || {
            let mut content = Content::new(key);
            handed.into_iter().try_for_each(|batch| content.look(&batch)).map(|()| content)
        });
        let mut chain = Chain::new(heads);
        let walked = sources.iter().try_for_each(|source| {
            source.batches(|batch| {
                chain.walk(source, &batch)?;
                // If the other thread has ended, it has found a fault already.
                Ok(hand.send(batch).is_ok())
            })
        });
        let walked = chain.end(walked, &sources);
        drop(hand);
        let looked = inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (walked, looked) {
            (Ok(()), Ok(content)) => {
                let Content { checkpoints, signed, .. } = content;
                let Chain { lines, losses, last: Passed { seq: last, .. }, heads, .. } = chain;
                Ok((Verified { lines, last, checkpoints, signed, losses }, heads.found))
            }
            (Ok(()), Err(broken)) => Err(Error::Broken(broken)),
            (Err(error), Ok(_)) => Err(error),
            // The earlier fault is reported. Both count the lines of the whole log.
            (Err(Error::Broken(first)), Err(second)) => {
                Err(Error::Broken(if second.number <= first.number { second } else { first }))
            }
            (Err(error), Err(_)) => Err(error),
        }
    })
}

/// A line that was checked.
#[derive(Clone)]
struct Passed {
    seq: u64,
    hash: Hash,
    file: Arc<PathBuf>,
    line: u64,
}

/// The check of the sequence numbers and hashes.
struct Chain<'a> {
    heads: Heads<'a>,
    last: Passed,
    lines: u64,
    losses: u64,
    /// A line whose `prev` is not the hash of the line before, and the line before. The next line decides which of the
    /// two was changed.
    suspect: Option<(Broken, Passed)>,
}

impl<'a> Chain<'a> {
    fn new(heads: Heads<'a>) -> Self {
        let last = Passed { seq: 0, hash: NO_LINE, file: Arc::default(), line: 0 };
        Self { heads, last, lines: 0, losses: 0, suspect: None }
    }

    fn walk(&mut self, source: &Source, batch: &Batch) -> Result<(), Error> {
        for (line, number) in batch.lines() {
            self.line(&source.path, line, number).map_err(Error::Broken)?;
        }
        Ok(())
    }

    fn line(&mut self, file: &Arc<PathBuf>, line: &[u8], number: u64) -> Result<(), Broken> {
        self.lines += 1;
        let own = hash(line);
        let header = Header::read(line).filter(|_| line.last() == Some(&b'}'));
        if let Some((broken, before)) = self.suspect.take() {
            // If this line contains the hash of the suspect line, that line is unchanged, and so the line before it was
            // changed.
            let is_whole = header.is_some_and(|header| header.follows(&self.last.hash));
            return Err(if is_whole && before.line > 0 {
                broken.moved_to(before.file.to_path_buf(), before.line, before.seq)
            } else {
                broken
            });
        }
        let broken = |seq, fault| Broken { file: file.to_path_buf(), line: number, number: self.lines, seq, fault };
        let Some(header) = header else { return Err(broken(None, Fault::Form)) };
        let seq = Some(header.seq);
        let expected = self.last.seq + 1;
        let is_loss = header.event == b"loss-accepted" && self.lines > 1 && header.seq > expected;
        if header.seq != expected && !is_loss {
            let fault = if self.lines == 1 { Fault::First(header.seq) } else { Fault::Sequence { expected } };
            return Err(broken(seq, fault));
        }
        self.losses += u64::from(header.event == b"loss-accepted");
        self.heads.pass(header.seq, &own).map_err(|fault| broken(seq, fault))?;
        let passed = Passed { seq: header.seq, hash: own, file: Arc::clone(file), line: number };
        if header.follows(&self.last.hash) {
            self.last = passed;
        } else {
            let fault = broken(seq, Fault::Previous);
            self.suspect = Some((fault, std::mem::replace(&mut self.last, passed)));
        }
        Ok(())
    }

    fn end(&mut self, walked: Result<(), Error>, sources: &[Source]) -> Result<(), Error> {
        if let Some((broken, _)) = self.suspect.take() {
            return Err(Error::Broken(broken));
        }
        walked?;
        if let Some(empty) = sources.iter().find(|source| source.is_empty()) {
            let file = empty.path.to_path_buf();
            return Err(Error::Broken(Broken { file, line: 0, number: self.lines, seq: None, fault: Fault::Empty }));
        }
        let Passed { file, line, seq, .. } = self.last.clone();
        let at_end = |fault| {
            let (file, number, seq) = (file.to_path_buf(), self.lines, Some(seq));
            Err(Error::Broken(Broken { file, line, number, seq, fault }))
        };
        self.heads.cut_off().map_or(Ok(()), at_end)
    }
}
