//! The one writer: a thread that puts many requests into one commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::Error;

/// Writes that may wait; the requests that the server admits at one time are fewer.
const QUEUE: usize = 1024;

/// Writes in one commit at most.
const GROUP: usize = 128;

/// Whether what a job removed may stay in the WAL until the next checkpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Traces {
    Keep,
    Erase,
}

/// Says to one waiting request how the commit went.
type Acknowledge = Box<dyn FnOnce(Result<(), Error>)>;

/// Runs inside the transaction; `None` means that its changes are undone and the request has its answer.
type Job = Box<dyn FnOnce(&Transaction<'_>) -> Option<Acknowledge> + Send>;

struct Queued {
    job: Job,
    traces: Traces,
}

pub(super) struct Writer {
    queue: Option<SyncSender<Queued>>,
    failure: Arc<Mutex<Option<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self, Error> {
        let (queue, jobs) = sync_channel(QUEUE);
        let failure = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&failure);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || serve(connection, &jobs, &seen))
            .map_err(|source| Error::Commit(source.to_string()))?;
        Ok(Self { queue: Some(queue), failure, thread: Some(thread) })
    }

    pub(super) fn run<T, F>(&self, job: F, traces: Traces) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Error> + Send + 'static,
    {
        let (answer, answered) = sync_channel::<Result<T, Error>>(1);
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
        queue.try_send(Queued { job, traces }).map_err(|refused| match refused {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Disconnected(_) => Error::Stopped,
        })?;
        answered.recv().unwrap_or(Err(Error::Stopped))
    }

    /// Whether the last commit succeeded. After a failure a small one is tried, so that a server to which nobody
    /// sends requests any more finds out that the disk has room again.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.failure.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            return Ok(());
        }
        let touch = |transaction: &Transaction<'_>| {
            transaction.execute("UPDATE root_key SET created = created", [])?;
            Ok(())
        };
        self.run(touch, Traces::Keep)
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

fn serve(mut connection: Connection, jobs: &Receiver<Queued>, failure: &Mutex<Option<String>>) {
    while let Ok(first) = jobs.recv() {
        let group: Vec<Queued> = std::iter::once(first).chain(jobs.try_iter().take(GROUP - 1)).collect();
        let erase = group.iter().any(|queued| queued.traces == Traces::Erase);
        let mut waiting = Vec::with_capacity(group.len());
        let committed = commit(&mut connection, group, &mut waiting).map_err(|e| e.to_string());
        let erased = match &committed {
            Ok(()) if erase => truncate_wal(&connection).map_err(|e| e.to_string()),
            _ => Ok(()),
        };
        for error in [&committed, &erased].into_iter().filter_map(|done| done.as_ref().err()) {
            tracing::error!(%error, "the database could not be written");
        }
        *failure.lock().unwrap_or_else(PoisonError::into_inner) = committed.as_ref().err().cloned();
        for (traces, acknowledge) in waiting {
            let done = committed.clone().map_err(Error::Commit);
            // What is committed is committed, even where its traces stay: the others must not hear of a failure.
            let erased = if traces == Traces::Erase { erased.clone().map_err(Error::Traces) } else { Ok(()) };
            acknowledge(done.and(erased));
        }
    }
}

fn commit(
    connection: &mut Connection,
    group: Vec<Queued>,
    waiting: &mut Vec<(Traces, Acknowledge)>,
) -> Result<(), rusqlite::Error> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for queued in group {
        // SQL rather than `Savepoint`, because a job takes the transaction itself.
        transaction.execute_batch("SAVEPOINT job")?;
        // A job that panics is a bug; it must not take the other requests' commit with it.
        let outcome = catch_unwind(AssertUnwindSafe(|| (queued.job)(&transaction)));
        match outcome {
            Ok(Some(acknowledge)) => waiting.push((queued.traces, acknowledge)),
            Ok(None) | Err(_) => transaction.execute_batch("ROLLBACK TO job")?,
        }
        transaction.execute_batch("RELEASE job")?;
    }
    transaction.set_drop_behavior(rusqlite::DropBehavior::Rollback);
    transaction.commit()
}

/// Moves the WAL into the database and cuts it to nothing.
fn truncate_wal(connection: &Connection) -> Result<(), Error> {
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy != 0 {
        return Err(Error::Commit("the write-ahead log is held by a long read".to_owned()));
    }
    Ok(())
}
