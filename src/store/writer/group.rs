//! Many jobs in one transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use crate::audit::{Audit, Mark, Record, Unavailable};
use crate::store::audit_head::{self, Binder};
use crate::store::command::Command;
use crate::store::engine::Transaction;
use crate::store::error::Error;
use crate::store::sql::Connection;

/// Maximum number of jobs in one commit; the jobs of the last request may exceed it.
const GROUP: usize = 128;

/// Reports the outcome of the commit to a waiting request.
type Acknowledge = Box<dyn FnOnce(Result<(), Error>)>;

/// Reports to a waiting request why its job was not run, or failed.
type Refuse = Box<dyn FnOnce(Error) + Send>;

/// Runs inside the transaction.
type Job = Box<dyn Fn(&dyn Connection) -> Result<Acknowledge, Error> + Send>;

/// Receives the outcome of a job, when its group is on disk.
pub(super) type Answer<T> = Receiver<Result<T, Error>>;

/// A job with its waiting request.
pub(super) struct Queued {
    job: Job,
    /// Reports to the waiting request that the job was not begun.
    refuse: Refuse,
    /// Number of rows of [`crate::store::erasure`] that the job adds.
    erases: usize,
    /// The audit records, which are written before its changes are committed, if the job succeeds.
    records: Vec<Record>,
}

/// The jobs of one request. They run in order and in the same commit.
pub(super) struct Request {
    pub(super) jobs: Vec<Queued>,
    /// Whether the jobs after a failed one are not begun.
    pub(super) stops: bool,
}

/// A successful job that waits for the commit.
pub(super) struct Waiting {
    pub(super) erases: usize,
    pub(super) acknowledge: Acknowledge,
}

/// The content of a transaction.
#[derive(Default)]
pub(super) struct Group {
    /// The jobs that succeeded.
    pub(super) waiting: Vec<Waiting>,
    /// Number of requests with successful jobs.
    pub(super) requests: usize,
    records: Vec<Record>,
}

/// The reason why a group was not committed.
#[derive(Clone)]
pub(super) enum Fault {
    Audit(Unavailable),
    Binding(String),
    Commit(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Binding(source) => Self::Binding(source),
            error => Self::Commit(error.to_string()),
        }
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

/// The audit log, and the binder of the row with its last line.
pub(super) struct Recording {
    pub(super) audit: Arc<Audit>,
    pub(super) bind: Binder,
}

impl Queued {
    /// The job of a command, and the receiver of its answer.
    pub(super) fn new<T: Send + 'static>(command: Command<T>) -> (Self, Answer<T>) {
        let Command { job, records, erases } = command;
        let (answer, answered) = sync_channel::<Result<T, Error>>(1);
        let refusal = answer.clone();
        let refuse: Refuse = Box::new(move |error| {
            let _ = refusal.send(Err(error));
        });
        let job: Job = Box::new(move |transaction| {
            let (value, answer) = (job(transaction)?, answer.clone());
            Ok(Box::new(move |committed: Result<(), Error>| {
                // If the request does not wait any more, its connection was lost, but its write is done.
                let _ = answer.send(committed.map(|()| value));
            }))
        });
        (Self { job, refuse, erases, records }, answered)
    }

    /// A job whose outcome is not reported to a request.
    pub(super) fn unattended(command: Command) -> Self {
        let Command { job, records, erases } = command;
        let job: Job = Box::new(move |transaction| {
            job(transaction)?;
            Ok(Box::new(|_| {}))
        });
        let refuse: Refuse = Box::new(|error| tracing::error!(%error, "a background write failed"));
        Self { job, refuse, erases, records }
    }
}

impl From<Queued> for Request {
    fn from(queued: Queued) -> Self {
        Self { jobs: vec![queued], stops: false }
    }
}

impl Request {
    /// Reports to the waiting callers that no job of the request was begun.
    pub(super) fn refuse(self, why: impl Fn() -> Error) {
        for queued in self.jobs {
            (queued.refuse)(why());
        }
    }
}

impl Group {
    /// Runs the jobs of a request. Each job can be undone separately.
    ///
    /// # Errors
    /// The transaction cannot continue, and all of it is undone.
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

    /// Runs a job. Returns false if it failed and its changes are undone.
    fn run_one(&mut self, transaction: &Transaction<'_>, queued: Queued) -> Result<bool, Fault> {
        let Queued { job, refuse, erases, records } = queued;
        if let Err(error) = transaction.session().begin_part() {
            let fault = Fault::from(error);
            refuse(fault.clone().into());
            return Err(fault);
        }
        // A panic of a job is a bug; it must not prevent the commit of other requests.
        let outcome = catch_unwind(AssertUnwindSafe(|| job(transaction.connection())));
        let is_done = match outcome {
            Ok(Ok(acknowledge)) => {
                self.waiting.push(Waiting { erases, acknowledge });
                self.records.extend(records);
                true
            }
            failed => {
                if let Ok(Err(error)) = failed {
                    refuse(error);
                }
                transaction.session().undo_part()?;
                false
            }
        };
        transaction.session().end_part()?;
        Ok(is_done)
    }
}

/// Runs the jobs of requests in one transaction. The audit log has their records before the commit, and the commit
/// stores the log's last line. Records after that line in the log belong to changes that were not committed.
pub(super) fn commit(
    transaction: Transaction<'_>,
    requests: impl Iterator<Item = Request>,
    group: &mut Group,
    recording: Option<&Recording>,
) -> Result<(), Fault> {
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
    Ok(committed?)
}

fn seal(transaction: Transaction<'_>, mark: &Mark, bind: &Binder) -> Result<(), Error> {
    audit_head::advance(transaction.connection(), mark.seq, &mark.hash, bind)?;
    transaction.commit()
}
