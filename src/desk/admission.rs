//! The front desk: the requests that it admits, and each caller's share of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::full::Full;
use super::memory::{Memory, Room};
use super::places::{FairPermit, FairSemaphore};
use super::refusals::{Refusals, Refused};
use super::ticket::{Name, Ticket};
use super::who::Who;
use crate::metrics::{Kind, Metrics};

/// The largest number of requests of authenticated callers in progress. A request is in progress from the end of its
/// headers to its answer.
const KNOWN: usize = 1024;

/// The same bound for callers who are not authenticated yet. Claimants present a credential or need none; their body is
/// not read before they are authenticated. Strangers log in by the body of their request.
const CLAIMING: usize = 256;
const STRANGE: usize = 256;

/// The largest number of requests of authenticated callers that work at one time, each on a thread.
const WORKING: usize = 24;

/// The same bound for claimants and for strangers. They may wait for an issuer's keys.
const CLAIMING_WORKING: usize = 64;
const STRANGERS_WORKING: usize = 64;

/// The largest number of requests whose bodies are discarded, for authenticated callers, for claimants and for
/// strangers each.
const DISCARDING: usize = 128;

/// The longest time that the body of a stranger's request may take.
const STRANGERS_BODY: Duration = Duration::from_secs(10);

/// The bytes of a body that may arrive before it is read: for authenticated callers, and for others. They are the sizes
/// of the HTTP/2 stream windows.
pub const UNREAD: (u32, u32) = (256 << 10, 16 << 10);

/// The longest time that a request waits for its turn, or for memory.
const PATIENCE: Duration = Duration::from_secs(5);

/// The front desk.
pub struct Desk {
    known: CallerClassLimits,
    claimants: CallerClassLimits,
    strangers: CallerClassLimits,
    memory: Arc<Memory>,
    /// The longest time from the end of a request's headers to its answer.
    allowed: Duration,
    refusals: Refusals,
}

/// The places of one group of callers: authenticated callers, claimants or strangers.
struct CallerClassLimits {
    under_way: Arc<FairSemaphore>,
    working: Arc<FairSemaphore>,
    discarding: Arc<FairSemaphore>,
}

/// An admitted request. Dropping it gives its place back.
pub struct Admission {
    who: Who,
    working: Arc<FairSemaphore>,
    memory: Arc<Memory>,
    _place: FairPermit,
}

/// The place of a request that is answered, but whose body is still arriving. Dropping it gives the place back.
pub struct Discarding {
    _place: FairPermit,
    _room: Room,
}

/// A request that may work now. Its place is taken until this is dropped, even if the client is gone.
pub struct Turn {
    _place: FairPermit,
}

impl Desk {
    /// Creates a desk. `allowed` is the longest time of a request, `memory` the bytes that all bodies and answers
    /// together may take.
    #[must_use]
    pub fn new(allowed: Duration, memory: usize, metrics: &Arc<Metrics>) -> Arc<Self> {
        let desk = Arc::new(Self {
            known: CallerClassLimits::new(KNOWN, WORKING),
            claimants: CallerClassLimits::new(CLAIMING, CLAIMING_WORKING),
            strangers: CallerClassLimits::new(STRANGE, STRANGERS_WORKING),
            memory: Memory::new(memory),
            allowed,
            refusals: Refusals::new(metrics),
        });
        desk.watch(metrics);
        desk
    }

    fn watch(self: &Arc<Self>, metrics: &Metrics) {
        let (name, about) = ("claviger_requests_under_way", "Requests between their headers and their answer.");
        metrics.watch(Kind::Gauge, name, about, self, |desk| desk.taken(|hall| &hall.under_way));
        let (name, about) = ("claviger_requests_working", "Requests that work, each on a thread.");
        metrics.watch(Kind::Gauge, name, about, self, |desk| desk.taken(|hall| &hall.working));
        let (name, about) = ("claviger_request_memory_bytes", "Memory of bodies and answers, until these are sent.");
        metrics.watch(Kind::Gauge, name, about, self, |desk| desk.memory.held());
    }

    /// The number of places of one kind that are taken in all groups.
    fn taken(&self, places: impl Fn(&CallerClassLimits) -> &Arc<FairSemaphore>) -> usize {
        [&self.known, &self.claimants, &self.strangers].map(|hall| places(hall).taken()).into_iter().sum()
    }

    /// Creates the ticket of a request whose headers have just arrived.
    #[must_use]
    pub fn ticket(&self, name: Name) -> Arc<Ticket> {
        Arc::new(Ticket::new(Some(name), self.allowed))
    }

    /// The longest time of a request.
    #[must_use]
    pub fn allowed(&self) -> Duration {
        self.allowed
    }

