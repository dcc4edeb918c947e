//! The limits of a request, for the code that does its work.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::clock::{Clock, milliseconds};
use super::full::Full;
use super::memory::Room;
use super::who::Who;

/// The name of a request in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The request's id.
    pub id: String,
    /// The address of the client.
    pub peer: SocketAddr,
}

/// The deadline and limits of one request. The code that works on the request checks between two steps whether the
/// client still waits for the answer.
#[derive(Debug)]
pub struct Ticket {
    began: Instant,
    /// `None` for the server's own work.
    name: Option<Name>,
    clock: Clock,
    /// The longest time of the request, in milliseconds from `began`.
    deadline: AtomicU64,
    abandoned: AtomicBool,
    working: AtomicBool,
    /// The caller whose share the request uses; `None` before the request is admitted.
    who: Mutex<Option<Who>>,
    /// The memory that the work holds in addition to the body; `None` if it is not counted.
    room: Mutex<Option<Room>>,
}

impl Ticket {
    /// Creates the ticket of a request that begins now.
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

    /// Creates a ticket for the server's own work, without a deadline and without a bound in memory.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::new(None, Duration::from_secs(10 << 30))
    }

    /// The request's name.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        self.name.as_ref()
    }

    /// Sets the caller whose share the request uses.
    pub fn bear(&self, who: Who) {
        *self.who.lock().unwrap_or_else(PoisonError::into_inner) = Some(who);
    }

    /// The caller whose share the request uses; `None` before the request is admitted.
    #[must_use]
    pub fn who(&self) -> Option<Who> {
        self.who.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The longest time of the request, from its beginning.
    #[must_use]
    pub fn allowed(&self) -> Duration {
        Duration::from_millis(self.deadline.load(Ordering::Relaxed))
    }

    /// The time when the request began.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.began
    }

    /// The deadline of the request.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.began + self.allowed()
    }

    /// The clock for the request's calls of the HSM.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Extends the deadline to at least this long after the beginning of the request.
    pub fn allow(&self, duration: Duration) {
        self.deadline.fetch_max(milliseconds(duration), Ordering::Relaxed);
    }

    /// Records that no client waits for the answer any longer.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Whether no client waits for the answer any longer.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Whether the work is useless, because the client is gone or the deadline has passed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_abandoned() || Instant::now() >= self.deadline()
    }

    /// Records that the work begins. The memory that it needs is counted in `room`.
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

    /// Reserves this many more bytes until the work is done.
    ///
    /// # Errors
    /// The memory is not free for this caller.
    pub fn hold(&self, bytes: usize) -> Result<(), Full> {
        match &mut *self.room.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(room) => room.hold(room.held().saturating_add(bytes)),
            None => Ok(()),
        }
    }

    /// Returns the reserved memory when the work is done.
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
