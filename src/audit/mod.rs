//! The audit log: a file of JSON lines. Each line contains the hash of the line before, and a key in the HSM signs the
//! log at intervals.

mod error;
mod failures;
mod file;
mod former;
mod found;
mod line;
mod lines;
pub mod logs;
pub mod merge;
mod queue;
mod record;
pub mod search;
pub mod until;
pub mod verify;
pub mod versions;
mod writer;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

pub use error::{Loss, OpenError, Unavailable};
pub use former::adopt;
pub use found::Found;
pub use line::{Hash, Head, SignedHead};
pub use queue::{Mark, Statistics};
pub use record::{Decision, MAX_NAME, MAX_OBJECT, MAX_TEXT, Outcome, Record};
pub use versions::Versions;
pub use writer::{Publish, Sign, Signer};

use crate::config::AuditSettings;
use crate::file::{Unreadable, unreadable};
use crate::hexadecimal;
use failures::Failure;
use file::Log;
use queue::Queue;
use writer::{Start, Writer};

/// An open audit log. Dropping it closes it.
pub struct Audit {
    path: PathBuf,
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Audit {
    /// Opens or creates the log and compares its end with `head`, the last line that the database knows. Then it
    /// records that this process continues the log. These lines are on disk when this function returns.
    ///
    /// With `begin`, the log continues in a new file, because another key signed the present one.
    ///
    /// `publish` is called with each checkpoint that is on disk, on the thread that writes. It must not block, and must
    /// not own this log.
    ///
    /// # Errors
    /// Another process has the log open, it cannot be written, or lines are missing and the loss was not accepted.
    pub fn open(
        settings: &AuditSettings,
        head: Option<Head>,
        begin: bool,
        signer: Signer,
        publish: Publish,
    ) -> Result<(Self, Found), OpenError> {
        let path = settings.file.as_path();
        let failed = |source| OpenError::File { path: path.to_owned(), source };
        let mut log = Log::open(path)?;
        let mut found = found::read(&log, head).map_err(failed)?;
        let is_foreign =
            found.signed_by.as_deref().is_some_and(|key| key != hexadecimal::lower(&signer.key).as_bytes());
        if head.is_none() && is_foreign && !begin {
            found.loss = found.loss.or(Some(Loss::Foreign));
        }
        if let Some(loss) = found.loss.clone().filter(|_| !settings.accept_loss) {
            return Err(OpenError::Loss { path: path.to_owned(), loss });
        }
        let whole = log.len - found.torn;
        log.cut(whole).map_err(failed)?;
        if let (true, Some((seq, _))) = (begin && log.len > 0, found.end) {
            log.rotate(seq).map_err(failed)?;
        }
        let first = first_records(&found, head, log.len == 0);
        let end = match (&found.loss, head, found.end) {
            // The sequence numbers of missing lines are not used again.
            (Some(_), Some(head), Some((seq, hash))) => Some((seq.max(head.seq), hash)),
            (Some(_), Some(head), None) => Some((head.seq, head.hash)),
            (_, _, end) => end,
        };
        let queue = Arc::new(Queue::new());
        let AuditSettings { rotate_size: max_bytes, rotate_age: max_age, interval, .. } = *settings;
        let start = Start { log, end, max_bytes, max_age, interval, server: settings.server.clone() };
        let mut writer = Writer::new(Arc::clone(&queue), start, signer, publish);
        writer.begin(first).map_err(|source| OpenError::File { path: writer.path().to_owned(), source })?;
        let thread =
            thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run()).map_err(OpenError::Thread)?;
        Ok((Self { path: settings.file.clone(), queue, thread: Mutex::new(Some(thread)) }, found))
    }

    /// Records an event without waiting. It is on disk within a second.
    ///
    /// # Errors
    /// The record was not accepted: the caller must refuse the operation that it records.
    pub fn note(&self, record: Record) -> Result<(), Unavailable> {
        self.queue.note(record)
    }

    /// Records events, and returns when all of them are on disk. One sync serves all waiting callers.
    ///
    /// # Errors
    /// None of the records is or will be in the log.
    pub fn write(&self, records: Vec<Record>) -> Result<Mark, Unavailable> {
        let answered = self.queue.write(records)?;
        answered.recv().unwrap_or(Err(Unavailable::Closed))
    }

