//! The one writer: a thread that puts many requests into one commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::audit_head::{self, Binder};
use super::erasure::Unerased;
use super::{BUSY, Error, wal};
use crate::audit::{Audit, Mark, Record, Unavailable};
use crate::metrics::Metrics;

/// Writes that may wait; the requests that the server admits at one time are fewer.
const QUEUE: usize = 1024;

/// Writes in one commit at most.
const GROUP: usize = 128;

/// How long a group waits for another program that holds the database once one waited for [`BUSY`] in vain.
const BUSY_AGAIN: Duration = Duration::from_millis(200);

/// How long a commit says that the database can be written.
const CHECK_STANDS: Duration = Duration::from_secs(1);

/// How long a check waits for its commit.
const CHECK_WAIT: Duration = Duration::from_secs(2);

/// The longest that a group with company waits for more to come.
const MAX_WAIT: Duration = Duration::from_millis(1);

/// Says to one waiting request how the commit went.
type Acknowledge = Box<dyn FnOnce(Result<(), Error>)>;

/// Says to a request whose job was not run why not.
type Refuse = Box<dyn FnOnce(Error) + Send>;

/// Runs inside the transaction; `None` means that its changes are undone and the request has its answer.
type Job = Box<dyn FnOnce(&Transaction<'_>) -> Option<Acknowledge> + Send>;

struct Queued {
    job: Job,
    /// Says to the waiting request that the job was not even begun.
    refuse: Refuse,
    /// Whether the job adds a row of [`super::erasure`].
    erases: bool,
    /// What gets into the audit log if the job succeeds, before its changes are committed.
    records: Vec<Record>,
}

/// Hears whether the WAL is empty.
type Emptied = SyncSender<Result<bool, String>>;

/// What the thread does.
enum Work {
    Write(Queued),
    /// Empties the WAL between two commits.
    Empty(Emptied),
}

/// What waits for a commit.
struct Waiting {
    erases: bool,
    acknowledge: Acknowledge,
}

/// Why a group was not committed.
#[derive(Clone)]
enum Fault {
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
struct Recording {
    audit: Arc<Audit>,
    bind: Binder,
}

/// When the last group was committed; `None` before the first, and once one has failed.
type Last = Arc<Mutex<Option<Instant>>>;

pub(super) struct Writer {
    queue: Option<Arc<SyncSender<Work>>>,
    last: Last,
    audit: Arc<OnceLock<Recording>>,
    thread: Option<JoinHandle<()>>,
}

/// Hands jobs to the writer without waiting for them, and without keeping it alive.
#[derive(Clone)]
pub struct Poster(Weak<SyncSender<Work>>);

impl Poster {
    /// Puts `job` into a later group commit. Nobody hears whether it succeeded.
    ///
    /// # Errors
    /// The queue is full, or the store is closed.
    pub fn post<F>(&self, job: F) -> Result<(), Error>
    where
        F: FnOnce(&Transaction<'_>) -> Result<(), Error> + Send + 'static,
    {
        let job: Job = Box::new(move |transaction| match job(transaction) {
            Ok(()) => Some(Box::new(|_| {})),
            Err(error) => {
                tracing::error!(%error, "a write that nobody waits for failed");
                None
            }
        });
        let refuse: Refuse = Box::new(|error| tracing::error!(%error, "a write that nobody waits for failed"));
        let queue = self.0.upgrade().ok_or(Error::Stopped)?;
        queue.try_send(Work::Write(Queued { job, refuse, erases: false, records: Vec::new() })).map_err(refused)
    }
}

fn refused(refused: TrySendError<Work>) -> Error {
    match refused {
        TrySendError::Full(_) => Error::Busy,
        TrySendError::Disconnected(_) => Error::Stopped,
    }
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        metrics: &Arc<Metrics>,
        unerased: &Arc<Unerased>,
    ) -> Result<Self, Error> {
        let (queue, jobs) = sync_channel(QUEUE);
        let last = Last::default();
        let audit = Arc::new(OnceLock::new());
        let (seen, recording) = (Arc::clone(&last), Arc::clone(&audit));
        let (metrics, unerased) = (Arc::clone(metrics), Arc::clone(unerased));
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || serve(connection, &jobs, &seen, &recording, &metrics, &unerased))
            .map_err(|source| Error::Commit(source.to_string()))?;
        Ok(Self { queue: Some(Arc::new(queue)), last, audit, thread: Some(thread) })
    }

    /// Records go into this log from now on; a second one is ignored.
    pub(super) fn record_in(&self, audit: Arc<Audit>, bind: Binder) {
        let _ = self.audit.set(Recording { audit, bind });
    }

    pub(super) fn poster(&self) -> Poster {
        Poster(self.queue.as_ref().map(Arc::downgrade).unwrap_or_default())
    }

    pub(super) fn run<T, F>(&self, job: F, erases: bool, records: Vec<Record>) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Error> + Send + 'static,
    {
        self.begin(job, erases, records)?.recv().unwrap_or(Err(Error::Stopped))
    }

    /// Puts a job into the queue; its answer comes once its group is on disk.
    fn begin<T, F>(&self, job: F, erases: bool, records: Vec<Record>) -> Result<Receiver<Result<T, Error>>, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Error> + Send + 'static,
    {
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
        let queue = self.queue.as_ref().ok_or(Error::Stopped)?;
        queue.try_send(Work::Write(Queued { job, refuse, erases, records })).map_err(refused)?;
        Ok(answered)
    }

    /// Empties the WAL between two commits; false if somebody reads what is in it. Commits wait for it for a moment only
    /// ([`wal::truncate`]).
    pub(super) fn empty_wal(&self) -> Result<bool, Error> {
        let (answer, answered) = sync_channel(1);
        let queue = self.queue.as_ref().ok_or(Error::Stopped)?;
        queue.try_send(Work::Empty(answer)).map_err(refused)?;
        answered.recv().map_err(|_| Error::Stopped)?.map_err(Error::Commit)
    }

    /// Whether a write is on disk within [`CHECK_WAIT`]. If none was a moment ago, a small one is tried: nobody may be writing
    /// while the disk is full or another program holds the database, nor when that has passed.
    pub(super) fn check(&self) -> Result<(), Error> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < CHECK_STANDS) {
            return Ok(());
        }
        let touch = |transaction: &Transaction<'_>| {
            // A row that stays what it is would not be written, and a full disk not noticed. The header of the file is.
            let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
            Ok(transaction.pragma_update(None, "user_version", version)?)
        };
        match self.begin(touch, false, Vec::new())?.recv_timeout(CHECK_WAIT) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Err(Error::Stuck),
            Err(RecvTimeoutError::Disconnected) => Err(Error::Stopped),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The jobs that come until a time, or those that are there if there is none.
