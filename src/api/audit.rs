//! The audit log: `/audit/search`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `POST /audit/search`; a line must match all given fields.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The object.
    pub object: Option<String>,
    /// The caller.
    pub caller: Option<String>,
    /// The operation, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// `success`, `refused` or `failed`.
    pub outcome: Option<String>,
    /// The earliest time.
    pub from: Option<String>,
    /// The latest time.
    pub to: Option<String>,
    /// Maximum number of lines; the newest ones are returned.
    pub limit: Option<usize>,
}

/// The answer to [`Search`].
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// The lines as they are in the log.
    pub lines: Vec<String>,
    /// Whether the whole log was searched, or enough of it to find the requested number of lines.
    pub complete: bool,
}
