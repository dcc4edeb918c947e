//! Bounded sets of connections.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::auth::network;
use crate::desk::Who;

/// A bounded set of connections. If a holder has reached its limit, its oldest connection is evicted for the new one.
/// If the set is full, the oldest connection of the holder with the most connections is evicted. So a new connection
/// never waits for idle ones, and a holder of many connections loses its own.
pub(super) struct Waiting {
    each: usize,
    total: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    places: BTreeMap<u64, (Who, oneshot::Sender<()>)>,
    /// The numbers of each holder's places, in the order of arrival.
    holders: HashMap<Who, VecDeque<u64>>,
}

/// A place in the set. Dropping it frees the place.
pub(super) struct ConnectionSlot {
    waiting: Arc<Waiting>,
    number: u64,
    evicted: oneshot::Receiver<()>,
}

/// The holder of a connection whose caller is not authenticated: its network.
pub(super) fn stranger(address: SocketAddr) -> Who {
    Who::Stranger(network(address.ip()))
}

impl Waiting {
    /// Creates a set of at most `each` connections of one holder, and `total` in all.
    pub(super) fn new(each: usize, total: usize) -> Arc<Self> {
        Arc::new(Self { each, total, inner: Mutex::default() })
    }

    /// Takes a place, from another connection if a limit is reached.
    pub(super) fn enter(self: &Arc<Self>, who: Who) -> ConnectionSlot {
        let (evict, evicted) = oneshot::channel();
        let mut inner = self.lock();
        let own = inner.holders.get(&who);
        let leaving = match own {
            Some(own) if own.len() >= self.each => own.front().copied(),
            _ if inner.places.len() >= self.total => inner.oldest_of_the_greediest(),
            _ => None,
        };
        if let Some(leaving) = leaving {
            inner.remove(leaving);
        }
        let number = inner.next;
        inner.next += 1;
        inner.holders.entry(who.clone()).or_default().push_back(number);
        inner.places.insert(number, (who, evict));
        ConnectionSlot { waiting: Arc::clone(self), number, evicted }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn oldest_of_the_greediest(&self) -> Option<u64> {
        let most = self.holders.values().map(VecDeque::len).max()?;
        self.holders.values().filter(|own| own.len() == most).filter_map(|own| own.front().copied()).min()
    }

    /// Removes a place. Dropping its sender notifies the owner of the place.
    fn remove(&mut self, number: u64) {
        let Some((who, _)) = self.places.remove(&number) else { return };
        if let Some(own) = self.holders.get_mut(&who) {
            own.retain(|other| *other != number);
            if own.is_empty() {
                self.holders.remove(&who);
            }
        }
    }
}

impl ConnectionSlot {
    /// Waits until another connection has taken this place.
    pub(super) async fn evicted(&mut self) {
        let _ = (&mut self.evicted).await;
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.waiting.lock().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn is_evicted(place: &mut ConnectionSlot) -> bool {
        place.evicted.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    fn who(text: &str) -> Who {
        Who::Stranger(text.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn the_oldest_of_the_same_makes_room_then_the_oldest_of_whoever_has_the_most() {
        let waiting = Waiting::new(3, 5);
        let [a, b, c] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(who);
        let mut of_c = waiting.enter(c);
        let mut of_a: Vec<ConnectionSlot> = (0..4).map(|_| waiting.enter(a.clone())).collect();
        let evicted = |places: &mut [ConnectionSlot]| places.iter_mut().map(is_evicted).collect::<Vec<_>>();
        assert_eq!(evicted(&mut of_a), [true, false, false, false]);
        let mut of_b: Vec<ConnectionSlot> = (0..2).map(|_| waiting.enter(b.clone())).collect();
        // The set of five is full: the second place of b is taken from a, which has three.
        assert_eq!(evicted(&mut of_a[1..]), [true, false, false]);
        assert_eq!(evicted(&mut of_b), [false, false]);
        assert!(!is_evicted(&mut of_c));
    }

    #[test]
    fn a_place_that_is_left_counts_no_more() {
        let waiting = Waiting::new(1, 1);
        drop(waiting.enter(who("::1")));
        let mut place = waiting.enter(who("::1"));
        assert!(!is_evicted(&mut place));
        assert_eq!(waiting.lock().places.len(), 1);
    }
}