struct Company<'a> {
    jobs: &'a Receiver<Work>,
    until: Option<Instant>,
    /// Ends the group, and comes after it.
    empty: &'a mut Option<Emptied>,
}

impl Iterator for Company<'_> {
    type Item = Queued;

    fn next(&mut self) -> Option<Queued> {
        if self.empty.is_some() {
            return None;
        }
        let work = match self.until {
            Some(until) => self.jobs.recv_timeout(until.saturating_duration_since(Instant::now())).ok(),
            None => self.jobs.try_recv().ok(),
        };
        match work? {
            Work::Write(queued) => Some(queued),
            Work::Empty(answer) => {
                *self.empty = Some(answer);
                None
            }
        }
    }
}

fn serve(
    mut connection: Connection,
    jobs: &Receiver<Work>,
    last: &Mutex<Option<Instant>>,
    audit: &OnceLock<Recording>,
    metrics: &Metrics,
    unerased: &Unerased,
) {
    let (mut wait, mut is_held) = (None, false);
    while let Ok(work) = jobs.recv() {
        let mut empty = None;
        match work {
            Work::Empty(answer) => empty = Some(answer),
            Work::Write(first) => {
                let began = Instant::now();
                match begin(&mut connection, if is_held { BUSY_AGAIN } else { BUSY }) {
                    Ok(transaction) => {
                        is_held = false;
                        // Not collected first: who comes while the group runs is still in time for its commit.
                        let until = wait.map(|wait| Instant::now() + wait);
                        let company = Company { jobs, until, empty: &mut empty };
                        let mut waiting = Vec::new();
                        let group = std::iter::once(first).chain(company).take(GROUP);
                        let committed = commit(transaction, group, &mut waiting, audit.get());
                        let took = began.elapsed();
                        metrics.store_commit(took, committed.is_ok().then_some(waiting.len()));
                        // Who had company will have it again: the others of before are on their way. Alone nobody waits.
                        wait = (waiting.len() > 1).then(|| (took / 2).min(MAX_WAIT));
                        tell(committed, waiting, last, unerased);
                    }
                    Err(error) => {
                        *last.lock().unwrap_or_else(PoisonError::into_inner) = None;
                        metrics.store_commit(began.elapsed(), None);
                        let company = Company { jobs, until: None, empty: &mut empty };
                        refuse(std::iter::once(first).chain(company), &error.to_string(), is_held);
                        is_held = true;
                    }
                }
            }
        }
        if let Some(answer) = empty {
            let _ = answer.send(wal::truncate(&connection).map_err(|error| error.to_string()));
        }
    }
}

