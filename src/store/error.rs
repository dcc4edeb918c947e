//! The errors of the database.

use std::io;
use std::path::PathBuf;

use super::postgres;
use super::row::BadColumn;
use super::sqlite::Failure;
use crate::audit::Unavailable;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite reported an error.
    #[error("SQLite: {0}")]
    Sqlite(#[source] Failure),
    /// A row has a column that it cannot have.
    #[error("{0}")]
    Column(#[from] BadColumn),
    /// A file next to the database could not be made or locked.
    #[error("cannot open the database {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// SQLite cannot use the file.
    #[error("cannot open the database {}: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The error of SQLite.
        source: Failure,
    },
    /// The database could not be copied.
    #[error("cannot copy the database to {}: {source}: {}", to.display(), source.advice())]
    Copy {
        /// The copy.
        to: PathBuf,
        /// The error of SQLite.
        source: Failure,
    },
    /// A copy of the database could not be made or put on disk.
    #[error("cannot write {}: {source}: free space there, or name a directory on another file system", path.display())]
    Write {
        /// The copy.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A moved database has its name, which a crash of the machine may undo.
    #[error(
        "the new database {} is complete and has its name, but its directory could not be put on disk: {source}: run sync, and \
         check the disk, before a server starts with it",
        path.display()
    )]
    Unsynced {
        /// The database.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A copy of the database is damaged.
    #[error(
        "the copy of the database, {}, is damaged: {verdict}: stop the server and run clavigerd --check-store",
        path.display()
    )]
    Damaged {
        /// The copy.
        path: PathBuf,
        /// The result of SQLite's check.
        verdict: String,
    },
    /// Another server has the database open.
    #[error("the database {0} is in use by another clavigerd")]
    InUse(String),
    /// A later version of the program wrote it.
    #[error("the database {name} has schema {found}, this program knows up to {known}: run a newer clavigerd")]
    NewerSchema {
        /// The file, or the hosts and the name of the database.
        name: String,
        /// The schema in the database.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
    /// The file is an SQLite database of another program.
    #[error("{} is an SQLite database, but not one of clavigerd", .0.display())]
    Foreign(PathBuf),
    /// The schema of a database that is moved is an older one.
    #[error(
        "the database {name} has schema {found}, and schema {known} is moved: start clavigerd with it once, and stop it"
    )]
    OlderSchema {
        /// The file, or the hosts and the name of the database.
        name: String,
        /// The schema in the database.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
    /// The target of a move is not empty.
    #[error("--migrate-to: {name} is not empty: {why}: name a file that does not exist, or an empty database")]
    Occupied {
        /// The file, or the hosts and the name of the database.
        name: String,
        /// What there is.
        why: String,
    },
    /// The tables of the two databases of a move are not the same.
    #[error(
        "the tables of the two databases are not the same: {0}: nothing was moved; use a database that clavigerd has made"
    )]
    Tables(String),
    /// A value cannot be moved.
    #[error(
        "the column {column} of the table {table} has a value that the other database cannot hold, in the row {row}: {why}: \
         nothing was moved"
    )]
    Unmovable {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The primary key.
        row: String,
        /// What is wrong with the value.
        why: &'static str,
    },
    /// A copy is not the same as its source.
    #[error("the table {table} differs after it was copied, from {source_rows} rows to {rows}: nothing was moved")]
    Differs {
        /// The table.
        table: String,
        /// Number of rows of the source.
        source_rows: u64,
        /// Number of rows of the copy.
        rows: u64,
    },
    /// The connection was lost while a copy was being committed.
    #[error(
        "the connection was lost while the copy was being committed: it is complete or not there at all: give --migrate-to \
         again, which says that the database is not empty if the copy is complete"
    )]
    InDoubt,
    /// PostgreSQL reported an error.
    #[error("PostgreSQL: {0}")]
    Postgres(#[source] postgres::Failure),
    /// No connection to PostgreSQL could be opened.
    #[error("cannot connect to the database {name}: {source}: {advice}")]
    Unreachable {
        /// The hosts and the name of the database.
        name: String,
        /// The error.
        source: postgres::Failure,
        /// What an operator can do.
        advice: &'static str,
    },
    /// The URL of the database is not one.
    #[error("not a URL of a database: {0}: write postgres://USER@HOST:PORT/DATABASE")]
    Url(String),
    /// The password cannot be read.
    #[error("the password of the database: {0}")]
    Password(Box<crate::config::Error>),
    /// A file for TLS with PostgreSQL cannot be used.
    #[error("{what} cannot be used for TLS with the database: {why}")]
    DatabaseTls {
        /// The option with the file.
        what: &'static str,
        /// The reason.
        why: String,
    },
    /// The text encoding of the database cannot hold every name.
    #[error(
        "the database {name} has the encoding {encoding}, which is not UTF8: create another one with \
         TEMPLATE template0 ENCODING 'UTF8'"
    )]
    Encoding {
        /// The hosts and the name of the database.
        name: String,
        /// Its encoding.
        encoding: String,
    },
    /// The thread for the connections to PostgreSQL could not be started.
    #[error("no thread for the database could be started: {0}")]
    Driver(#[source] io::Error),
    /// The connection to PostgreSQL was lost.
    #[error("the connection to the database was lost: {0}")]
    Lost(#[source] postgres::Failure),
    /// PostgreSQL has not answered for too long.
    #[error("the database does not answer")]
    Unanswered,
    /// All connections for reading are in use.
    #[error("no connection to the database became free in time")]
    NoConnection,
    /// PostgreSQL answers, but the readers have no connection and cannot open one.
    #[error("the database cannot be read: no connection can be opened")]
    NoReader,
    /// Another server uses the database under the name of this one.
    #[error("another clavigerd has taken over the name of this server: stop one of the two, and restart the other")]
    TakenOver,
    /// Another server uses the database under this name.
    #[error(
        "the name {0:?} is in use by another clavigerd over the same database: give each its own by --server-name, and an \
         audit log of its own"
    )]
    NameInUse(String),
    /// Another server is starting.
    #[error("another clavigerd over the same database has been starting for too long: one starts at a time; try again")]
    Starting,
    /// The changes of other servers could not be followed.
    #[error("the changes of other servers cannot be followed: {0}")]
    Unfollowed(String),
    /// PostgreSQL has lost commits.
    #[error(
        "the database lacks commits that were acknowledged: was a standby promoted that is not synchronous, or a backup \
         restored? Check with clavigerd --check-store, and restart"
    )]
    CommitsLost,
    /// The connection to PostgreSQL was lost during a commit, and the server ends before it is known whether it was done.
    #[error("it is not known whether the change was committed: read it before trying again")]
    Unknown,
    /// A row whose columns are not valid.
    #[error("the row of object {0:?} has invalid columns")]
    Malformed(String),
    /// The identifier exists already.
    #[error("the identifier {0:?} exists already")]
    Exists(String),
    /// The row changed between read and write.
    #[error("the row was changed by another request")]
    Conflict,
    /// The maximum number of rows is reached.
    #[error("the maximum number of rows is reached")]
    Full,
    /// The user has made the maximum number of rows that one user may make.
    #[error("the user has made the maximum number of rows")]
    Share,
    /// The owner has as many keys as the server replaces by itself for one owner.
    #[error("the owner has the maximum number of keys that are replaced by the clock")]
    Rotations,
    /// The place is not empty.
    #[error("the place is not empty")]
    NotEmpty,
    /// A path would exceed its maximum length.
    #[error("a path would be too long")]
    PathTooLong,
    /// The request that reads has ended.
    #[error("the request has ended")]
    Abandoned,
    /// The writer's queue is full.
    #[error("too many writes are waiting")]
    Busy,
    /// A write was not on disk in time, so that the database counts as unavailable.
    #[error("a write is not done in time: is the database locked by another program, or its disk slow?")]
    Stuck,
    /// A query was interrupted because it took too long.
    #[error("a query took longer than {0} s")]
    TooLong(u64),
    /// The transaction that held this write could not be committed.
    #[error("the commit failed: {0}")]
    Commit(String),
    /// The HSM token could not make the MAC that binds a row of the commit: nothing of the group was committed.
    #[error("a row could not be bound: {0}")]
    Binding(String),
    /// The audit log cannot be written: nothing of the group was committed.
    #[error("{0}")]
    Audit(#[source] Unavailable),
    /// An earlier change failed, so that this one was not begun.
    #[error("a change before it failed")]
    NotBegun,
    /// The writer thread has stopped.
    #[error("the database writer has stopped")]
    Stopped,
}

impl Error {
    /// Whether the transaction has to be run again, because it met another one.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Postgres(failure) if failure.is_transient())
    }

    /// Whether the transaction has ended with the connection, so that its other jobs fail too.
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Unanswered)
    }
}
