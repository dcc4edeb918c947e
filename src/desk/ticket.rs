//! What a request may still cost, for those who do its work.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::clock::{Clock, milliseconds};
use super::full::Full;
use super::memory::Room;
use super::who::Who;

/// What tells a request from all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Its identifier.
    pub id: String,
    /// Where its connection comes from.
    pub peer: SocketAddr,
}

/// Goes with a request. Whoever works for it looks here between two steps whether anybody still waits for the answer.
#[derive(Debug)]
pub struct Ticket {
    began: Instant,
    /// `None` for work of the server's own.
    name: Option<Name>,
    clock: Clock,
    /// In milliseconds from `began`.
    deadline: AtomicU64,
    abandoned: AtomicBool,
    working: AtomicBool,
    /// Who bears the cost, once that is known.
    who: Mutex<Option<Who>>,
    /// What the work holds in memory beside the body; `None` if nobody counts.
    room: Mutex<Option<Room>>,
}

impl Ticket {
    /// For a request that begins now.
    pub(super) fn new(name: Option<Name>, allowed: Duration) -> Self {
        Self {
            began: Instant::now(),
            name,
            clock: Clock::new(),
            deadline: AtomicU64::new(milliseconds(allowed)),
            abandoned: AtomicBool::new(false),
            working: AtomicBool::new(false),
            who: Mutex::new(None),
            room: Mutex::new(None),
        }
    }

    /// For work of the server's own, which has no end in time and no bound in memory.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::new(None, Duration::from_secs(10 << 30))
    }

    /// The request's name.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        self.name.as_ref()
    }

    /// Names who bears the cost of the request.
    pub fn bear(&self, who: Who) {
        *self.who.lock().unwrap_or_else(PoisonError::into_inner) = Some(who);
    }

    /// Who bears the cost of the request; `None` before it was admitted.
    #[must_use]
    pub fn who(&self) -> Option<Who> {
        self.who.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The time that the request may take, from its beginning.
    #[must_use]
    pub fn allowed(&self) -> Duration {
        Duration::from_millis(self.deadline.load(Ordering::Relaxed))
    }

    /// When the request began.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.began
    }

    /// When the request ends.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.began + self.allowed()
    }

    /// Knows of the call of the HSM that the request makes.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Allows at least so long from the beginning of the request.
    pub fn allow(&self, duration: Duration) {
        self.deadline.fetch_max(milliseconds(duration), Ordering::Relaxed);
    }

    /// Nobody waits for the answer any longer.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Whether the work is for nothing: the client has gone, or the deadline has passed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed) || Instant::now() >= self.deadline()
    }

    /// The work begins, and what it needs is counted in `room`.
    pub fn work_in(&self, room: Room) {
        self.begin_work();
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = Some(room);
    }

    pub(super) fn begin_work(&self) {
        self.working.store(true, Ordering::Relaxed);
    }

    /// Whether the work has begun.
    #[must_use]
    pub fn is_working(&self) -> bool {
        self.working.load(Ordering::Relaxed)
    }

    /// The work needs so many bytes more, until it is done.
    ///
    /// # Errors
    /// The caller may not hold as much.
    pub fn hold(&self, bytes: usize) -> Result<(), Full> {
        match &mut *self.room.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(room) => room.hold(room.held().saturating_add(bytes)),
            None => Ok(()),
        }
    }

    /// The work is done.
    pub fn release(&self) -> Option<Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_over_at_its_deadline_or_when_its_client_goes() {
        let ticket = Ticket::new(None, Duration::ZERO);
        assert!(ticket.is_over());
        ticket.allow(Duration::from_secs(60));
        ticket.allow(Duration::from_secs(1));
        assert!(!ticket.is_over() && ticket.deadline() > Instant::now() + Duration::from_secs(30));
        ticket.abandon();
        assert!(ticket.is_over());
        assert!(!Ticket::unlimited().is_over());
    }
}
