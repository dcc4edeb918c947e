//! The errors of PostgreSQL.

use std::error::Error as StdError;
use std::fmt;

use tokio_postgres::error::SqlState;

/// An error of PostgreSQL, or of the connection to it.
#[derive(Debug)]
pub struct Failure(tokio_postgres::Error);

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self(error)
    }
}

impl StdError for Failure {}

/// One line: the message of the server with its code, or the error of the connection with its causes. A detail of the
/// server is left out, because it contains values.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = self.0.as_db_error() {
            return write!(f, "{} (SQLSTATE {})", error.message(), error.code().code());
        }
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl Failure {
    fn is(&self, states: &[SqlState]) -> bool {
        self.0.code().is_some_and(|code| states.contains(code))
    }

    /// Whether the transaction has to be run again: it could not be serialized, or was in a deadlock.
    pub(in crate::store) fn is_transient(&self) -> bool {
        self.is(&[SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED])
    }

    /// Whether the query was interrupted because it took too long.
    pub(super) fn is_timeout(&self) -> bool {
        self.is(&[SqlState::QUERY_CANCELED])
    }

    /// Whether the connection cannot be used any more: there is no error of a statement, or the server ends.
    pub(super) fn is_lost(&self) -> bool {
        let Some(code) = self.0.code() else { return self.0.is_closed() || self.is_io() };
        // Class 08: connection exceptions; class 57P: the operator's intervention.
        code.code().starts_with("08")
            || code.code().starts_with("57P")
            || self.is(&[SqlState::READ_ONLY_SQL_TRANSACTION, SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT])
    }

    fn is_io(&self) -> bool {
        self.0.source().is_some_and(|source| source.is::<std::io::Error>())
    }

    /// Whether a function is unknown to the server.
    pub(super) fn is_unknown_function(&self) -> bool {
        self.is(&[SqlState::UNDEFINED_FUNCTION])
    }

    /// Whether a table is missing.
    pub(super) fn is_unknown_table(&self) -> bool {
        self.is(&[SqlState::UNDEFINED_TABLE])
    }

    /// What an operator can do if no connection can be opened.
    pub(super) fn advice(&self) -> &'static str {
        if self.is(&[SqlState::INVALID_PASSWORD]) {
            "check the user in --database-url and the password in --database-password-file"
        } else if self.is(&[SqlState::INVALID_AUTHORIZATION_SPECIFICATION]) {
            "permit this user, database and host in pg_hba.conf, and give the client certificate or password that it asks for"
        } else if self.is(&[SqlState::INVALID_CATALOG_NAME]) {
            "create the database: CREATE DATABASE ... OWNER ... TEMPLATE template0 ENCODING 'UTF8'"
        } else if self.is(&[SqlState::INSUFFICIENT_PRIVILEGE]) {
            "make the role of --database-url the owner of the database"
        } else if self.is(&[SqlState::TOO_MANY_CONNECTIONS]) {
            "raise max_connections of PostgreSQL, or the connection limit of the role"
        } else {
            "check the hosts and ports in --database-url, and that PostgreSQL runs and can be reached"
        }
    }
}
