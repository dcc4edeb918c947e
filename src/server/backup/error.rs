//! Errors of a backup.

use std::io;
use std::path::PathBuf;

use crate::audit::until;
use crate::custody;
use crate::server::error::StartError;
use crate::store;

/// An error of a backup. The message says what to do. The incomplete backup is removed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The directory is not empty.
    #[error("--backup {}: the directory is not empty: name one that does not exist yet, or an empty one", .0.display())]
    NotEmpty(PathBuf),
    /// The path names a file.
    #[error("--backup {}: it exists and is not a directory: name one that does not exist yet", .0.display())]
    NotDirectory(PathBuf),
    /// The path is a mount point, which cannot be replaced by renaming the complete directory.
    #[error("--backup {}: a file system is mounted there: name a directory in it, such as {}", .0.display(), .0.join("1").display())]
    MountPoint(PathBuf),
    /// The parent directory does not exist.
    #[error("--backup {}: there is no directory {}: create it, or name another place", directory.display(), parent.display())]
    NoParent {
        /// The directory as given.
        directory: PathBuf,
        /// The parent directory.
        parent: PathBuf,
    },
    /// The path has no last component, as with `/`.
    #[error("--backup {}: name a directory that does not exist yet", .0.display())]
    NoName(PathBuf),
    /// The database is not a file.
    #[error(
        "--backup copies an SQLite database only: copy a PostgreSQL database by pg_dump, and then the audit log and the HSM token"
    )]
    NotSqlite,
    /// The database is empty.
    #[error("the database {} records no root keys: no server has started with it, and there is nothing to back up", .0.display())]
    Unused(PathBuf),
    /// A file of the original cannot be read.
    #[error("cannot read {}: {source}: run as the user that runs the server", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the copy cannot be written.
    #[error("cannot write {}: {source}: {}", path.display(), advice(source))]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database or the HSM token cannot be opened.
    #[error(transparent)]
    Open(Box<StartError>),
    /// The database cannot be copied.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The HSM token does not answer.
    #[error(transparent)]
    Token(#[from] custody::Error),
    /// The files of the SoftHSM token cannot be found.
    #[error("the HSM token cannot be copied: {0}")]
    SoftHsm(#[from] custody::SoftHsmFault),
    /// The audit log does not belong to the database, or cannot be read.
    #[error(transparent)]
    Audit(#[from] until::Error),
    /// OpenSSL's generator failed.
    #[error("no random bytes: {0}")]
    Random(#[from] openssl::error::ErrorStack),
}

impl From<StartError> for BackupError {
    fn from(error: StartError) -> Self {
        Self::Open(Box::new(error))
    }
}

/// Returns what an operator can do about a file that cannot be written.
fn advice(error: &io::Error) -> &'static str {
    use io::ErrorKind::{
        AlreadyExists, FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => "free space there, or name a directory on another file system",
        PermissionDenied | ReadOnlyFilesystem => "name a directory that this user may write",
        AlreadyExists => "two files of the server have the same name: rename one of them",
        _ => "check the disk, or name a directory on another file system",
    }
}
