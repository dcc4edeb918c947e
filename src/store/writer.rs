//! The writer: one thread that puts many requests into one commit.

mod group;

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::audit_head::Binder;
use super::command::Command;
use super::engine::{Session, Transaction};
use super::erasure::Unerased;
use super::error::Error;
use super::pulse::Pulse;
use crate::audit::Audit;
use crate::metrics::Metrics;
use group::{Answer, Fault, Group, Queued, Recording, Request, Waiting, commit};

/// Maximum number of waiting write requests; the server admits fewer at one time.
const QUEUE: usize = 1024;

/// For how long a commit proves that the database can be written.
const CHECK_STANDS: Duration = Duration::from_secs(1);

/// How long a check waits for its commit.
const CHECK_WAIT: Duration = Duration::from_secs(2);

/// How often a check that waits looks whether the database answers.
const CHECK_STEP: Duration = Duration::from_millis(50);

/// How long a group waits for more requests at most.
const MAX_WAIT: Duration = Duration::from_millis(1);

/// Receives whether the log of the database was emptied.
type Emptied = SyncSender<Result<bool, String>>;

/// The work of the thread.
enum Work {
    Write(Request),
    /// Empties the log of the database between two commits.
    Empty(Emptied),
}

/// The time at which the last group was committed; `None` before the first one, and after a failure.
type Last = Arc<Mutex<Option<Instant>>>;

pub(super) struct Writer {
    queue: Option<Arc<SyncSender<Work>>>,
    last: Last,
    pulse: Arc<Pulse>,
    audit: Arc<OnceLock<Recording>>,
    thread: Option<JoinHandle<()>>,
}

/// Gives commands to the writer without waiting for them. It does not keep the writer alive.
#[derive(Clone)]
pub struct Poster(Weak<SyncSender<Work>>);

impl Poster {
    /// Puts `command` into a later group commit. Its outcome is not reported.
    ///
    /// # Errors
    /// The queue is full, or the store is closed.
    pub fn post(&self, command: Command) -> Result<(), Error> {
        let queue = self.0.upgrade().ok_or(Error::Stopped)?;
        queue.try_send(Work::Write(Queued::unattended(command).into())).map_err(refused)
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
        session: Box<dyn Session>,
        metrics: &Arc<Metrics>,
        unerased: &Arc<Unerased>,
    ) -> Result<Self, Error> {
        let (queue, jobs) = sync_channel(QUEUE);
        let last = Last::default();
        let (audit, pulse) = (Arc::new(OnceLock::new()), Arc::new(Pulse::default()));
        let (seen, recording, beats) = (Arc::clone(&last), Arc::clone(&audit), Arc::clone(&pulse));
        let (metrics, unerased) = (Arc::clone(metrics), Arc::clone(unerased));
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let _living = beats.begin();
                serve(session, &Jobs { queue: jobs, pulse: beats }, &seen, &recording, &metrics, &unerased);
            })
            .map_err(|source| Error::Commit(source.to_string()))?;
        Ok(Self { queue: Some(Arc::new(queue)), last, pulse, audit, thread: Some(thread) })
    }

    /// Sets the audit log for records; only the first call has an effect.
    pub(super) fn record_in(&self, audit: Arc<Audit>, bind: Binder) {
        let _ = self.audit.set(Recording { audit, bind });
    }

    pub(super) fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.pulse)
    }

    pub(super) fn poster(&self) -> Poster {
        Poster(self.queue.as_ref().map(Arc::downgrade).unwrap_or_default())
    }

    pub(super) fn run<T: Send + 'static>(&self, command: Command<T>) -> Result<T, Error> {
        self.begin(command).recv().unwrap_or(Err(Error::Stopped))
    }

    /// Runs commands in order and in one commit; returns the outcome of each. With `stops`, those after a failed one
    /// are not begun ([`Error::NotBegun`]).
    pub(super) fn run_all(&self, commands: Vec<Command>, stops: bool) -> Vec<Result<(), Error>> {
        if commands.is_empty() {
            return Vec::new();
        }
        let (jobs, answers): (Vec<_>, Vec<_>) = commands.into_iter().map(Queued::new).unzip();
        self.send(Request { jobs, stops });
        let wait = |answered: Answer<()>| answered.recv().unwrap_or(Err(Error::Stopped));
        answers.into_iter().map(wait).collect()
    }

    /// Puts a command into the queue; its answer arrives when its group is on disk.
    fn begin<T: Send + 'static>(&self, command: Command<T>) -> Answer<T> {
        let (queued, answered) = Queued::new(command);
        self.send(queued.into());
        answered
    }

    /// Puts a request into the queue. If the queue is full, the waiting callers receive an error.
    fn send(&self, request: Request) {
        let sent = match &self.queue {
            Some(queue) => queue.try_send(Work::Write(request)),
            None => Err(TrySendError::Disconnected(Work::Write(request))),
        };
        match sent {
            Err(TrySendError::Full(Work::Write(request))) => request.refuse(|| Error::Busy),
            Err(TrySendError::Disconnected(Work::Write(request))) => request.refuse(|| Error::Stopped),
            Ok(()) | Err(_) => {}
        }
    }

    /// Empties the log of the database between two commits. Returns false if a reader uses it. Commits wait only for a
    /// moment.
    pub(super) fn empty_log(&self) -> Result<bool, Error> {
        let (answer, answered) = sync_channel(1);
        let queue = self.queue.as_ref().ok_or(Error::Stopped)?;
        queue.try_send(Work::Empty(answer)).map_err(refused)?;
        answered.recv().map_err(|_| Error::Stopped)?.map_err(Error::Commit)
    }

    /// Checks that a write is on disk within [`CHECK_WAIT`]. If there was no commit a moment ago, a small one is tried:
    /// without it, a full disk or a lock by another program would not be noticed while no request writes, nor that it
    /// is over. Waits only as long as `answers` is no error.
    pub(super) fn check(&self, answers: impl Fn() -> Result<(), Error>) -> Result<(), Error> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < CHECK_STANDS) {
            return Ok(());
        }
        let (began, written) = (Instant::now(), self.begin(Command::new(|transaction| transaction.touch())));
        loop {
            match written.recv_timeout(CHECK_STEP) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) if began.elapsed() < CHECK_WAIT => answers()?,
                Err(RecvTimeoutError::Timeout) => return Err(Error::Stuck),
                Err(RecvTimeoutError::Disconnected) => return Err(Error::Stopped),
            }
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

