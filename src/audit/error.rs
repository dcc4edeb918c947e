//! Errors of the audit log.

use std::io;
use std::path::PathBuf;

use super::line::Hash;

/// The reason why no record can be written now. The server refuses operations that must be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The log cannot be written.
    #[error("the audit log cannot be written: {0}")]
    Failing(String),
    /// Too many records are waiting.
    #[error("too many audit records are waiting")]
    Full,
    /// The log was closed.
    #[error("the audit log is closed")]
    Closed,
}

/// The reason why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file of the log cannot be opened, read or written.
    #[error("the audit log {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Another process writes the log.
    #[error("the audit log {} is in use by another clavigerd", .0.display())]
    InUse(PathBuf),
    /// The log is not a regular file.
    #[error("the audit log {} is not a regular file", .0.display())]
    NotRegular(PathBuf),
    /// Lines are missing or changed.
    #[error("the audit log {} {loss}: give --audit-accept-loss to continue and record the loss", path.display())]
    Loss {
        /// The log.
        path: PathBuf,
        /// The difference from what the database knows.
        loss: Loss,
    },
    /// A log with the default name of former releases, which does not belong to this database.
    #[error(
        "the audit log {p} {loss}, so it is not the log of this database: give --audit-file with that log, \
         or --audit-accept-loss to begin {} and record the loss", own.display(), p = path.display()
    )]
    Foreign {
        /// The log that was found.
        path: PathBuf,
        /// The log that this database should have.
        own: PathBuf,
        /// The difference.
        loss: Loss,
    },
    /// The thread that writes the log cannot be started.
    #[error("cannot start the thread that writes the audit log: {0}")]
    Thread(io::Error),
}

/// The difference between the log and the last line that the database knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// The log ends before the line that the database knows.
    #[error("ends at line {end}, but the database knows line {head}")]
    Short {
        /// The last line of the log; 0 if it is empty.
        end: u64,
        /// The line that the database knows.
        head: u64,
    },
    /// The log begins after the line that the database knows.
    #[error("begins at line {first}, and the database knows line {head}")]
    Late {
        /// The first line of the log.
        first: u64,
        /// The line that the database knows.
        head: u64,
    },
    /// The line exists, but differs from the one that the database knows.
    #[error("has another line {0} than the one that the database knows")]
    Other(u64),
    /// Another key signs the log.
    #[error("is the log of another database: another key signs it")]
    Foreign,
    /// The hash chain of the log is broken.
    #[error("is broken after line {0}")]
    Broken(u64),
}

/// The number and hash of the last line of the log; `None` for an empty log.
pub(super) type End = Option<(u64, Hash)>;
