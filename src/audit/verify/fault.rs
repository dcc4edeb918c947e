//! What can be wrong with a log.

use std::fmt;
use std::path::PathBuf;

use crate::file::Unreadable;

/// Why a log is not verified.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A line is wrong.
    #[error("{0}")]
    Broken(#[from] Broken),
    /// A file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// The first line that is wrong.
#[derive(Debug)]
pub struct Broken {
    /// Its file.
    pub file: PathBuf,
    /// Its number in the file, from 1; 0 if the file has none.
    pub line: u64,
    /// Its number in the whole log, from 1.
    pub(super) number: u64,
    /// Its sequence number, where it can be read.
    pub seq: Option<u64>,
    /// What is wrong.
    pub fault: Fault,
}

impl Broken {
    /// Blames the line before instead.
    pub(super) fn moved_to(self, file: PathBuf, line: u64, seq: u64) -> Self {
        Self { file, line, number: self.number.saturating_sub(1), seq: Some(seq), fault: Fault::Changed }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.file.display(), self.line)?;
        if let Some(seq) = self.seq {
            write!(f, " (sequence {seq})")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl std::error::Error for Broken {}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is no line at all.
    #[error("there are no lines")]
    Empty,
    /// Not the strict form.
    #[error("it does not have the form of a line of the log")]
    Form,
    /// Not UTF-8, or not JSON.
    #[error("it is not a JSON object in UTF-8")]
    Json,
    /// Too long for a line of this log.
    #[error("it is longer than a line of the log can be")]
    TooLong,
    /// No newline at its end.
    #[error("it has no newline: its end is cut off")]
    Torn,
    /// The log does not begin at its beginning.
    #[error("the log begins with sequence {0}: give the files before this one too")]
    First(u64),
    /// Lines are missing, inserted or in another order.
    #[error("sequence {expected} is expected here: lines were removed, inserted or reordered")]
    Sequence {
        /// What should be here.
        expected: u64,
    },
    /// `prev` is wrong.
    #[error("its `prev` is not the hash of the line before: one of the two was changed")]
    Previous,
    /// The next line knows another hash of it.
    #[error("it was changed: the next line has the hash of another")]
    Changed,
    /// A line that claims to be a checkpoint and is not one.
    #[error("it is not a checkpoint in its one form")]
    Checkpoint,
    /// Signed by another key.
    #[error("it is signed by another key than the one given")]
    OtherKey,
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Signature,
    /// The database knows another line.
    #[error("it is not the line {0} that the given head is")]
    OtherHead(u64),
    /// The log was cut back.
    #[error("the log ends here, before the given head, line {0}: it was cut off")]
    CutOff(u64),
}