/// The queue of the thread. Its pulse says that it waits for work, or works since it took some.
struct Jobs {
    queue: Receiver<Work>,
    pulse: Arc<Pulse>,
}

impl Jobs {
    /// Waits for work; `None` once the store is closed.
    fn next(&self) -> Option<Work> {
        self.pulse.waits();
        let work = self.queue.recv().ok();
        self.pulse.works();
        work
    }

    /// Returns work that arrives before `until`; without it, work that has arrived already.
    fn next_until(&self, until: Option<Instant>) -> Option<Work> {
        let work = match until {
            Some(until) => self.queue.recv_timeout(until.saturating_duration_since(Instant::now())).ok(),
            None => self.queue.try_recv().ok(),
        };
        self.pulse.works();
        work
    }
}

/// The requests that arrive before `until`; without it, those that have arrived already.
struct ArrivingRequests<'a> {
    jobs: &'a Jobs,
    until: Option<Instant>,
    /// A request to empty the log of the database. It ends the group and is done after it.
    empty: &'a mut Option<Emptied>,
}

impl Iterator for ArrivingRequests<'_> {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        if self.empty.is_some() {
            return None;
        }
        match self.jobs.next_until(self.until)? {
            Work::Write(request) => Some(request),
            Work::Empty(answer) => {
                *self.empty = Some(answer);
                None
            }
        }
    }
}

fn serve(
    mut session: Box<dyn Session>,
    jobs: &Jobs,
    last: &Mutex<Option<Instant>>,
    audit: &OnceLock<Recording>,
    metrics: &Metrics,
    unerased: &Unerased,
) {
    let (mut wait, mut is_held) = (None, false);
    while let Some(work) = jobs.next() {
        let mut empty = None;
        match work {
            Work::Empty(answer) => empty = Some(answer),
            Work::Write(first) => {
                let began = Instant::now();
                match Transaction::begin(&mut *session, is_held) {
                    Ok(transaction) => {
                        is_held = false;
                        // The requests are not collected first: one that arrives while the group runs is still part of
                        // its commit.
                        let until = wait.map(|wait| Instant::now() + wait);
                        let company = ArrivingRequests { jobs, until, empty: &mut empty };
                        let mut group = Group::default();
                        let requests = std::iter::once(first).chain(company);
                        let committed = commit(transaction, requests, &mut group, audit.get());
                        let took = began.elapsed();
                        metrics.store_commit(took, committed.is_ok().then_some(group.waiting.len()));
                        // If the last group held the jobs of several requests, their callers probably send the next
                        // ones now: wait for them.
                        wait = (group.requests > 1).then(|| (took / 2).min(MAX_WAIT));
                        answer_waiting(&committed, group, last, unerased);
                    }
                    Err(error) => {
                        *last.lock().unwrap_or_else(PoisonError::into_inner) = None;
                        metrics.store_commit(began.elapsed(), None);
                        let company = ArrivingRequests { jobs, until: None, empty: &mut empty };
                        refuse(std::iter::once(first).chain(company), &error.to_string(), is_held);
                        is_held = true;
                    }
                }
            }
        }
        if let Some(answer) = empty {
            let _ = answer.send(session.empty_log().map_err(|error| error.to_string()));
        }
    }
}

/// Reports the outcome of the commit to all waiting requests.
fn answer_waiting(committed: &Result<(), Fault>, group: Group, last: &Mutex<Option<Instant>>, unerased: &Unerased) {
    let failed = match committed {
        Err(Fault::Commit(error)) => Some(error),
        // A failure of the audit log or the HSM does not concern the database.
        Ok(()) | Err(Fault::Audit(_) | Fault::Binding(_) | Fault::Unknown) => None,
    };
    if let Some(error) = failed {
        tracing::error!(%error, "the database could not be written");
    }
    *last.lock().unwrap_or_else(PoisonError::into_inner) = failed.is_none().then(Instant::now);
    if committed.is_ok() {
        unerased.add(group.waiting.iter().map(Waiting::erases).sum());
    }
    group.answer(committed);
}

/// Refuses all waiting requests, because nothing can be written now and each of them would wait without success.
/// `again`: the database could not be written before.
fn refuse(waiting: impl Iterator<Item = Request>, error: &str, again: bool) {
    if again {
        tracing::debug!(error, "the database can still not be written");
    } else {
        tracing::error!(error, "the database cannot be written");
    }
    for request in waiting {
        request.refuse(|| Error::Commit(error.to_owned()));
    }
}
