//! A change of the database that can be committed together with others.

use rusqlite::Transaction;

use super::erasure::Erasure;
use super::error::Error;
use crate::audit::Record;

/// What runs inside of the transaction.
pub(super) type Job = Box<dyn FnOnce(&Transaction<'_>) -> Result<(), Error> + Send>;

/// A change, with what the audit log says of it once it is done.
pub struct Change {
    pub(super) job: Job,
    pub(super) records: Vec<Record>,
    /// Rows of [`super::erasure`] that the job adds.
    pub(super) erases: usize,
}

impl Change {
    /// A change that overwrites and deletes no key and no value. If `job` succeeds, `records` are in the audit log before what
    /// it changed is committed.
    pub fn new<F>(records: Vec<Record>, job: F) -> Self
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), Error> + Send + 'static,
    {
        Self { job: Box::new(job), records, erases: 0 }
    }

    /// A change that overwrites or deletes a key or a value: `erasure` is committed with it, and stays until
    /// [`super::Store::erased`]. What was overwritten may be in the WAL once the change is committed.
    #[must_use]
    pub fn with_erasure(self, erasure: Option<Erasure>) -> Self {
        let Some(erasure) = erasure else { return self };
        let Self { job, records, erases } = self;
        let job = move |transaction: &Transaction<'_>| {
            job(transaction)?;
            erasure.insert(transaction)
        };
        Self { job: Box::new(job), records, erases: erases + 1 }
    }

    /// One change of all of them: what they do is done as a whole, in their order, or not at all.
    #[must_use]
    pub fn together(changes: Vec<Self>) -> Self {
        let (mut jobs, mut records, mut erases) = (Vec::with_capacity(changes.len()), Vec::new(), 0);
        for change in changes {
            jobs.push(change.job);
            records.extend(change.records);
            erases += change.erases;
        }
        let job = move |transaction: &Transaction<'_>| jobs.into_iter().try_for_each(|job| job(transaction));
        Self { job: Box::new(job), records, erases }
    }
}
