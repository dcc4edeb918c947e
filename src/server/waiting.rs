//! Connections that have not yet proved to be any good, in bounded numbers.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::auth::network;

/// A bounded set of connections. When it is full the one that has waited longest makes room, so that a
/// newcomer never waits for those who do nothing.
pub(super) struct Waiting {
    per_address: usize,
    total: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    /// In the order of arrival.
    places: BTreeMap<u64, (IpAddr, oneshot::Sender<()>)>,
    by_address: HashMap<IpAddr, Vec<u64>>,
}

/// A place in the set; leaving it is dropping this.
pub(super) struct Place {
    waiting: Arc<Waiting>,
    number: u64,
    evicted: oneshot::Receiver<()>,
}

impl Waiting {
    pub(super) fn new(per_address: usize, total: usize) -> Arc<Self> {
        Arc::new(Self { per_address, total, inner: Mutex::default() })
    }

    /// Takes a place, from the oldest of the same address or of all if a bound is reached.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Place {
        let address = network(address);
        let (evict, evicted) = oneshot::channel();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let same = inner.by_address.get(&address);
        if let Some(oldest) = same.filter(|same| same.len() >= self.per_address).and_then(|same| same.first().copied())
        {
            inner.remove(oldest);
        } else if inner.places.len() >= self.total
            && let Some(oldest) = inner.places.keys().next().copied()
        {
            inner.remove(oldest);
        }
        let number = inner.next;
        inner.next += 1;
        inner.places.insert(number, (address, evict));
        inner.by_address.entry(address).or_default().push(number);
        Place { waiting: Arc::clone(self), number, evicted }
    }
}

impl Inner {
    /// Drops the sender, which is what the place's owner hears.
    fn remove(&mut self, number: u64) {
        let Some((address, _)) = self.places.remove(&number) else { return };
        if let Some(same) = self.by_address.get_mut(&address) {
            same.retain(|other| *other != number);
            if same.is_empty() {
                self.by_address.remove(&address);
            }
        }
    }
}

impl Place {
    /// Resolves when a newcomer took this place.
    pub(super) async fn evicted(&mut self) {
        let _ = (&mut self.evicted).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.inner.lock().unwrap_or_else(PoisonError::into_inner).remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_evicted(place: &mut Place) -> bool {
        place.evicted.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn the_oldest_of_the_address_makes_room_then_the_oldest_of_all() {
        let waiting = Waiting::new(2, 3);
        let [a, b] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse::<IpAddr>().unwrap());
        let (mut first, mut second) = (waiting.enter(a), waiting.enter(a));
        let mut third = waiting.enter(a);
        assert!(is_evicted(&mut first));
        assert!(!is_evicted(&mut second) && !is_evicted(&mut third));
        let mut fourth = waiting.enter(b);
        assert!(!is_evicted(&mut second));
        let mut fifth = waiting.enter(b);
        assert!(is_evicted(&mut second));
        assert!(!is_evicted(&mut third) && !is_evicted(&mut fourth) && !is_evicted(&mut fifth));
    }

    #[test]
    fn a_place_that_is_left_counts_no_more() {
        let waiting = Waiting::new(1, 1);
        let address = "::1".parse::<IpAddr>().unwrap();
        drop(waiting.enter(address));
        let mut place = waiting.enter(address);
        assert!(!is_evicted(&mut place));
        assert_eq!(waiting.inner.lock().unwrap().places.len(), 1);
    }
}
