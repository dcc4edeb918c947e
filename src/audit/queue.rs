//! Between the producers and the one thread that writes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::Unavailable;
use super::failures::{Failure, Failures};
use super::line::{Hash, now};
use super::record::Record;

/// What may wait, in bytes.
const QUEUE: usize = 16 << 20;

/// How long records that nobody waits for are gathered before they are written.
const GATHER: Duration = Duration::from_millis(50);

/// How many bytes of them are.
const GATHER_BYTES: usize = 1 << 18;

/// Where the records of one [`super::Audit::write`] are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Sequence number of the first.
    pub first: u64,
    /// Sequence number of the last.
    pub seq: u64,
    /// Hash of the last.
    pub hash: Hash,
}

/// Answers one who waits.
pub(super) type Answer = SyncSender<Result<Mark, Unavailable>>;

/// Records and the time at which they were made.
pub(super) struct Item {
    pub(super) time: i64,
    pub(super) records: Records,
}

pub(super) enum Records {
    /// Accepted: it must get into the log, now or later.
    Note(Record),
    /// Accepted as a note is, even where the log cannot be written, and synced at once if it can.
    Urgent(Record, Answer),
    /// All are in the log when the answer says so, and none of them ever if it says otherwise.
    Write(Vec<Record>, Answer),
}

impl Records {
    fn cost(&self) -> usize {
        match self {
            Self::Note(record) | Self::Urgent(record, _) => record.cost(),
            Self::Write(records, _) => records.iter().map(Record::cost).sum(),
        }
    }
}

/// What the writing thread has to do.
#[derive(Default)]
pub(super) struct Work {
    pub(super) items: Vec<Item>,
    pub(super) urgent: bool,
    pub(super) reopen: bool,
    pub(super) close: bool,
}

struct State {
    items: VecDeque<Item>,
    bytes: usize,
    urgent: bool,
    reopen: bool,
    close: bool,
    closed: bool,
    failing: Option<String>,
    refused: u64,
    failures: Failures,
    oldest: Option<Instant>,
}

/// The queue, and what is known about the log.
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    pub(super) lines: AtomicU64,
    pub(super) syncs: AtomicU64,
}