    /// Admits a request if there is a place for it. Its body has not been read yet.
    ///
    /// # Errors
    /// No place is free for this caller.
    pub fn admit(&self, who: &Who) -> Result<Admission, Full> {
        let hall = self.hall(who);
        let place = hall.under_way.try_enter(who)?;
        Ok(Admission {
            who: who.clone(),
            working: Arc::clone(&hall.working),
            memory: Arc::clone(&self.memory),
            _place: place,
        })
    }

    /// Takes a place for a request that is answered, but whose body is still arriving. Returns `None` if no place is
    /// free. These places are separate from those of requests in progress. With `is_stream`, the body is one of several
    /// on its connection (HTTP/2), and there must also be memory for the part that may arrive unread.
    #[must_use]
    pub fn discard(&self, who: &Who, is_stream: bool) -> Option<Discarding> {
        let place = self.hall(who).discarding.try_enter(who).ok()?;
        let mut room = Room::new(&self.memory, who);
        if is_stream {
            room.hold(unread(who)).ok()?;
        }
        Some(Discarding { _place: place, _room: room })
    }

    fn hall(&self, who: &Who) -> &CallerClassLimits {
        match who {
            Who::Caller(_) | Who::Network(_) => &self.known,
            Who::Claimant(_) => &self.claimants,
            Who::Stranger(_) => &self.strangers,
        }
    }

    /// Counts a refusal, and writes it to the server's log unless one of the same kind was written recently.
    pub fn refused(&self, refused: Refused, who: &Who) {
        self.refusals.count(refused, who);
    }
}

impl CallerClassLimits {
    fn new(under_way: usize, working: usize) -> Self {
        Self {
            under_way: FairSemaphore::new(under_way),
            working: FairSemaphore::new(working),
            discarding: FairSemaphore::new(DISCARDING),
        }
    }
}

impl Admission {
    /// The caller whose share the request uses.
    #[must_use]
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// Returns a reservation of memory, of 0 bytes at first.
    #[must_use]
    pub fn room(&self) -> Room {
        Room::new(&self.memory, &self.who)
    }

    /// The time until which the body must have arrived.
    #[must_use]
    pub fn body_deadline(&self, ticket: &Ticket) -> Instant {
        match self.who {
            Who::Stranger(_) => ticket.deadline().min(ticket.began() + STRANGERS_BODY),
            _ => ticket.deadline(),
        }
    }

    /// The bytes of this request's body that may arrive before it is read.
    #[must_use]
    pub fn unread(&self) -> usize {
        unread(&self.who)
    }

    /// The time until which a request waits if it must wait now.
    #[must_use]
    pub fn patience(ticket: &Ticket) -> Instant {
        ticket.deadline().min(Instant::now() + PATIENCE)
    }

    /// Waits until this request may work.
    ///
    /// # Errors
    /// No place became free in time.
    pub async fn turn(&self, ticket: &Ticket) -> Result<Turn, Full> {
        let place = self.working.enter(&self.who, Self::patience(ticket)).await?;
        Ok(Turn { _place: place })
    }
}

/// The bytes of a caller's body that may arrive before it is read.
fn unread(who: &Who) -> usize {
    let (known, stranger) = UNREAD;
    let most = match who {
        Who::Caller(_) | Who::Network(_) => known,
        // The connections of these callers have the smaller windows.
        Who::Claimant(_) | Who::Stranger(_) => stranger,
    };
    usize::try_from(most).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::principal::Username;

    #[test]
    fn bodies_that_are_thrown_away_take_places_of_their_own_and_room() {
        let metrics = Metrics::new().unwrap();
        let desk = Desk::new(Duration::from_secs(1), 512 << 20, &metrics);
        let known = Who::Caller(Username::new("alice").unwrap());
        let claimant = |number: u8| Who::Claimant(IpAddr::from([10, 0, 0, number]));
        let take = |who: &Who| std::iter::from_fn(|| desk.discard(who, true)).collect::<Vec<_>>();
        let held: Vec<_> = [known.clone(), claimant(1), claimant(2)].iter().map(take).collect();
        assert_eq!(held.iter().map(Vec::len).collect::<Vec<_>>(), [64, 64, 32]);
        assert_eq!(desk.memory.held(), 64 * (256 << 10) + 96 * (16 << 10));
        assert!(desk.admit(&known).is_ok() && desk.admit(&claimant(1)).is_ok());
        drop(held);
        assert_eq!(desk.memory.held(), 0);
        // A place needs memory too.
        let desk = Desk::new(Duration::from_secs(1), 1 << 20, &metrics);
        assert!(desk.discard(&known, true).is_none());
    }
}
