//! Errors of a move.

use crate::custody;
use crate::metrics;
use crate::server::error::StartError;
use crate::store;

/// An error of a move. The message says what to do. The database that is moved is as before, and the new one is not there
/// or has no change.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The database, the HSM token or the audit log cannot be opened.
    #[error(transparent)]
    Open(Box<StartError>),
    /// The database cannot be copied.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The HSM token does not answer.
    #[error(transparent)]
    Token(#[from] custody::Error),
    /// The metrics cannot be set up, which is a defect of the program.
    #[error(transparent)]
    Metrics(#[from] metrics::Error),
    /// The database has no root keys.
    #[error("the database {0} records no root keys: no server has started with it, and there is nothing to move")]
    Unused(String),
    /// The database has no log of this server.
    #[error(
        "the database has no audit log of a server named {given:?}, but those of {known}: name the one that goes on by \
         --server-name, and give the logs of the others by --other-audit-file"
    )]
    Server {
        /// The name that was given.
        given: String,
        /// The names of all servers.
        known: String,
    },
    /// The row about an audit log is invalid.
    #[error(
        "the database's record of its audit log was changed or removed{}, and is not moved: start clavigerd with \
         --audit-accept-loss once, which records this in the audit log, and stop it", of(.0)
    )]
    Head(String),
    /// The row of all servers is invalid.
    #[error(
        "the database's record of its servers and root keys was changed or removed: restore the database from a dump"
    )]
    Servers,
}

/// The server whose row it is, if there may be several.
fn of(server: &str) -> String {
    if server.is_empty() { String::new() } else { format!(" (server {server:?})") }
}

impl From<StartError> for MoveError {
    fn from(error: StartError) -> Self {
        Self::Open(Box::new(error))
    }
}
