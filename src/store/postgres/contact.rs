//! What the server knows of its database: when it was last heard, and whether it is still this server's.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::store::change::{Follower, Heard};
use crate::store::error::Error;

/// After this time without an answer, nothing is used that was read before.
const SILENT: Duration = Duration::from_secs(1);

/// After this time without an answer to the heartbeat, no other answer is waited for.
const HOPELESS: Duration = Duration::from_secs(5);

/// What a server knows of its PostgreSQL database, without asking it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseState {
    /// The host that is used, or was used last.
    pub host: String,
    /// Whether it has answered within a second, and the database is still this server's: no other server took its name, and
    /// no acknowledged commit is missing. That the host accepts writes is tested when a connection is opened.
    pub primary: bool,
    /// How old the state is that the last answer told.
    pub heard: Duration,
    /// The number of commits of all servers that this one knows of and has not followed yet.
    pub behind: u64,
}

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

thread_local! {
    /// Whether this is the thread of the heartbeat.
    static IS_HEART: Cell<bool> = const { Cell::new(false) };
}

/// Makes this the thread of the heartbeat, which reads what others changed although the database counts as silent until
/// then.
pub(super) fn be_heart() {
    IS_HEART.set(true);
}

fn is_heart() -> bool {
    IS_HEART.get()
}

pub(super) struct Contact {
    /// The name of this server among those that use the database.
    pub(super) server: String,
    /// Whose lease this server looks for: its own, which is new at each start.
    pub(super) holder: String,
    began: Instant,
    /// Milliseconds from `began` to the last heartbeat whose changes were followed.
    heard: AtomicU64,
    /// Milliseconds from `began` to the last answer to a heartbeat.
    answered: AtomicU64,
    /// The number of this server's last commit that was acknowledged.
    committed: AtomicI64,
    /// The number of the last commit of all servers whose changes were followed.
    followed: AtomicI64,
    /// The number of the last commit of all servers that was heard of.
    latest: AtomicI64,
    /// The host that is used, or was used last.
    host: Mutex<String>,
    /// What is done with the changes of other servers, once there is something that depends on them.
    follower: OnceLock<Follower>,
    /// How often the changes of other servers were followed.
    rounds: AtomicU64,
    /// Whether there is no connection for readers, and none could be opened.
    unreadable: AtomicBool,
    ended: OnceLock<Ended>,
}

impl Contact {
    /// `followed`: nothing of an earlier commit has been read yet.
    pub(super) fn new((server, holder): (String, String), committed: i64, followed: i64) -> Self {
        let [heard, answered, rounds] = [0; 3].map(AtomicU64::new);
        let (committed, latest, followed) = (committed.into(), followed.into(), followed.into());
        let (follower, ended, host) = (OnceLock::new(), OnceLock::new(), Mutex::default());
        let (began, unreadable) = (Instant::now(), AtomicBool::new(false));
        Self {
            server,
            holder,
            began,
            heard,
            answered,
            committed,
            followed,
            latest,
            host,
            follower,
            rounds,
            unreadable,
            ended,
        }
    }

    /// What is known of the database. It is not asked.
    pub(super) fn state(&self) -> DatabaseState {
        let heard = self.since(&self.heard);
        let behind = self.latest.load(Ordering::SeqCst) - self.followed();
        DatabaseState {
            host: self.host.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            primary: heard <= SILENT && self.check_own().is_ok(),
            heard,
            behind: u64::try_from(behind).unwrap_or_default(),
        }
    }

    /// Notes which host is used.
    pub(super) fn note_host(&self, host: String) {
        *self.host.lock().unwrap_or_else(PoisonError::into_inner) = host;
    }

    /// Notes the number of the last commit of all servers.
    pub(super) fn note_latest(&self, number: i64) {
        self.latest.store(number, Ordering::SeqCst);
    }

    pub(super) fn followed(&self) -> i64 {
        self.followed.load(Ordering::SeqCst)
    }

