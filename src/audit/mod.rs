//! The audit trail: a file of JSON lines, each with the hash of the one before, signed at intervals by a key of the HSM.

mod error;
mod failures;
mod file;
mod former;
mod found;
mod line;
mod lines;
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
use crate::desk;
use crate::file::{Unreadable, unreadable};
use crate::hexadecimal;
use failures::Failure;
use file::Log;
use queue::Queue;
use writer::{Start, Writer};

/// An open log. Dropping it closes it.
pub struct Audit {
    path: PathBuf,
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Audit {
    /// Opens the log or makes it, compares its end with `head`, which is what the database knows, and says in the log
    /// that this process goes on with it. These lines are on disk when this returns.
    ///
    /// With `begin` the log goes on in a new file: what is there was signed by another key.
    ///
    /// `publish` hears of each checkpoint that is on disk, on the thread that writes: it must not block, and must not
    /// own this log.
    ///
    /// # Errors
    /// Another process has the log, it cannot be written, or lines are missing and that was not accepted.
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
            // No sequence number is used twice: what is missing keeps its own.
            (Some(_), Some(head), Some((seq, hash))) => Some((seq.max(head.seq), hash)),
            (Some(_), Some(head), None) => Some((head.seq, head.hash)),
            (_, _, end) => end,
        };
        let queue = Arc::new(Queue::new());
        let AuditSettings { rotate_size: max_bytes, rotate_age: max_age, interval, .. } = *settings;
        let start = Start { log, end, max_bytes, max_age, interval };
        let mut writer = Writer::new(Arc::clone(&queue), start, signer, publish);
        writer.begin(first).map_err(|source| OpenError::File { path: writer.path().to_owned(), source })?;
        let thread =
            thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run()).map_err(OpenError::Thread)?;
        Ok((Self { path: settings.file.clone(), queue, thread: Mutex::new(Some(thread)) }, found))
    }

    /// Records something that is on disk within a second, and does not wait.
    ///
    /// # Errors
    /// It was not accepted: whatever it records must be refused.
    pub fn note(&self, record: Record) -> Result<(), Unavailable> {
        self.queue.note(record)
    }

    /// Records and returns once all of it is on disk; one sync serves all who wait.
    ///
    /// # Errors
    /// None of it is in the log, nor will be.
    pub fn write(&self, records: Vec<Record>) -> Result<Mark, Unavailable> {
        let answered = self.queue.write(records)?;
        desk::wait(|| answered.recv()).unwrap_or(Err(Unavailable::Closed))
    }

    /// Says that the changes recorded at `mark` did not happen, and returns when that is on disk, or will be written
    /// first of all once the log can be written again.
    pub fn retract(&self, mark: &Mark) {
        let mut record = Record::event("not-committed");
        record.number("first", mark.first);
        record.number("last", mark.seq);
        if desk::wait(|| self.queue.urgent(record).recv()).is_ok_and(|done| done.is_ok()) {
            return;
        }
        tracing::warn!(
            first = mark.first,
            last = mark.seq,
            "these changes were not committed: the audit log says so later"
        );
    }

    /// Counts a failed authentication from a network; `method` and `reason` are words, not what the caller sent.
    pub fn failed_authentication(&self, network: IpAddr, method: &'static str, reason: &'static str) {
        self.queue.failed_authentication(Failure { network, method, reason });
    }

    /// Whether records are accepted.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), Unavailable> {
        self.queue.check()
    }

    /// The same for an operation that would begin now: one that may not is counted, as what the log has to tell of.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self) -> Result<(), Unavailable> {
        self.queue.admit()
    }

    /// Goes on in the file that the path names now, if another program has moved the old one. Does not wait.
    pub fn reopen(&self) {
        self.queue.reopen();
    }

    /// The files of the log that are still where the server put them.
    ///
    /// # Errors
    /// Their folder cannot be read.
    pub fn files(&self) -> Result<Vec<PathBuf>, Unreadable> {
        files(&self.path)
    }

    /// What metrics show.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.queue.statistics()
    }

    /// Writes what is waiting, says that the process stopped, and signs. Later records are refused.
    pub fn close(&self) {
        self.queue.close();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

/// Whether a database that is new can begin its log: the file can be written, and is not another database's. Leaves an empty
/// file where there was none.
///
/// # Errors
/// As [`Audit::open`] would answer.
pub fn inspect(settings: &AuditSettings) -> Result<(), OpenError> {
    let path = settings.file.as_path();
    let log = Log::open(path)?;
    let found = found::read(&log, None).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
    // The database's own key is not even made.
    let loss = found.loss.or(found.signed_by.map(|_| Loss::Foreign)).filter(|_| !settings.accept_loss);
    loss.map_or(Ok(()), |loss| Err(OpenError::Loss { path: path.to_owned(), loss }))
}

/// The file of a log, and those that the server rotated and left beside it.
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

/// What a process says first.
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
