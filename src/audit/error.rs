//! Why nothing can be recorded.

use std::io;
use std::path::PathBuf;

use super::line::Hash;

/// Nothing can be recorded now: what had to be recorded is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The log cannot be written.
    #[error("the audit log cannot be written: {0}")]
    Failing(String),
    /// Too much is waiting.
    #[error("too many audit records are waiting")]
    Full,
    /// It was closed.
    #[error("the audit log is closed")]
    Closed,
}

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file of the log cannot be opened, read or written.
    #[error("the audit log {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes it.
    #[error("the audit log {} is in use by another clavigerd", .0.display())]
    InUse(PathBuf),
    /// It is not a regular file.
    #[error("the audit log {} is not a regular file", .0.display())]
    NotRegular(PathBuf),
    /// Lines are missing or changed.
    #[error("the audit log {} {loss}: give --audit-accept-loss to go on and have that recorded", path.display())]
    Loss {
        /// The log.
        path: PathBuf,
        /// What is missing.
        loss: Loss,
    },
    /// A log of the name that all logs had once, which is not this database's.
    #[error(
        "the audit log {p} {loss}, so it is not the log of this database as it left it: give --audit-file with that log, \
         or --audit-accept-loss to begin {} and have the loss recorded", own.display(), p = path.display()
    )]
    Foreign {
        /// The log.
        path: PathBuf,
        /// The log that this database should have.
        own: PathBuf,
        /// How it differs.
        loss: Loss,
    },
    /// The thread that writes it.
    #[error("cannot start the thread that writes the audit log: {0}")]
    Thread(io::Error),
}

/// How the log differs from what the database knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// The line that the database knows is not there.
    #[error("ends at line {end}, but the database knows line {head}")]
    Short {
        /// The last line that is there; 0 for none.
        end: u64,
        /// The line that the database knows.
        head: u64,
    },
    /// The log begins after the line that the database knows.
    #[error("begins at line {first}, and the database knows line {head}")]
    Late {
        /// The first line that is there.
        first: u64,
        /// The line that the database knows.
        head: u64,
    },
    /// The line is there, and is another one.
    #[error("has another line {0} than the one that the database knows")]
    Other(u64),
    /// Another key signs it.
    #[error("is the log of another database: another key signs it")]
    Foreign,
    /// The chain does not hold.
    #[error("is broken after line {0}")]
    Broken(u64),
}

/// The last line of the log as found; `None` for an empty log.
pub(super) type End = Option<(u64, Hash)>;
