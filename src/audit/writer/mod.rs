//! The thread that writes the log: it gives each record its place in the chain, syncs once for many records, and signs.

mod succession;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::error::{End, Unavailable};
use super::file::Log;
use super::line::{self, Hash, NO_LINE, SignedHead, hash, now};
use super::queue::{Answer, Item, Mark, Queue, Records};
use super::record::Record;

/// The most lines that are not covered by a signature, including the checkpoint.
const MAX_UNCOVERED: u64 = 1000;

/// The most bytes of notes that are not on disk.
const MAX_UNSYNCED: usize = 8 << 20;

/// The interval between attempts to write after a failure.
const RETRY: Duration = Duration::from_millis(250);

/// Signs a checkpoint with ECDSA over P-256 and SHA-256. The argument is the whole text, the result is DER (RFC 3279
/// section 2.2.3).
pub type Sign = Box<dyn FnMut(&[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error>> + Send>;

/// The key that signs checkpoints.
pub struct Signer {
    /// The SHA-256 of the public key's SubjectPublicKeyInfo.
    pub key: Hash,
    /// Makes a signature.
    pub sign: Sign,
}

/// Receives each checkpoint that is on disk. It must not block, because it delays the log.
pub type Publish = Box<dyn FnMut(SignedHead) + Send>;

/// A position in the chain.
#[derive(Clone, Copy)]
struct Place {
    seq: u64,
    hash: Hash,
    /// The number of lines since the last checkpoint.
    uncovered: u64,
    /// The length of the file, in bytes.
    len: u64,
}

pub(super) struct Writer {
    queue: Arc<Queue>,
    log: Log,
    signer: Signer,
    publish: Publish,
    max_bytes: u64,
    max_age: Duration,
    interval: Duration,
    server: String,
    /// The position after the last line that was staged.
    at: Place,
    /// The position after the last line that is on disk.
    synced: Place,
    /// The lines that are not written yet.
    staged: String,
    staged_first: u64,
    /// The notes that are not on disk. They were accepted, so after a failure they are written again.
    kept: Vec<(i64, Record)>,
    kept_bytes: usize,
    unsynced_since: Option<Instant>,
    uncovered_since: Option<Instant>,
    sign_again: Option<Instant>,
    rotate_again: Option<Instant>,
    signed: Option<SignedHead>,
}

/// The state from which a log continues.
pub(super) struct Start {
    pub(super) log: Log,
    pub(super) end: End,
    pub(super) max_bytes: u64,
    pub(super) max_age: Duration,
    /// The longest time in which a line is not on disk, or not covered by a signature.
    pub(super) interval: Duration,
    /// The name of the server, which its lines have; empty for none.
    pub(super) server: String,
}

impl Writer {
    pub(super) fn new(queue: Arc<Queue>, start: Start, signer: Signer, publish: Publish) -> Self {
        let (seq, hash) = start.end.unwrap_or((0, NO_LINE));
        let at = Place { seq, hash, uncovered: 0, len: start.log.len };
        Self {
            queue,
            log: start.log,
            signer,
            publish,
            max_bytes: start.max_bytes,
            max_age: start.max_age,
            interval: start.interval,
            server: start.server,
            at,
            synced: at,
            staged: String::new(),
            staged_first: seq + 1,
            kept: Vec::new(),
            kept_bytes: 0,
            unsynced_since: None,
            uncovered_since: None,
            sign_again: None,
            rotate_again: None,
            signed: None,
        }
    }

    /// Writes the first lines of a process and waits until they are on disk.
    pub(super) fn begin(&mut self, records: Vec<Record>) -> std::io::Result<()> {
        for record in records {
            self.stage(now(), &record);
        }
        self.flush(true)
    }

    pub(super) fn path(&self) -> &Path {
        self.log.path()
    }

    /// Writes until the log is closed.
    pub(super) fn run(mut self) {
        // Waiting callers must receive an error even if this thread panics.
        let _end = Ended(Arc::clone(&self.queue));
        loop {
            let work = self.queue.wait(self.deadline());
            if work.reopen && self.reopen() && !self.write_kept() {
                return;
            }
            if !self.round(work.items, work.urgent) && !self.recover() {
                return;
            }
            if work.close {
                return self.close();
            }
            if !self.rotate_if_due() {
                return;
            }
        }
    }

    /// Returns the time at which there is work even without a new record.
    fn deadline(&self) -> Option<Instant> {
        let sync = self.unsynced_since.map(|since| since + self.interval);
        let sign = self.uncovered_since.map(|since| (since + self.interval).max(self.sign_again.unwrap_or(since)));
        [sync, sign, self.rotates_at()].into_iter().flatten().min()
    }

    fn stage(&mut self, time: i64, record: &Record) {
        let (seq, prev) = (self.at.seq + 1, self.at.hash);
        self.at.hash = line::append(&mut self.staged, seq, time, &prev, record.members(), &self.server);
        self.at.seq = seq;
        self.at.uncovered += 1;
        self.uncovered_since.get_or_insert_with(Instant::now);
        if self.at.uncovered + 1 >= MAX_UNCOVERED {
            self.sign();
        }
    }

    fn keep(&mut self, time: i64, record: Record) {
        self.kept_bytes += record.cost();
        self.unsynced_since.get_or_insert_with(Instant::now);
        self.kept.push((time, record));
    }

    /// Stages a checkpoint, if there are lines to cover and the key can be used.
    fn sign(&mut self) {
        let again = self.sign_again.is_some_and(|again| Instant::now() < again);
        if self.at.uncovered == 0 || again {
            return;
        }
        let seq = self.at.seq + 1;
        let text = line::to_sign(seq, now(), &self.at.hash, &self.signer.key);
        match (self.signer.sign)(text.as_bytes()) {
            Ok(signature) => {
                let line = line::checkpoint(&text, &signature);
                let hash = hash(line.as_bytes());
                self.staged.push_str(&line);
                self.staged.push('\n');
                self.at = Place { seq, hash, uncovered: 0, ..self.at };
                self.signed = Some(SignedHead { seq, hash, line });
                (self.uncovered_since, self.sign_again) = (None, None);
            }
            Err(error) => {
                if self.sign_again.is_none() {
                    tracing::warn!(%error, "cannot sign a checkpoint of the audit log: the server will try again");
                }
                self.sign_again = Some(Instant::now() + self.interval);
            }
        }
    }

    /// Writes the staged lines, and with `sync` waits until they are on disk.
    fn flush(&mut self, sync: bool) -> std::io::Result<()> {
        if !self.staged.is_empty() {
            self.log.append(self.staged.as_bytes(), self.staged_first)?;
            let lines = self.at.seq + 1 - self.staged_first;
            self.queue.lines.fetch_add(lines, Ordering::Relaxed);
            self.staged.clear();
        }
        self.staged_first = self.at.seq + 1;
        self.at.len = self.log.len;
        if sync {
            self.log.sync()?;
            self.queue.syncs.fetch_add(1, Ordering::Relaxed);
            self.synced = self.at;
            self.kept.clear();
            self.kept_bytes = 0;
            self.unsynced_since = None;
            if let Some(signed) = self.signed.take() {
                (self.publish)(signed);
            }
        }
        Ok(())
    }

    /// Stages a group of records, writes it and answers the waiting callers. Returns whether the log could be written.
    fn round(&mut self, items: Vec<Item>, urgent: bool) -> bool {
        let mut waiting: Vec<(Answer, Mark)> = Vec::new();
        for Item { time, records } in items {
            match records {
                Records::Note(record) => {
                    self.stage(time, &record);
                    self.keep(time, record);
                }
                Records::Urgent(record, answer) => {
                    self.stage(time, &record);
                    waiting.push((answer, Mark { first: self.at.seq, seq: self.at.seq, hash: self.at.hash }));
                    self.keep(time, record);
                }
                Records::Write(records, answer) => {
                    let first = self.at.seq + 1;
                    let mut mark = Mark { first, seq: self.at.seq, hash: self.at.hash };
                    for record in &records {
                        self.stage(time, record);
                        mark = Mark { first, seq: self.at.seq, hash: self.at.hash };
                    }
                    waiting.push((answer, mark));
                }
            }
        }
        let interval = self.interval;
        let is_due = |since: Option<Instant>| since.is_some_and(|since| since.elapsed() >= interval);
        let sync = urgent || is_due(self.unsynced_since) || self.kept_bytes >= MAX_UNSYNCED;
        let done = self.flush(sync);
        if let Err(error) = &done {
            self.fail(error);
        }
        for (answer, mark) in waiting {
            let said = done.as_ref().map(|()| mark).map_err(|error| Unavailable::Failing(error.to_string()));
            // The receiver may be gone because the client disconnected. Its record is in the log nevertheless.
            let _ = answer.send(said);
        }
        done.is_ok() && (!is_due(self.uncovered_since) || self.cover())
    }

    /// Signs the lines that are not covered. It runs after the waiting callers have their answers, so that a slow HSM
    /// token does not delay them. Returns whether the log could be written.
    fn cover(&mut self) -> bool {
        self.sign();
        if self.signed.is_none() {
            return true;
        }
        let done = self.flush(true);
        if let Err(error) = &done {
            self.fail(error);
        }
        done.is_ok()
    }

    /// Returns to the state that is on disk, refuses new records, and keeps the accepted ones.
    fn fail(&mut self, error: &std::io::Error) {
        tracing::error!(file = %self.log.path().display(), %error, "the audit log cannot be written: operations are refused");
        self.back();
        self.refuse(&error.to_string());
    }

    /// Refuses the waiting callers, and keeps the accepted records.
    fn refuse(&mut self, error: &str) {
        for Item { time, records } in self.queue.fail(error) {
            let answer = match records {
                Records::Note(record) => {
                    self.keep(time, record);
                    continue;
                }
                Records::Urgent(record, answer) => {
                    self.keep(time, record);
                    answer
                }
                Records::Write(_, answer) => answer,
            };
            let _ = answer.send(Err(Unavailable::Failing(error.to_owned())));
        }
    }

    fn back(&mut self) {
        if let Err(error) = self.log.cut(self.synced.len) {
            tracing::debug!(%error, "the audit log cannot be cut back yet");
        }
        self.at = self.synced;
        self.staged.clear();
        self.staged_first = self.at.seq + 1;
        self.signed = None;
        self.uncovered_since = (self.at.uncovered > 0).then(Instant::now);
    }

    /// Tries until the log can be written again. Returns `false` if the log was closed before that.
    fn recover(&mut self) -> bool {
        let since = now();
        loop {
            let (reopen, close) = self.queue.pause(Instant::now() + RETRY);
            if reopen {
                self.reopen();
            }
            let Err(error) = self.try_again(since) else {
                let refused = self.queue.recovered();
                tracing::info!(refused, "the audit log can be written again");
                return true;
            };
            self.back();
            if close {
                let lost = self.kept.len();
                tracing::error!(%error, lost, "the audit log could not be written to the end");
                return false;
            }
            // Keeps records that were accepted while the log failed, such as that earlier lines are void.
            self.refuse(&error.to_string());
        }
    }

    fn try_again(&mut self, since: i64) -> std::io::Result<()> {
        self.log.cut(self.synced.len)?;
        self.stage_kept();
        let mut record = Record::event("note");
        record.name("detail", "the log could not be written for a while");
        record.name("since", &line::timestamp(since));
        record.number("refused", self.queue.refused());
        self.stage(now(), &record);
        self.sign();
        self.flush(true)
    }

    fn stage_kept(&mut self) {
        for (time, record) in std::mem::take(&mut self.kept) {
            self.stage(time, &record);
            self.kept.push((time, record));
        }
    }

    /// Writes the kept records. Returns `false` if that failed until the log was closed.
    fn write_kept(&mut self) -> bool {
        self.stage_kept();
        let done = self.flush(true);
        done.inspect_err(|error| self.fail(error)).is_ok() || self.recover()
    }

    fn close(mut self) {
        self.stage(now(), &Record::event("stopped"));
        self.sign_again = None;
        self.sign();
        if let Err(error) = self.flush(true) {
            tracing::error!(%error, "the audit log could not be closed");
            self.back();
        }
    }
}

struct Ended(Arc<Queue>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
    }
}
