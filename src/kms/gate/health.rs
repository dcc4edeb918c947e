//! Whether everything that operations need is available.

use crate::store::DatabaseState;

/// The state of the HSM token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenHealth {
    /// The token is available, and its keys can be used.
    Good,
    /// The token is unavailable, or its keys cannot be used.
    Unavailable,
    /// A call of its PKCS#11 module does not return.
    Hangs,
}

/// Whether database, HSM token and audit log are available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Whether the database is available.
    pub store: bool,
    /// The state of the HSM token with its root keys.
    pub token: TokenHealth,
    /// Whether the audit log is available; true if there is none.
    pub audit: bool,
}

impl Health {
    /// Whether all of them are available.
    #[must_use]
    pub fn is_good(self) -> bool {
        self.store && self.token == TokenHealth::Good && self.audit
    }
}

/// What is known of the database, without asking it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseHealth {
    /// The name of this server among those over the same database; empty if there is only one.
    pub server: String,
    /// The state of a PostgreSQL database; `None` for SQLite.
    pub state: Option<DatabaseState>,
}
