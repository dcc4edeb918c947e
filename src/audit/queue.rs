//! The queue between the threads that record events and the one thread that writes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::Unavailable;
use super::failures::{Failure, Failures};
use super::line::{Hash, now};
use super::record::Record;

/// The most bytes of records that may wait.
const QUEUE: usize = 16 << 20;

/// How long records without a waiting caller are gathered before they are written.
const GATHER: Duration = Duration::from_millis(50);

/// The number of gathered bytes after which the records are written at once.
const GATHER_BYTES: usize = 1 << 18;

/// The position in the log of the records of one [`super::Audit::write`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The sequence number of the first record.
    pub first: u64,
    /// The sequence number of the last record.
    pub seq: u64,
    /// The hash of the last line.
    pub hash: Hash,
}

/// The channel on which a waiting caller gets its answer.
pub(super) type Answer = SyncSender<Result<Mark, Unavailable>>;

/// Records and the time at which they were made.
pub(super) struct Item {
    pub(super) time: i64,
    pub(super) records: Records,
}

pub(super) enum Records {
    /// An accepted record. It must get into the log, now or later.
    Note(Record),
    /// A record that is accepted even when the log cannot be written. It is synced at once if possible.
    Urgent(Record, Answer),
    /// Records that succeed or fail together. After a successful answer all are in the log; after an error none ever
    /// will be.
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

/// The work for the writing thread.
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

/// The queue, and the state of the log.
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    pub(super) lines: AtomicU64,
    pub(super) syncs: AtomicU64,
}

/// The numbers for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// The lines written since the start.
    pub lines: u64,
    /// The syncs since the start.
    pub syncs: u64,
    /// The bytes of waiting records.
    pub queued: usize,
    /// The time that the oldest waiting record has waited.
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

    /// Accepts a record even when the log cannot be written. The record says that earlier lines are void.
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
        // The writing thread is not woken for each note, only for the first one.
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

    /// Refuses all records from now on, and those that are waiting.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.closed = true;
        // Dropping the answer channels reports the end to the waiting callers.
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

    /// Waits until there is work, or until `deadline`.
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

    /// Waits until `until`, or until there is work, while the log cannot be written. Returns whether to reopen the log,
    /// and whether to close it.
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

    /// Refuses new records from now on. Returns the items that were accepted before.
    pub(super) fn fail(&self, error: &str) -> Vec<Item> {
        let mut state = self.lock();
        state.failing = Some(error.to_owned());
        state.take_items()
    }

    /// Accepts records again. Returns how many were refused in the meantime.
    pub(super) fn recovered(&self) -> u64 {
        let mut state = self.lock();
        state.failing = None;
        std::mem::take(&mut state.refused)
    }

    /// The number of records that were refused since the log cannot be written.
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
