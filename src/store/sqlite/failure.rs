//! The errors of SQLite.

use rusqlite::ErrorCode;

/// An error of SQLite.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(#[source] Box<rusqlite::Error>);

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self(Box::new(error))
    }
}

impl Failure {
    /// Whether a query was interrupted.
    pub(super) fn is_interruption(&self) -> bool {
        self.0.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
    }

    /// What an operator can do if SQLite could not make a copy.
    pub(in crate::store) fn advice(&self) -> &'static str {
        match self.0.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => "free space there, or name a directory on another file system",
            Some(ErrorCode::SystemIoFailure) => "check that there is space and that the disk is sound, and try again",
            Some(ErrorCode::DatabaseCorrupt) => "stop the server and run clavigerd --check-store",
            _ => "try again",
        }
    }
}
