//! Whether everything is there that an operation may need.

/// How the token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenHealth {
    /// It is there, and its keys can be used.
    Good,
    /// It is not, or they cannot.
    Unavailable,
    /// A call of its module does not return.
    Hangs,
}

/// Whether store and token are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// The database.
    pub store: bool,
    /// The token, with its root keys.
    pub token: TokenHealth,
    /// The audit log; true if there is none.
    pub audit: bool,
}

impl Health {
    /// Whether everything is there.
    #[must_use]
    pub fn is_good(self) -> bool {
        self.store && self.token == TokenHealth::Good && self.audit
    }
}
