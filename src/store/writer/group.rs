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

/// How often a transaction that met another one is run at most.
const ATTEMPTS: u32 = 8;

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
    queued: Queued,
    acknowledge: Acknowledge,
    /// The number of its request, if the jobs after a failed one are not begun.
    stops: Option<usize>,
}

impl Waiting {
    /// Number of rows of [`crate::store::erasure`] that the job has added.
    pub(super) fn erases(&self) -> usize {
        self.queued.erases
    }
}

/// The content of a transaction.
#[derive(Default)]
pub(super) struct Group {
    /// The jobs that succeeded.
    pub(super) waiting: Vec<Waiting>,
    /// The jobs that failed. They are answered after the commit: what they met may have been a change of the same group, and
    /// a request that tries again must be able to read it.
    failed: Vec<(Refuse, Error)>,
    /// Number of requests with successful jobs.
    pub(super) requests: usize,
    /// Number of requests.
    begun: usize,
    /// How often the transaction was begun again.
    repeats: u32,
}

/// The reason why a group was not committed.
#[derive(Clone)]
pub(super) enum Fault {
    Audit(Unavailable),
    Binding(String),
    Commit(String),
    /// It may have been committed.
    Unknown,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Binding(source) => Self::Binding(source),
            Error::Unknown => Self::Unknown,
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
            Fault::Unknown => Self::Unknown,
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
    /// Reports the outcome of the commit to all waiting requests.
    pub(super) fn answer(self, committed: &Result<(), Fault>) {
        for waiting in self.waiting {
            (waiting.acknowledge)(committed.clone().map_err(Error::from));
        }
        for (refuse, error) in self.failed {
            refuse(error);
        }
    }

