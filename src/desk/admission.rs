//! The desk itself: what it admits, and the shares that it gives.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::full::Full;
use super::lookout::Lookout;
use super::memory::{Memory, Room};
use super::places::{Place, Places};
use super::refusals::{Refusals, Refused};
use super::ticket::{Name, Ticket};
use super::who::Who;
use crate::metrics::{Kind, Metrics};

/// Requests of known callers under way: from the end of their headers to their answer.
const KNOWN: usize = 1024;

/// The same of callers who are not authenticated yet: of those who present a credential or need none, whose body is not read
/// before it is known who they are; and of strangers, who log in by their body.
const CLAIMING: usize = 256;
const STRANGE: usize = 256;

/// Requests of known callers that work at one time, each on a thread.
const WORKING: usize = 24;

/// The same of the others: they may wait for an issuer's keys.
const CLAIMING_WORKING: usize = 64;
const STRANGERS_WORKING: usize = 64;

/// Requests whose bodies are thrown away, of known callers, of claimants and of strangers each.
const DISCARDING: usize = 128;

/// How long the body of a stranger's request may take.
const STRANGERS_BODY: Duration = Duration::from_secs(10);

/// What may arrive of a body before it is read, in bytes; of one whose caller is not authenticated, the second. HTTP/2 windows of a stream are so large.
pub const UNREAD: (u32, u32) = (256 << 10, 16 << 10);

/// How long a request waits for its turn, or for room in memory.
const PATIENCE: Duration = Duration::from_secs(5);

/// The front desk.
pub struct Desk {
    known: Hall,
    claimants: Hall,
    strangers: Hall,
    memory: Arc<Memory>,
    /// From the end of a request's headers to its answer.
    allowed: Duration,
    refusals: Refusals,
    lookout: Arc<Lookout>,
}

/// The places of known callers, or of strangers.
struct Hall {
    under_way: Arc<Places>,
    working: Arc<Places>,
    discarding: Arc<Places>,
}

/// A request that was admitted, until it is dropped.
pub struct Admission {
    who: Who,
    working: Arc<Places>,
    memory: Arc<Memory>,
    lookout: Arc<Lookout>,
    _place: Place,
}

/// The place of a request that is decided and whose body still arrives, until it is dropped.
pub struct Discarding {
    _place: Place,
    _room: Room,
}

/// A request whose turn it is. Its place is taken until this is dropped, though nobody may wait for the answer any longer.
pub struct Turn {
    pub(super) lookout: Arc<Lookout>,
    _place: Place,
}

impl Desk {
    /// `allowed` is the time that a request may take, `memory` the bytes that bodies and answers may take in all.
    #[must_use]
    pub fn new(allowed: Duration, memory: usize, metrics: &Arc<Metrics>) -> Arc<Self> {
        let desk = Arc::new(Self {
            known: Hall::new(KNOWN, WORKING),
            claimants: Hall::new(CLAIMING, CLAIMING_WORKING),
            strangers: Hall::new(STRANGE, STRANGERS_WORKING),
            memory: Memory::new(memory),
            allowed,
            refusals: Refusals::new(metrics),
            lookout: Lookout::new(),
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

    /// Places of one kind that are taken in all halls.
    fn taken(&self, places: impl Fn(&Hall) -> &Arc<Places>) -> usize {
        [&self.known, &self.claimants, &self.strangers].map(|hall| places(hall).taken()).into_iter().sum()
    }

    /// The ticket of a request whose headers have just come.
    #[must_use]
    pub fn ticket(&self, name: Name) -> Arc<Ticket> {
        Arc::new(Ticket::new(Some(name), self.allowed))
    }

    /// The time that a request may take.
    #[must_use]
    pub fn allowed(&self) -> Duration {
        self.allowed
    }

    /// Admits a request, or not; nothing of its body has been read.
    ///
    /// # Errors
    /// There is no place for it.
    pub fn admit(&self, who: &Who) -> Result<Admission, Full> {
        let hall = self.hall(who);
        let place = hall.under_way.try_enter(who)?;
        Ok(Admission {
            who: who.clone(),
            working: Arc::clone(&hall.working),
            memory: Arc::clone(&self.memory),
            lookout: Arc::clone(&self.lookout),
            _place: place,
        })
    }

    /// A place for a request that is decided and whose body still arrives; `None` if no place is free. These places are not those of
    /// requests under way. With `is_stream`, the body is one of several of its connection (HTTP/2), and there must be room for what of it may
    /// arrive unread.
    #[must_use]
    pub fn discard(&self, who: &Who, is_stream: bool) -> Option<Discarding> {
        let place = self.hall(who).discarding.try_enter(who).ok()?;
        let mut room = Room::new(&self.memory, who);
        if is_stream {
            room.hold(unread(who)).ok()?;
        }
        Some(Discarding { _place: place, _room: room })
    }

    fn hall(&self, who: &Who) -> &Hall {
        match who {
            Who::Caller(_) | Who::Network(_) => &self.known,
            Who::Claimant(_) => &self.claimants,
            Who::Stranger(_) => &self.strangers,
        }
    }

    /// Counts a refusal, and writes it to the log unless there were others a moment ago.
    pub fn refused(&self, refused: Refused, who: &Who) {
        self.refusals.count(refused, who);
    }
}

impl Hall {
    fn new(under_way: usize, working: usize) -> Self {
        Self { under_way: Places::new(under_way), working: Places::new(working), discarding: Places::new(DISCARDING) }
    }
}

impl Admission {
    /// Who bears the cost.
    #[must_use]
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// Room in memory, of nothing at first.
    #[must_use]
    pub fn room(&self) -> Room {
        Room::new(&self.memory, &self.who)
    }

    /// Until when the body has to be there.
    #[must_use]
    pub fn body_deadline(&self, ticket: &Ticket) -> Instant {
        match self.who {
            Who::Stranger(_) => ticket.deadline().min(ticket.began() + STRANGERS_BODY),
            _ => ticket.deadline(),
        }
    }

    /// What may arrive of this request's body before it is read, in bytes.
    #[must_use]
    pub fn unread(&self) -> usize {
        unread(&self.who)
    }

    /// Until when a request waits that has to wait now.
    #[must_use]
    pub fn patience(ticket: &Ticket) -> Instant {
        ticket.deadline().min(Instant::now() + PATIENCE)
    }

    /// Waits until it is this request's turn to work.
    ///
    /// # Errors
    /// Others were before it for too long.
    pub async fn turn(&self, ticket: &Ticket) -> Result<Turn, Full> {
        let place = self.working.enter(&self.who, Self::patience(ticket)).await?;
        Ok(Turn { lookout: Arc::clone(&self.lookout), _place: place })
    }
}

/// What may arrive of a caller's body before it is read, in bytes.
fn unread(who: &Who) -> usize {
    let (known, stranger) = UNREAD;
    let most = match who {
        Who::Caller(_) | Who::Network(_) => known,
        // Their connections have the smaller windows.
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
        // Where there is no room, there is no place either.
        let desk = Desk::new(Duration::from_secs(1), 1 << 20, &metrics);
        assert!(desk.discard(&known, true).is_none());
    }
}
