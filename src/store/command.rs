//! Changes of the database as values: the work of a transaction, and its records for the audit log.

use super::error::Error;
use super::sql::Connection;
use crate::audit::Record;

/// The work inside the transaction. It may be run again in another transaction, if the first could not be committed.
type Job<T> = Box<dyn Fn(&dyn Connection) -> Result<T, Error> + Send>;

/// A change of the database. A function in the file of the table makes it; decisions that depend on present rows are
/// made inside the transaction.
#[must_use = "nothing is changed before the command is written"]
pub struct Command<T = ()> {
    pub(super) job: Job<T>,
    pub(super) records: Vec<Record>,
    /// Number of rows of [`super::erasure`] that the job adds.
    pub(super) erases: usize,
}

impl<T: 'static> Command<T> {
    /// A command that runs `job`. If the job fails, nothing is changed.
    pub(super) fn new<F>(job: F) -> Self
    where
        F: Fn(&dyn Connection) -> Result<T, Error> + Send + 'static,
    {
        Self { job: Box::new(job), records: Vec::new(), erases: 0 }
    }

    /// Adds audit records. If the command succeeds, they are in the audit log before its change is committed.
    pub fn recorded(mut self, records: Vec<Record>) -> Self {
        self.records.extend(records);
        self
    }

    /// This command and then `next`, whose answer is returned: both or neither.
    pub fn then<U: 'static>(self, next: Command<U>) -> Command<U> {
        let (first, second) = (self.job, next.job);
        let records = [self.records, next.records].into_iter().flatten().collect();
        let job = move |transaction: &dyn Connection| {
            first(transaction)?;
            second(transaction)
        };
        Command { job: Box::new(job), records, erases: self.erases + next.erases }
    }
}

impl Command {
    /// All of the commands in their order, or none.
    pub fn all(commands: impl IntoIterator<Item = Self>) -> Self {
        let (mut jobs, mut records, mut erases) = (Vec::new(), Vec::new(), 0);
        for command in commands {
            jobs.push(command.job);
            records.extend(command.records);
            erases += command.erases;
        }
        let job = move |transaction: &dyn Connection| jobs.iter().try_for_each(|job| job(transaction));
        Self { job: Box::new(job), records, erases }
    }
}
