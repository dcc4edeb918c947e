//! Many jobs in one transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use rusqlite::Transaction;

use crate::audit::{Audit, Mark, Record, Unavailable};
use crate::store::audit_head::{self, Binder};
use crate::store::command::Command;
use crate::store::error::Error;

/// Jobs in one commit at most, but for the rest of the last request's.
const GROUP: usize = 128;

/// Says to one waiting request how the commit went.
type Acknowledge = Box<dyn FnOnce(Result<(), Error>)>;

/// Says to a request whose job was not run why not.
type Refuse = Box<dyn FnOnce(Error) + Send>;

/// Runs inside the transaction; `None` means that its changes are undone and the request has its answer.
type Job = Box<dyn FnOnce(&Transaction<'_>) -> Option<Acknowledge> + Send>;

/// Hears how a job went, once its group is on disk.
pub(super) type Answer<T> = Receiver<Result<T, Error>>;

/// A job with who waits for it.
pub(super) struct Queued {
    job: Job,
    /// Says to the waiting request that the job was not even begun.
    refuse: Refuse,
    /// Rows of [`crate::store::erasure`] that the job adds.
    erases: usize,
    /// What gets into the audit log if the job succeeds, before its changes are committed.
    records: Vec<Record>,
}

/// The jobs of one request: they are run in their order, and are in the same commit.
pub(super) struct Request {
    pub(super) jobs: Vec<Queued>,
    /// What comes after a job that failed is not begun.
    pub(super) stops: bool,
}

/// What waits for a commit.
pub(super) struct Waiting {
    pub(super) erases: usize,
    pub(super) acknowledge: Acknowledge,
}

/// What is in a transaction.
#[derive(Default)]
pub(super) struct Group {
    /// The jobs that succeeded.
    pub(super) waiting: Vec<Waiting>,
    /// Requests that they are of.
    pub(super) requests: usize,
    records: Vec<Record>,
}

/// Why a group was not committed.
#[derive(Clone)]
pub(super) enum Fault {
    Audit(Unavailable),
    Binding(String),
    Commit(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Commit(error.to_string())
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Audit(source) => Self::Audit(source),
            Fault::Binding(source) => Self::Binding(source),
            Fault::Commit(source) => Self::Commit(source),
        }
    }
}

/// Where records go, and what binds the row that says how far they go.
pub(super) struct Recording {
    pub(super) audit: Arc<Audit>,
    pub(super) bind: Binder,
}

impl Queued {
    /// The job of a command, and where its answer comes.
    pub(super) fn new<T: Send + 'static>(command: Command<T>) -> (Self, Answer<T>) {
        let Command { job, records, erases } = command;
        let (answer, answered) = sync_channel::<Result<T, Error>>(1);
        let refusal = answer.clone();
        let refuse: Refuse = Box::new(move |error| {
            let _ = refusal.send(Err(error));
        });
        let job: Job = Box::new(move |transaction| match job(transaction) {
            Ok(value) => Some(Box::new(move |committed: Result<(), Error>| {
                // A request that no longer waits has lost its connection, not its write.
                let _ = answer.send(committed.map(|()| value));
            })),
            Err(error) => {
                let _ = answer.send(Err(error));
                None
            }
        });
        (Self { job, refuse, erases, records }, answered)
    }

    /// A job for whose answer nobody waits.
    pub(super) fn unattended(command: Command) -> Self {
        let Command { job, records, erases } = command;
        let job: Job = Box::new(move |transaction| match job(transaction) {
            Ok(()) => Some(Box::new(|_| {})),
            Err(error) => {
                tracing::error!(%error, "a write that nobody waits for failed");
                None
            }
        });
        let refuse: Refuse = Box::new(|error| tracing::error!(%error, "a write that nobody waits for failed"));
        Self { job, refuse, erases, records }
    }
}

impl From<Queued> for Request {
    fn from(queued: Queued) -> Self {
        Self { jobs: vec![queued], stops: false }
    }
}

impl Request {
    /// Says to all who wait that nothing of it was begun.
    pub(super) fn refuse(self, why: impl Fn() -> Error) {
        for queued in self.jobs {
            (queued.refuse)(why());
        }
    }
}

impl Group {
    /// Runs the jobs of a request, each of which can be undone by itself.
    ///
    /// # Errors
    /// The transaction cannot go on, and all that is in it is undone.
    fn run(&mut self, transaction: &Transaction<'_>, request: Request) -> Result<(), Fault> {
        let Request { jobs, stops } = request;
        let before = self.waiting.len();
        let mut jobs = jobs.into_iter();
        while let Some(queued) = jobs.next() {
            let rest = |jobs: std::vec::IntoIter<Queued>, why: &dyn Fn() -> Error| {
                Request { jobs: jobs.collect(), stops }.refuse(why);
            };
            match self.run_one(transaction, queued) {
                Ok(false) if stops => {
                    rest(jobs, &|| Error::NotBegun);
                    break;
                }
                Ok(_) => {}
                Err(fault) => {
                    rest(jobs, &|| fault.clone().into());
                    return Err(fault);
                }
            }
        }
        self.requests += usize::from(self.waiting.len() > before);
        Ok(())
    }

    /// Runs a job; false if it failed and what it changed is undone.
    fn run_one(&mut self, transaction: &Transaction<'_>, queued: Queued) -> Result<bool, Fault> {
        let Queued { job, refuse, erases, records } = queued;
        // SQL rather than `Savepoint`, because a job takes the transaction itself.
        if let Err(error) = transaction.execute_batch("SAVEPOINT job") {
            let fault = Fault::from(error);
            refuse(fault.clone().into());
            return Err(fault);
        }
        // A job that panics is a bug; it must not take the other requests' commit with it.
        let outcome = catch_unwind(AssertUnwindSafe(|| job(transaction)));
        let is_done = match outcome {
            Ok(Some(acknowledge)) => {
                self.waiting.push(Waiting { erases, acknowledge });
                self.records.extend(records);
                true
            }
            Ok(None) | Err(_) => {
                transaction.execute_batch("ROLLBACK TO job")?;
                false
            }
        };
        transaction.execute_batch("RELEASE job")?;
        Ok(is_done)
    }
}

/// Runs the jobs of requests in one transaction. What it changes is in the audit log before it is committed, and the commit
/// names the log's last line: so whatever the log has beyond that did not happen.
pub(super) fn commit(
    mut transaction: Transaction<'_>,
    requests: impl Iterator<Item = Request>,
    group: &mut Group,
    recording: Option<&Recording>,
) -> Result<(), Fault> {
    transaction.set_drop_behavior(rusqlite::DropBehavior::Rollback);
    let mut jobs = 0;
    for request in requests {
        jobs += request.jobs.len();
        group.run(&transaction, request)?;
        if jobs >= GROUP {
            break;
        }
    }
    let records = std::mem::take(&mut group.records);
    let Some(Recording { audit, bind }) = recording.filter(|_| !records.is_empty()) else {
        return Ok(transaction.commit()?);
    };
    let mark = audit.write(records).map_err(Fault::Audit)?;
    let committed = seal(transaction, &mark, bind);
    if committed.is_err() {
        audit.retract(&mark);
    }
    committed.map_err(|error| match error {
        Error::Binding(source) => Fault::Binding(source),
        error => Fault::Commit(error.to_string()),
    })
}

fn seal(transaction: Transaction<'_>, mark: &Mark, bind: &Binder) -> Result<(), Error> {
    audit_head::advance(&transaction, mark.seq, &mark.hash, bind)?;
    Ok(transaction.commit()?)
}