    /// Records that the changes at `mark` were not committed. Returns when that is on disk, or, if the log cannot be
    /// written, when it is queued to be written before everything else.
    pub fn retract(&self, mark: &Mark) {
        let mut record = Record::event("not-committed");
        record.number("first", mark.first);
        record.number("last", mark.seq);
        if self.queue.urgent(record).recv().is_ok_and(|done| done.is_ok()) {
            return;
        }
        tracing::warn!(
            first = mark.first,
            last = mark.seq,
            "these changes were not committed: the audit log will record that later"
        );
    }

    /// Counts a failed authentication from a network. `method` and `reason` are fixed words, never text from the
    /// caller.
    pub fn failed_authentication(&self, network: IpAddr, method: &'static str, reason: &'static str) {
        self.queue.failed_authentication(Failure { network, method, reason });
    }

    /// Whether records are accepted.
    ///
    /// # Errors
    /// The reason why not.
    pub fn check(&self) -> Result<(), Unavailable> {
        self.queue.check()
    }

    /// Checks whether records are accepted, for an operation that is about to begin. A refused operation is counted,
    /// and the log records the number later.
    ///
    /// # Errors
    /// The reason why not.
    pub fn admit(&self) -> Result<(), Unavailable> {
        self.queue.admit()
    }

    /// Continues in the file that the path names now, if another program moved the old one. Returns without waiting.
    pub fn reopen(&self) {
        self.queue.reopen();
    }

    /// Returns the files of the log: the present one, and the rotated ones that still have their names.
    ///
    /// # Errors
    /// Their folder cannot be read.
    pub fn files(&self) -> Result<Vec<PathBuf>, Unreadable> {
        files(&self.path)
    }

    /// Returns the numbers for metrics.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.queue.statistics()
    }

    /// Writes the waiting records, records that the process stopped, and signs. Later records are refused.
    pub fn close(&self) {
        self.queue.close();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

/// Checks whether a new database can begin its log: the file can be written, and is not the log of another database.
/// Creates an empty file if none exists.
///
/// # Errors
/// See [`Audit::open`].
pub fn inspect(settings: &AuditSettings) -> Result<(), OpenError> {
    let path = settings.file.as_path();
    let log = Log::open(path)?;
    let found = found::read(&log, None).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
    // The new database has no key yet, so every signed log belongs to another database.
    let loss = found.loss.or(found.signed_by.map(|_| Loss::Foreign)).filter(|_| !settings.accept_loss);
    loss.map_or(Ok(()), |loss| Err(OpenError::Loss { path: path.to_owned(), loss }))
}

/// Returns the file of a log, and the files that the server rotated next to it.
///
/// # Errors
/// Their folder cannot be read.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let rotated = file::rotated(path).map_err(unreadable("", path))?;
    Ok(rotated.into_iter().map(|file| file.path).chain(path.exists().then(|| path.to_owned())).collect())
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.close();
    }
}

/// Returns the first records of a process.
fn first_records(found: &Found, head: Option<Head>, is_new_file: bool) -> Vec<Record> {
    let mut records = Vec::new();
    if let Some(loss) = &found.loss {
        let mut record = Record::event("loss-accepted");
        record.name("detail", &loss.to_string());
        record.place("database", head.map(|head| (head.seq, head.hash)));
        record.place("log", found.end);
        records.push(record);
    } else if is_new_file && found.end.is_some() {
        records.push(Record::event("rotated"));
    }
    if found.unclean || !found.not_in_database.is_empty() {
        let mut record = Record::event("resumed");
        if found.unclean {
            record.name("detail", "uses of keys in the last second before may be missing");
        }
        record.number("torn_bytes", found.torn);
        record.sequences("not_in_database", &found.not_in_database);
        record.number("not_in_database_count", found.not_in_database_count);
        records.push(record);
    }
    let mut started = Record::event("started");
    started.name("program", concat!("clavigerd ", env!("CARGO_PKG_VERSION")));
    records.push(started);
    records
}