    /// Runs the jobs of a request. Each job can be undone separately.
    ///
    /// # Errors
    /// The transaction cannot continue, and all of it is undone.
    fn run(&mut self, transaction: &mut Transaction<'_>, request: Request) -> Result<(), Fault> {
        let Request { jobs, stops } = request;
        let before = self.waiting.len();
        self.begun += 1;
        let stops = stops.then_some(self.begun);
        let mut jobs = jobs.into_iter();
        while let Some(queued) = jobs.next() {
            let rest = |jobs: std::vec::IntoIter<Queued>, why: &dyn Fn() -> Error| {
                Request { jobs: jobs.collect(), stops: false }.refuse(why);
            };
            match self.run_one(transaction, queued, stops) {
                Ok(false) if stops.is_some() => {
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
    fn run_one(
        &mut self,
        transaction: &mut Transaction<'_>,
        queued: Queued,
        stops: Option<usize>,
    ) -> Result<bool, Fault> {
        loop {
            let fault = match attempt(transaction, &queued.job) {
                Ok(Outcome::Done(acknowledge)) => {
                    self.waiting.push(Waiting { queued, acknowledge, stops });
                    return Ok(true);
                }
                Ok(Outcome::Failed(error)) => {
                    self.failed.push((queued.refuse, error));
                    return Ok(false);
                }
                Ok(Outcome::Panicked) => return Ok(false),
                Err(error) if error.is_transient() => match self.repeat(transaction) {
                    Ok(()) => continue,
                    Err(fault) => fault,
                },
                Err(error) => error.into(),
            };
            (queued.refuse)(fault.clone().into());
            return Err(fault);
        }
    }

    /// Begins the transaction again, and runs the jobs that had succeeded.
    fn repeat(&mut self, transaction: &mut Transaction<'_>) -> Result<(), Fault> {
        let mut jobs = std::mem::take(&mut self.waiting);
        loop {
            self.repeats += 1;
            let done = match self.repeats {
                ..ATTEMPTS => {
                    transaction.begin_again().and_then(|()| run_again(transaction, &mut jobs, &mut self.failed))
                }
                _ => Err(Error::Commit("other transactions change the same rows".to_owned())),
            };
            match done {
                Ok(()) => {
                    self.waiting = jobs;
                    return Ok(());
                }
                Err(error) if error.is_transient() => {}
                Err(error) => {
                    self.waiting = jobs;
                    return Err(error.into());
                }
            }
        }
    }

    /// Stores the last line of the audit log with the changes, and commits.
    fn seal(&mut self, transaction: &mut Transaction<'_>, mark: &Mark, bind: &Binder) -> Result<(), Fault> {
        let count = self.waiting.len();
        loop {
            let advanced = audit_head::advance(transaction.connection(), mark.seq, &mark.hash, bind);
            match advanced.and_then(|()| transaction.commit()) {
                Err(error) if error.is_transient() => self.repeat(transaction)?,
                committed => return Ok(committed?),
            }
            if self.waiting.len() < count {
                return Err(Fault::Commit("another transaction changed the same rows".to_owned()));
            }
        }
    }
}

/// What a job has done.
enum Outcome {
    Done(Acknowledge),
    /// Its changes are undone.
    Failed(Error),
    /// Its changes are undone. This is a bug; it must not prevent the commit of other requests.
    Panicked,
}

/// Runs a job as a part of the transaction.
///
/// # Errors
/// The transaction cannot continue.
fn attempt(transaction: &Transaction<'_>, job: &Job) -> Result<Outcome, Error> {
    transaction.session().begin_part()?;
    let outcome = match catch_unwind(AssertUnwindSafe(|| job(transaction.connection()))) {
        Ok(Ok(acknowledge)) => Outcome::Done(acknowledge),
        Ok(Err(error)) if error.is_transient() || error.is_end() => return Err(error),
        Ok(Err(error)) => Outcome::Failed(error),
        Err(_) => Outcome::Panicked,
    };
    if !matches!(outcome, Outcome::Done(_)) {
        transaction.session().undo_part()?;
    }
    transaction.session().end_part()?;
    Ok(outcome)
}

/// Runs jobs again. Those that fail now are moved to the failed ones.
fn run_again(
    transaction: &Transaction<'_>,
    jobs: &mut Vec<Waiting>,
    failed: &mut Vec<(Refuse, Error)>,
) -> Result<(), Error> {
    let (mut at, mut stopped) = (0, None);
    while let Some(waiting) = jobs.get_mut(at) {
        let outcome = if waiting.stops.is_some() && waiting.stops == stopped {
            Outcome::Failed(Error::NotBegun)
        } else {
            attempt(transaction, &waiting.queued.job)?
        };
        if let Outcome::Done(acknowledge) = outcome {
            waiting.acknowledge = acknowledge;
            at += 1;
            continue;
        }
        let removed = jobs.remove(at);
        stopped = removed.stops.or(stopped);
        if let Outcome::Failed(error) = outcome {
            failed.push((removed.queued.refuse, error));
        }
    }
    Ok(())
}

/// Runs the jobs of requests in one transaction. The audit log has their records before the commit, and the commit
/// stores the log's last line. Records after that line in the log belong to changes that were not committed.
pub(super) fn commit(
    mut transaction: Transaction<'_>,
    requests: impl Iterator<Item = Request>,
    group: &mut Group,
    recording: Option<&Recording>,
) -> Result<(), Fault> {
    let mut jobs = 0;
    for request in requests {
        jobs += request.jobs.len();
        group.run(&mut transaction, request)?;
        if jobs >= GROUP {
            break;
        }
    }
    let records: Vec<Record> =
        group.waiting.iter_mut().flat_map(|waiting| std::mem::take(&mut waiting.queued.records)).collect();
    let Some(Recording { audit, bind }) = recording.filter(|_| !records.is_empty()) else {
        return loop {
            match transaction.commit() {
                Err(error) if error.is_transient() => group.repeat(&mut transaction)?,
                committed => break Ok(committed?),
            }
        };
    };
    let mark = audit.write(records).map_err(Fault::Audit)?;
    let committed = group.seal(&mut transaction, &mark, bind);
    if committed.as_ref().is_err_and(|fault| !matches!(fault, Fault::Unknown)) {
        audit.retract(&mark);
    }
    committed
}