    /// Sets what is done with the changes of other servers. Only the first call has an effect.
    pub(super) fn follow(&self, follower: Follower) {
        let _ = self.follower.set(follower);
    }

    /// How often the changes of other servers were followed.
    pub(super) fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::SeqCst)
    }

    /// Lets the server do what is to be done with the changes up to the commit `number`. Before there is a follower, they
    /// are left for it.
    ///
    /// # Errors
    /// The server could not do it: it will be asked again.
    pub(super) fn hear_changes(&self, heard: &Heard, number: i64) -> Result<(), Error> {
        let Some(follower) = self.follower.get() else { return Ok(()) };
        if *heard != Heard::Changes(Vec::new()) {
            follower(heard).map_err(Error::Unfollowed)?;
        }
        self.followed.store(number, Ordering::SeqCst);
        self.rounds.fetch_add(1, Ordering::SeqCst);
        Ok(())
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

    /// Notes that the database answers.
    pub(super) fn note_answer(&self) {
        let at = self.began.elapsed().as_millis();
        self.answered.fetch_max(u64::try_from(at).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    fn since(&self, at: &AtomicU64) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(at.load(Ordering::SeqCst)))
    }

    /// Whether waiting for an answer has become useless.
    pub(super) fn is_hopeless(&self) -> bool {
        !is_heart() && self.since(&self.answered) > HOPELESS
    }

    /// Notes for good that the database may not be used by this server. Returns the error.
    pub(super) fn end(&self, why: Ended) -> Error {
        if self.ended.set(why).is_ok() {
            tracing::error!(error = %Error::from(why), "the server answers 503 from now on");
        }
        why.into()
    }

    /// Notes whether readers have a connection, or can open one. Returns whether this is new.
    pub(super) fn note_readable(&self, is_readable: bool) -> bool {
        self.unreadable.swap(!is_readable, Ordering::SeqCst) == is_readable
    }

    pub(super) fn is_unreadable(&self) -> bool {
        self.unreadable.load(Ordering::SeqCst)
    }

    /// Whether readers have a connection, or could open one the last time.
    pub(super) fn check_readable(&self) -> Result<(), Error> {
        if self.is_unreadable() { Err(Error::NoReader) } else { Ok(()) }
    }

    /// Whether the database is still this server's.
    pub(super) fn check_own(&self) -> Result<(), Error> {
        self.ended.get().map_or(Ok(()), |why| Err((*why).into()))
    }

    /// Whether what was read before may be used. Before there is a follower, nothing was read that would be used later.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.check_own()?;
        let is_silent = self.follower.get().is_some() && self.since(&self.heard) > SILENT;
        if is_silent && !is_heart() { Err(Error::Unanswered) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_what_was_heard() {
        let contact = Contact::new(("one".to_owned(), "start".to_owned()), 3, 5);
        contact.note_host("db1:5432".to_owned());
        contact.follow(Box::new(|heard| if *heard == Heard::Everything { Err("fails".to_owned()) } else { Ok(()) }));
        contact.note_latest(7);
        assert!(contact.hear_changes(&Heard::Everything, 7).is_err());
        let state = contact.state();
        assert_eq!((state.host.as_str(), state.primary, state.behind), ("db1:5432", true, 2));
        contact.hear_changes(&Heard::Changes(Vec::new()), 7).unwrap();
        contact.hear(Instant::now());
        let state = contact.state();
        assert!(state.behind == 0 && state.heard < SILENT, "{state:?}");
        contact.end(Ended::TakenOver);
        assert!(!contact.state().primary);
    }

    #[test]
    fn only_a_change_of_what_can_be_read_is_new() {
        let contact = Contact::new(("one".to_owned(), "start".to_owned()), 3, 5);
        assert!(!contact.note_readable(true) && contact.check_readable().is_ok());
        assert!(contact.note_readable(false) && !contact.note_readable(false));
        assert!(matches!(contact.check_readable(), Err(Error::NoReader)));
        assert!(contact.note_readable(true) && contact.check_readable().is_ok());
    }
}
