//! A change of the database as a value: what one transaction does, and what the audit log says of it.

use rusqlite::Transaction;

use super::error::Error;
use crate::audit::Record;

/// What runs inside of the transaction.
type Job<T> = Box<dyn FnOnce(&Transaction<'_>) -> Result<T, Error> + Send>;

/// A change of the database. It is made by a function of its name in the file of its table, and decides inside of the transaction
/// what has to be decided there.
#[must_use = "nothing is changed before the command is written"]
pub struct Command<T = ()> {
    pub(super) job: Job<T>,
    pub(super) records: Vec<Record>,
    /// Rows of [`super::erasure`] that the job adds.
    pub(super) erases: usize,
}

impl<T: 'static> Command<T> {
    /// A command that does what `job` does. If it fails, nothing is changed.
    pub(super) fn new<F>(job: F) -> Self
    where
        F: FnOnce(&Transaction<'_>) -> Result<T, Error> + Send + 'static,
    {
        Self { job: Box::new(job), records: Vec::new(), erases: 0 }
    }

    /// If the command succeeds, `records` are in the audit log before what it changed is committed.
    pub fn recorded(mut self, records: Vec<Record>) -> Self {
        self.records.extend(records);
        self
    }

    /// This, and then `next`, whose answer counts: both or nothing.
    pub fn then<U: 'static>(self, next: Command<U>) -> Command<U> {
        let (first, second) = (self.job, next.job);
        let records = [self.records, next.records].into_iter().flatten().collect();
        let job = move |transaction: &Transaction<'_>| {
            first(transaction)?;
            second(transaction)
        };
        Command { job: Box::new(job), records, erases: self.erases + next.erases }
    }
}

impl Command {
    /// All of them in their order, or nothing.
    pub fn all(commands: impl IntoIterator<Item = Self>) -> Self {
        let (mut jobs, mut records, mut erases) = (Vec::new(), Vec::new(), 0);
        for command in commands {
            jobs.push(command.job);
            records.extend(command.records);
            erases += command.erases;
        }
        let job = move |transaction: &Transaction<'_>| jobs.into_iter().try_for_each(|job| job(transaction));
        Self { job: Box::new(job), records, erases }
    }
}
