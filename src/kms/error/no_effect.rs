//! Changes of access that would change nothing.

use super::super::bounds::MAX_FOR_EVERYONE;
use crate::policy;

/// Joins the operations to the subject of a sentence, with its verb.
fn listed(operations: &[&str]) -> String {
    let verb = if operations.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", operations.join(", "))
}

/// The reason why a change of access would have no effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEffect {
    /// The owner needs no grant.
    #[error("{0:?} owns the object and may do everything with it")]
    Owner(String),
    /// Every operation is granted already.
    #[error("{} already granted to {to}", listed(.operations))]
    Granted {
        /// The operations that were asked for.
        operations: Vec<&'static str>,
        /// The grantee.
        to: String,
    },
    /// None of the operations is granted.
    #[error("{} not granted to {to}", listed(.operations))]
    NotGranted {
        /// The operations that were asked for.
        operations: Vec<&'static str>,
        /// The grantee.
        to: String,
    },
    /// The operation does not concern an existing object.
    #[error("{0} cannot be granted on an object")]
    NotOnObjects(&'static str),
    /// The key can never perform it.
    #[error("`{operation}` would have no effect: {reason}")]
    Impossible {
        /// The operation.
        operation: &'static str,
        /// The reason.
        reason: &'static str,
    },
    /// The request names no operation.
    #[error("no operation is named")]
    Empty,
    /// The object has the maximum number of grantees.
    #[error("an object has at most {} grantees", policy::MAX_GRANTEES)]
    Full,
    /// The owner has the maximum number of objects outside of projects that are granted to everyone.
    #[error(
        "the user {0:?} has {MAX_FOR_EVERYONE} objects outside of projects that are granted to everyone: grant to users or \
         roles, or put the objects into a project"
    )]
    Everyones(String),
    /// The name is that of a principal in the configuration, and no user has it.
    #[error(
        "user_id: {0:?} is a spelling of principals in the configuration, and not a user name: give the user's name only, or \
         give a role as `role`"
    )]
    Principal(String),
    /// A secret must stay in the project of its account.
    #[error("a secret of the account {0:?} must stay in the project {0:?}")]
    OfAccount(String),
    /// The object is in this project already.
    #[error("the object's project is already as requested")]
    Unchanged,
}
