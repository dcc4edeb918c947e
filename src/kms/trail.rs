//! What was decided for one operation, until the audit log has it.

use std::cell::RefCell;

use crate::policy::{Action, Rule};

/// The decisions of an operation so far.
#[derive(Default)]
pub(super) struct Trail(pub(super) RefCell<Vec<Decided>>);

/// What was permitted.
pub(super) struct Decided {
    pub(super) action: Action,
    pub(super) object: Option<String>,
    pub(super) rule: Rule,
    /// The log has a line of it already, made with the change itself.
    pub(super) recorded: bool,
}

impl Trail {
    /// Remembers what was permitted.
    pub(super) fn permitted(&self, action: Action, object: Option<&str>, rule: Rule) {
        self.0.borrow_mut().push(Decided { action, object: object.map(str::to_owned), rule, recorded: false });
    }
}
