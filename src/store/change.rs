//! A change of the database that can be committed together with others.

use super::erasure::Erasure;
use super::{Error, Transaction};
use crate::audit::Record;

/// What runs inside of the transaction.
pub(super) type Job = Box<dyn FnOnce(&Transaction<'_>) -> Result<(), Error> + Send>;

/// A change, with what the audit log says of it once it is done.
pub struct Change {
    pub(super) job: Job,
    pub(super) records: Vec<Record>,
    /// Whether the job adds a row of [`super::erasure`].
    pub(super) erases: bool,
}

impl Change {
    /// A change that overwrites and deletes no key and no value. If `job` succeeds, `records` are in the audit log before what
    /// it changed is committed.
    pub fn new<F>(records: Vec<Record>, job: F) -> Self
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), Error> + Send + 'static,
    {
        Self { job: Box::new(job), records, erases: false }
    }

    /// A change that overwrites or deletes a key or a value: `erasure` is committed with it, and stays until
    /// [`super::Store::erased`]. What was overwritten may be in the WAL once the change is committed.
    #[must_use]
    pub fn with_erasure(self, erasure: Option<Erasure>) -> Self {
        let Some(erasure) = erasure else { return self };
        let Self { job, records, .. } = self;
        let job = move |transaction: &Transaction<'_>| {
            job(transaction)?;
            erasure.insert(transaction)
        };
        Self { job: Box::new(job), records, erases: true }
    }
}
