//! Changes of access that change nothing.

use crate::policy;

/// The operations as the subject of a sentence, with its verb.
fn listed(operations: &[&str]) -> String {
    let verb = if operations.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", operations.join(", "))
}

/// Why a change of access would have no effect.
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
        /// To whom.
        to: String,
    },
    /// None of the operations is granted.
    #[error("{} not granted to {to}", listed(.operations))]
    NotGranted {
        /// The operations that were asked for.
        operations: Vec<&'static str>,
        /// To whom.
        to: String,
    },
    /// The operation is not one on an object that exists.
    #[error("{0} cannot be granted on an object")]
    NotOnObjects(&'static str),
    /// The key can never do it.
    #[error("`{operation}` would have no effect: {reason}")]
    Impossible {
        /// What.
        operation: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// Nothing was named.
    #[error("no operation is named")]
    Empty,
    /// No more fit.
    #[error("an object has at most {} grantees", policy::MAX_GRANTEES)]
    Full,
    /// A secret stays in the project of its account.
    #[error("a secret of the account {0:?} is held by the project {0:?} and by no other")]
    OfAccount(String),
    /// It is there already.
    #[error("the object is there already")]
    Unchanged,
}
