//! The audit log: `/audit/search`.

use serde::{Deserialize, Serialize};

/// `POST /audit/search`; every part that is given must hold.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The object.
    pub object: Option<String>,
    /// Who asked.
    pub caller: Option<String>,
    /// `success`, `refused` or `failed`.
    pub outcome: Option<String>,
    /// The first time.
    pub from: Option<String>,
    /// The last time.
    pub to: Option<String>,
    /// The newest of them, at most.
    pub limit: Option<usize>,
}

/// The answer to [`Search`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Found {
    /// As they stand in the log.
    pub lines: Vec<String>,
    /// Whether all of the log was looked at, or enough of it to have found as many as were asked for.
    pub complete: bool,
}
