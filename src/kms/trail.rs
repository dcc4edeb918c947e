//! The decisions for one operation, until they are in the audit log.

use std::cell::RefCell;

use crate::policy::{Action, Rule};

/// The decisions of an operation so far.
#[derive(Default)]
pub(super) struct Trail {
    pub(super) decisions: RefCell<Vec<Decided>>,
    /// The objects whose changes have a line that is committed with the change.
    pub(super) changed: RefCell<Vec<String>>,
}

/// A permission that was given.
pub(super) struct Decided {
    pub(super) action: Action,
    pub(super) object: Option<String>,
    pub(super) rule: Rule,
    /// Whether the audit log has a line for it already, written with the change.
    pub(super) recorded: bool,
}

impl Trail {
    /// Adds a permission that was given.
    pub(super) fn permitted(&self, action: Action, object: Option<&str>, rule: Rule) {
        self.decisions.borrow_mut().push(Decided { action, object: object.map(str::to_owned), rule, recorded: false });
    }
}