/// Tells everybody who waits how the commit went.
fn tell(committed: Result<(), Fault>, waiting: Vec<Waiting>, last: &Mutex<Option<Instant>>, unerased: &Unerased) {
    let failed = match &committed {
        Err(Fault::Commit(error)) => Some(error),
        // The log and the token speak for themselves; the database is well.
        Ok(()) | Err(Fault::Audit(_) | Fault::Binding(_)) => None,
    };
    if let Some(error) = failed {
        tracing::error!(%error, "the database could not be written");
    }
    *last.lock().unwrap_or_else(PoisonError::into_inner) = failed.is_none().then(Instant::now);
    if committed.is_ok() {
        unerased.add(waiting.iter().filter(|waiting| waiting.erases).count());
    }
    for Waiting { acknowledge, .. } in waiting {
        acknowledge(committed.clone().map_err(Error::from));
    }
}

/// Begins a transaction that may write, and waits at most so long for another program that holds the database.
fn begin(connection: &mut Connection, busy: Duration) -> Result<Transaction<'_>, rusqlite::Error> {
    connection.busy_timeout(busy)?;
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Tells all who wait that nothing can be written: one after the other they would wait in vain. `again`: it was so before.
fn refuse(waiting: impl Iterator<Item = Queued>, error: &str, again: bool) {
    if again {
        tracing::debug!(error, "the database can still not be written");
    } else {
        tracing::error!(error, "the database cannot be written");
    }
    for queued in waiting {
        (queued.refuse)(Error::Commit(error.to_owned()));
    }
}

/// Runs a group in one transaction. What it changes is in the audit log before it is committed, and the commit names
/// the log's last line: so whatever the log has beyond that did not happen.
fn commit(
    mut transaction: Transaction<'_>,
    group: impl Iterator<Item = Queued>,
    waiting: &mut Vec<Waiting>,
    recording: Option<&Recording>,
) -> Result<(), Fault> {
    transaction.set_drop_behavior(rusqlite::DropBehavior::Rollback);
    let mut records = Vec::new();
    for queued in group {
        // SQL rather than `Savepoint`, because a job takes the transaction itself.
        transaction.execute_batch("SAVEPOINT job")?;
        // A job that panics is a bug; it must not take the other requests' commit with it.
        let outcome = catch_unwind(AssertUnwindSafe(|| (queued.job)(&transaction)));
        match outcome {
            Ok(Some(acknowledge)) => {
                waiting.push(Waiting { erases: queued.erases, acknowledge });
                records.extend(queued.records);
            }
            Ok(None) | Err(_) => transaction.execute_batch("ROLLBACK TO job")?,
        }
        transaction.execute_batch("RELEASE job")?;
    }
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