/// What metrics show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Lines written since the start.
    pub lines: u64,
    /// Syncs since the start.
    pub syncs: u64,
    /// Records that wait, in bytes.
    pub queued: usize,
    /// For how long the oldest of them has waited.
    pub lag: Duration,
    /// Whether the log cannot be written.
    pub failing: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        let state = State {
            items: VecDeque::new(),
            bytes: 0,
            urgent: false,
            reopen: false,
            close: false,
            closed: false,
            failing: None,
            refused: 0,
            failures: Failures::new(Instant::now()),
            oldest: None,
        };
        Self { state: Mutex::new(state), wake: Condvar::new(), lines: AtomicU64::new(0), syncs: AtomicU64::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, record: Record) -> Result<(), Unavailable> {
        self.push(Records::Note(record))
    }

    pub(super) fn write(&self, records: Vec<Record>) -> Result<Receiver<Result<Mark, Unavailable>>, Unavailable> {
        let (answer, answered) = sync_channel(1);
        self.push(Records::Write(records, answer))?;
        Ok(answered)
    }

    /// Accepts a record even where the log cannot be written: it says that earlier lines are void.
    pub(super) fn urgent(&self, record: Record) -> Receiver<Result<Mark, Unavailable>> {
        let (answer, answered) = sync_channel(1);
        let mut state = self.lock();
        if !state.closed {
            state.put(Records::Urgent(record, answer));
            self.wake.notify_all();
        }
        answered
    }

    fn push(&self, records: Records) -> Result<(), Unavailable> {
        let mut state = self.lock();
        state.admit()?;
        if state.bytes + records.cost() > QUEUE {
            return Err(Unavailable::Full);
        }
        let was_empty = state.items.is_empty();
        state.put(records);
        // A note wakes nobody but one who does not know yet that there is any.
        if was_empty || state.urgent || state.bytes >= GATHER_BYTES {
            self.wake.notify_all();
        }
        Ok(())
    }

    pub(super) fn failed_authentication(&self, failure: Failure) {
        if self.lock().failures.count(failure, Instant::now()) {
            self.wake.notify_all();
        }
    }

    pub(super) fn check(&self) -> Result<(), Unavailable> {
        self.lock().check()
    }

    pub(super) fn admit(&self) -> Result<(), Unavailable> {
        self.lock().admit()
    }

    pub(super) fn reopen(&self) {
        self.lock().reopen = true;
        self.wake.notify_all();
    }

    pub(super) fn close(&self) {
        self.lock().close = true;
        self.wake.notify_all();
    }

    /// Refuses everything from now on, and everyone who still waits.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.closed = true;
        // Whoever waits for an answer hears that there is none.
        state.items.clear();
        state.bytes = 0;
    }

    pub(super) fn statistics(&self) -> Statistics {
        let state = self.lock();
        Statistics {
            lines: self.lines.load(Ordering::Relaxed),
            syncs: self.syncs.load(Ordering::Relaxed),
            queued: state.bytes,
            lag: state.oldest.map(|oldest| oldest.elapsed()).unwrap_or_default(),
            failing: state.failing.is_some(),
        }
    }

    /// Waits until there is something to do, or `deadline`.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> Work {
        let mut state = self.lock();
        loop {
            let gathered = state.oldest.map(|oldest| oldest + GATHER);
            let until = [deadline, gathered, state.failures.due()].into_iter().flatten().min();
            let now = Instant::now();
            let at_once = state.urgent || state.reopen || state.close || state.bytes >= GATHER_BYTES;
            if at_once || until.is_some_and(|until| until <= now) {
                return state.take(now);
            }
            state = match until {
                Some(until) => {
                    let waited = self.wake.wait_timeout(state, until.duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Waits for the next attempt while the log cannot be written; true if it is to end.
    pub(super) fn pause(&self, until: Instant) -> (bool, bool) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if until <= now || state.close || state.reopen || state.urgent {
                return (std::mem::take(&mut state.reopen), state.close);
            }
            let waited = self.wake.wait_timeout(state, until.duration_since(now));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Refuses producers from now on; what they were promised is returned.
    pub(super) fn fail(&self, error: &str) -> Vec<Item> {
        let mut state = self.lock();
        state.failing = Some(error.to_owned());
        state.take_items()
    }

    /// Admits producers again; how many were refused meanwhile.
    pub(super) fn recovered(&self) -> u64 {
        let mut state = self.lock();
        state.failing = None;
        std::mem::take(&mut state.refused)
    }

    /// How many were refused since the log cannot be written.
    pub(super) fn refused(&self) -> u64 {
        self.lock().refused
    }
}

impl State {
    fn check(&self) -> Result<(), Unavailable> {
        if self.closed || self.close {
            return Err(Unavailable::Closed);
        }
        self.failing.as_ref().map_or(Ok(()), |error| Err(Unavailable::Failing(error.clone())))
    }

    fn admit(&mut self) -> Result<(), Unavailable> {
        self.check().inspect_err(|_| self.refused += 1)
    }

    fn put(&mut self, records: Records) {
        self.bytes += records.cost();
        self.urgent |= !matches!(records, Records::Note(_));
        self.oldest.get_or_insert_with(Instant::now);
        self.items.push_back(Item { time: now(), records });
    }

    fn take_items(&mut self) -> Vec<Item> {
        self.bytes = 0;
        self.urgent = false;
        self.oldest = None;
        std::mem::take(&mut self.items).into()
    }

    fn take(&mut self, instant: Instant) -> Work {
        let urgent = self.urgent;
        let mut items = self.take_items();
        let failures = if self.close { self.failures.take_all(instant) } else { self.failures.take(instant) };
        items.extend(failures.into_iter().map(|record| Item { time: now(), records: Records::Note(record) }));
        Work { items, urgent, reopen: std::mem::take(&mut self.reopen), close: self.close }
    }
}
