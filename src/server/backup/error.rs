//! Why there is no backup.

use std::io;
use std::path::PathBuf;

use crate::audit::until;
use crate::custody;
use crate::server::error::StartError;
use crate::store;

/// Why there is no backup: what was wrong, and what to do about it. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The directory has something in it.
    #[error("--backup {}: the directory is not empty: name one that does not exist yet, or an empty one", .0.display())]
    NotEmpty(PathBuf),
    /// It is a file.
    #[error("--backup {}: it exists and is not a directory: name one that does not exist yet", .0.display())]
    NotDirectory(PathBuf),
    /// It cannot appear complete: another directory cannot take its place.
    #[error("--backup {}: a file system is mounted there: name a directory in it, such as {}", .0.display(), .0.join("1").display())]
    MountPoint(PathBuf),
    /// The directory that is to hold it is not there.
    #[error("--backup {}: there is no directory {}: create it, or name another place", directory.display(), parent.display())]
    NoParent {
        /// As given.
        directory: PathBuf,
        /// The directory that is to hold it.
        parent: PathBuf,
    },
    /// It has no name of its own.
    #[error("--backup {}: name a directory that does not exist yet", .0.display())]
    NoName(PathBuf),
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
    /// Database or token cannot be opened.
    #[error(transparent)]
    Open(Box<StartError>),
    /// The database cannot be copied.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The token does not answer.
    #[error(transparent)]
    Token(#[from] custody::Error),
    /// The token's files are not found.
    #[error("the token cannot be copied: {0}")]
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

/// What an operator can do about a file that cannot be written.
fn advice(error: &io::Error) -> &'static str {
    use io::ErrorKind::{
        AlreadyExists, FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => "free space there, or name a directory on another file system",
        PermissionDenied | ReadOnlyFilesystem => "name a directory that this user may write",
        AlreadyExists => "two files of the server have the same name: give one of them another",
        _ => "check the disk, or name a directory on another file system",
    }
}
