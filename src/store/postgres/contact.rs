//! What the server knows of its database: when it was last heard, and whether it is still this server's.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::store::error::Error;

/// After this time without an answer, nothing is used that was read before.
const SILENT: Duration = Duration::from_secs(1);

/// After this time without an answer to the heartbeat, no other answer is waited for.
const HOPELESS: Duration = Duration::from_secs(5);

/// The reason why this server may not use the database any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Another server holds the lease.
    TakenOver,
    /// Commits that were acknowledged are missing.
    CommitsLost,
}

impl From<Ended> for Error {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::TakenOver => Self::TakenOver,
            Ended::CommitsLost => Self::CommitsLost,
        }
    }
}

pub(super) struct Contact {
    /// Whose lease this server looks for: its own, which is new at each start.
    pub(super) holder: String,
    began: Instant,
    /// Milliseconds from `began` to the last heartbeat.
    heard: AtomicU64,
    /// The number of the last commit that was acknowledged.
    committed: AtomicI64,
    ended: OnceLock<Ended>,
}

impl Contact {
    pub(super) fn new(holder: String, committed: i64) -> Self {
        let (heard, committed) = (AtomicU64::new(0), AtomicI64::new(committed));
        Self { holder, began: Instant::now(), heard, committed, ended: OnceLock::new() }
    }

    pub(super) fn committed(&self) -> i64 {
        self.committed.load(Ordering::SeqCst)
    }

    pub(super) fn note_commit(&self, number: i64) {
        self.committed.store(number, Ordering::SeqCst);
    }

    /// Notes that the database had the state of `asked` or a later one.
    pub(super) fn hear(&self, asked: Instant) {
        let at = asked.saturating_duration_since(self.began).as_millis();
        self.heard.fetch_max(u64::try_from(at).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    fn silence(&self) -> Duration {
        let heard = Duration::from_millis(self.heard.load(Ordering::SeqCst));
        self.began.elapsed().saturating_sub(heard)
    }

    /// Whether waiting for an answer has become useless.
    pub(super) fn is_hopeless(&self) -> bool {
        self.silence() > HOPELESS
    }

    /// Notes for good that the database may not be used by this server. Returns the error.
    pub(super) fn end(&self, why: Ended) -> Error {
        if self.ended.set(why).is_ok() {
            tracing::error!(error = %Error::from(why), "the server answers 503 from now on");
        }
        why.into()
    }

    /// Whether the database is still this server's.
    pub(super) fn check_own(&self) -> Result<(), Error> {
        self.ended.get().map_or(Ok(()), |why| Err((*why).into()))
    }

    /// Whether what was read before may be used.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.check_own()?;
        if self.silence() > SILENT { Err(Error::Unanswered) } else { Ok(()) }
    }
}
