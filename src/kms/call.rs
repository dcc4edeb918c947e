//! The state of one operation while it is performed.

use std::cell::{Cell, RefCell};

use super::clock::now;
use super::context::Context;
use super::error::Error;
use super::gate::Prepared;
use super::operation::Operation;
use super::trail::Trail;
use super::uncommitted::Uncommitted;
use crate::kmip::ttlv::DateTime;
use crate::principal::Caller;

/// Whether the change of an operation waits for those of later items of the same message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gathering {
    /// It is committed at once.
    No,
    /// It waits.
    First,
    /// It waits together with others. If another call is changing the object, this one does not wait for its lock
    /// ([`Error::Crowded`]).
    BesideOthers,
}

/// The state of one operation in addition to its request.
pub struct Call<'a> {
    pub(super) context: Context<'a>,
    /// The time that all decisions of the operation use.
    pub(super) now: DateTime,
    /// The ID placeholder of an earlier item of the batch (KMIP 2.1 section 8.3).
    pub(super) placeholder: Option<String>,
    /// The requested operation.
    pub(super) operation: Operation,
    /// A detail for the audit log, in addition to the object.
    pub(super) detail: RefCell<Option<String>>,
    /// Whether the change affects the caller's own rights.
    pub(super) own: Cell<bool>,
    /// Additional effects of the operation, each with its detail.
    pub(super) conclusions: RefCell<Vec<(Operation, String)>>,
    pub(super) gathering: Gathering,
    /// Whether it came without a KMIP message: then a new object becomes Active now unless the request says otherwise.
    pub(super) is_bare: bool,
    /// The objects that earlier items of the same message changed, if they are committed together with this call.
    pub(super) uncommitted: Uncommitted,
    /// The change that waits for the commit.
    pub(super) prepared: RefCell<Option<Prepared>>,
    pub(super) trail: Trail,
}

impl<'a> Call<'a> {
    pub(super) fn new(context: &Context<'a>, operation: Operation) -> Self {
        Self {
            context: *context,
            now: DateTime(now()),
            placeholder: None,
            operation,
            detail: RefCell::default(),
            own: Cell::new(false),
            conclusions: RefCell::default(),
            gathering: Gathering::No,
            is_bare: false,
            uncommitted: Uncommitted::default(),
            prepared: RefCell::default(),
            trail: Trail::default(),
        }
    }

    /// Sets the detail for the audit log. It must not contain a secret.
    pub(super) fn describe(&self, detail: String) {
        *self.detail.borrow_mut() = Some(detail);
    }

    /// Notes that the change affects the caller's own rights.
    pub(super) fn concerns_caller(&self) {
        self.own.set(true);
    }

    /// Adds another effect of the change, which gets a line of its own in the audit log.
    pub(super) fn conclude(&self, operation: Operation, detail: String) {
        self.conclusions.borrow_mut().push((operation, detail));
    }

    pub(super) fn caller(&self) -> &'a Caller {
        self.context.caller
    }

    /// Checks that the request is still wanted. Called between the steps of a long operation, and before an operation
    /// begins.
    pub(super) fn go_on(&self) -> Result<(), Error> {
        self.context.go_on()
    }

    /// The time and the caller, for a value of a secret that the call writes.
    pub(super) fn written(&self) -> (i64, &str) {
        (self.now.0, self.caller().username.as_str())
    }
}
