//! Definitions as administrators see them.

use crate::policy::Kind;

/// A role that nobody can define, for users and projects whose row cannot be believed: it permits nothing.
const NO_ROLE: &str = "?";

impl Kind {
    /// What stands for a row that is refused, so that nobody gains by it: what it may have denied, everyone is denied. A
    /// role or a policy that is not there does the same to those who have it.
    pub(super) fn refused(self) -> Option<String> {
        match self {
            Self::User => Some(serde_json::json!({ "role": NO_ROLE }).to_string()),
            Self::Project => Some(serde_json::json!({ "members": { "*": NO_ROLE } }).to_string()),
            // The access tokens of an identity or a host are then not good.
            _ => None,
        }
    }
}
