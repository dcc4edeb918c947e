//! Definitions as administrators see them.

use crate::policy::Kind;

/// A role name that cannot be defined. Users and projects whose row was changed in the database get it, and it permits
/// nothing.
const NO_ROLE: &str = "?";

impl Kind {
    /// The document that replaces a refused row, so that a change in the database gives no rights: where the row may
    /// have denied something, the replacement denies everything. A missing role or policy has the same effect for those
    /// who have it.
    pub(super) fn refused(self) -> Option<String> {
        match self {
            Self::User => Some(serde_json::json!({ "role": NO_ROLE }).to_string()),
            Self::Project => Some(serde_json::json!({ "members": { "*": NO_ROLE } }).to_string()),
            // The access tokens of the identity or host are not valid then.
            _ => None,
        }
    }
}
