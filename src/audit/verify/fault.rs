//! The faults of a log.

use std::fmt;
use std::path::PathBuf;

use crate::audit::logs::{Files, Fork};
use crate::file::Unreadable;

/// The reason why a log is not verified.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A line is faulty.
    #[error("{0}")]
    Broken(#[from] Broken),
    /// A file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// The first faulty line.
#[derive(Debug)]
pub struct Broken {
    /// The file of the line.
    pub file: PathBuf,
    /// The number of the line in the file, from 1; 0 if the file has no lines.
    pub line: u64,
    /// The number of the line in the whole log, from 1.
    pub(super) number: u64,
    /// The sequence number of the line, if it can be read.
    pub seq: Option<u64>,
    /// The fault.
    pub fault: Fault,
}

impl Broken {
    /// Reports the line before as the changed one.
    pub(super) fn moved_to(self, file: PathBuf, line: u64, seq: u64) -> Self {
        Self { file, line, number: self.number.saturating_sub(1), seq: Some(seq), fault: Fault::Changed }
    }
}

impl Broken {
    /// The fault of the whole of a log, whose first line is named.
    pub(super) fn of_log(log: &Files, fault: Fault) -> Self {
        let file = log.paths.first().cloned().unwrap_or_default();
        Self { file, line: 1, number: 1, seq: None, fault }
    }

    /// The fault of a log that is intact, as another one of the same server is that begins with line 1 too.
    #[must_use]
    pub fn rival(log: &Files, other: &Files) -> Self {
        Self::of_log(log, Fault::Rival(other.paths.first().cloned().unwrap_or_default()))
    }
}

impl From<&Fork> for Broken {
    fn from(fork: &Fork) -> Self {
        let Fork { file, line, other } = fork.clone();
        let fault = if line == 1 { Fault::Forked(other) } else { Fault::Differs(other) };
        Self { file, line, number: line, seq: None, fault }
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

/// A fault of a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There are no lines.
    #[error("there are no lines")]
    Empty,
    /// The line does not have the strict form.
    #[error("it does not have the form of a line of the log")]
    Form,
    /// The line is not UTF-8, or not JSON.
    #[error("it is not a JSON object in UTF-8")]
    Json,
    /// The line is too long.
    #[error("it is longer than a line of the log can be")]
    TooLong,
    /// The line has no newline.
    #[error("it has no newline: its end is cut off")]
    Torn,
    /// The log does not begin with its first line.
    #[error("the log begins with sequence {0}: give the files before this one too")]
    First(u64),
    /// Lines are missing, inserted or reordered.
    #[error("sequence {expected} is expected here: lines were removed, inserted or reordered")]
    Sequence {
        /// The expected sequence number.
        expected: u64,
    },
    /// `prev` is not the hash of the line before.
    #[error("its `prev` is not the hash of the line before: one of the two was changed")]
    Previous,
    /// The next line contains another hash of this line.
    #[error("it was changed: the next line has another hash")]
    Changed,
    /// The line has the event of a checkpoint, but not its form.
    #[error("it does not have the form of a checkpoint")]
    Checkpoint,
    /// Another key signed the checkpoint.
    #[error("it is signed by another key, not the given one")]
    OtherKey,
    /// The signature is not valid.
    #[error("its signature is not valid")]
    Signature,
    /// The line differs from the given head.
    #[error("it is not the given head, which is line {0}")]
    OtherHead(u64),
    /// Another file continues the same line.
    #[error("it follows the same line as the first line of {}: the log was forked, and one of the two files is not its", .0.display())]
    Forked(PathBuf),
    /// Another file begins with the same line and goes on differently.
    #[error("it differs from this line of {}, which begins in the same way: one of the two was changed, or the log was forked", .0.display())]
    Differs(PathBuf),
    /// Another log of the same server begins with line 1 too.
    #[error("the first line of {} begins the log of the same server: the log was forked, or one of the two is not its", .0.display())]
    Rival(PathBuf),
    /// There is no checkpoint in a log of several.
    #[error("no checkpoint follows: nothing shows that a server with this key wrote the log that begins here")]
    NoCheckpoint,
    /// The log ends before the given head.
    #[error("the log ends here, before the given head, line {0}: it was cut off")]
    CutOff(u64),
}
