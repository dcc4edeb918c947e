//! One operation as it is performed.

use std::cell::{Cell, RefCell};

use super::clock::now;
use super::context::Context;
use super::error::Error;
use super::gate::Prepared;
use super::operation::Operation;
use super::trail::Trail;
use crate::kmip::ttlv::DateTime;
use crate::principal::Caller;

/// Whether the change of an operation waits for those of later items of the same message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gathering {
    /// It is committed at once.
    No,
    /// It waits.
    First,
    /// It waits with others. An object that somebody else changes just now is not waited for ([`Error::Crowded`]).
    BesideOthers,
}

/// What belongs to one operation beside its request.
pub struct Call<'a> {
    pub(super) context: Context<'a>,
    /// One moment for all decisions of the operation.
    pub(super) now: DateTime,
    /// What an earlier item of the batch left (KMIP 2.1 section 8.3, ID Placeholder).
    pub(super) placeholder: Option<String>,
    /// What is asked for.
    pub(super) operation: Operation,
    /// What the audit log should know of it beside its object.
    pub(super) detail: RefCell<Option<String>>,
    /// Whether it changes what the caller themselves may do.
    pub(super) own: Cell<bool>,
    /// What comes of it beside what was asked for, each with its detail.
    pub(super) conclusions: RefCell<Vec<(Operation, String)>>,
    pub(super) gathering: Gathering,
    /// Whether it came without a message: an object that is added becomes Active now where the request says nothing of it.
    pub(super) is_bare: bool,
    /// The change that waits.
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
            prepared: RefCell::default(),
            trail: Trail::default(),
        }
    }

    /// Says more about it in the audit log; never a secret.
    pub(super) fn describe(&self, detail: String) {
        *self.detail.borrow_mut() = Some(detail);
    }

    /// Says that the change is one of what the caller themselves may do.
    pub(super) fn concerns_caller(&self) {
        self.own.set(true);
    }

    /// Says what else the change does, which has a line of its own in the audit log.
    pub(super) fn conclude(&self, operation: Operation, detail: String) {
        self.conclusions.borrow_mut().push((operation, detail));
    }

    pub(super) fn caller(&self) -> &'a Caller {
        self.context.caller
    }

    /// Asked between two steps of what takes long, and before anything begins.
    pub(super) fn go_on(&self) -> Result<(), Error> {
        self.context.go_on()
    }
}
