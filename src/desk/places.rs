//! A bounded number of places with fair shares.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::full::Full;
use super::who::Who;

/// Places that callers take and give back. A caller gets a place if they hold fewer places than are free. So one caller
/// gets at most half of all places, and `n` callers who take all that they get leave one in `n + 1` free for the next.
/// A place that is given back goes to the waiting caller who holds the fewest, and among these to the one who has
/// waited longest.
pub(super) struct FairSemaphore {
    total: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    taken: usize,
    next: u64,
    callers: HashMap<Who, Holder>,
    /// The waiting callers, by the number of places that they hold and the number of their first waiting request.
    waiting: BTreeMap<(usize, u64), Who>,
}

#[derive(Default)]
struct Holder {
    held: usize,
    queue: VecDeque<(u64, oneshot::Sender<FairPermit>)>,
}

/// A place that is taken. Dropping it gives it back.
pub(super) struct FairPermit {
    places: Arc<FairSemaphore>,
    who: Who,
}

/// A waiting request. Dropping it removes it from the queue.
struct Waiting<'a> {
    places: &'a FairSemaphore,
    who: &'a Who,
    number: u64,
}

impl FairSemaphore {
    /// Creates `total` free places.
    pub(super) fn new(total: usize) -> Arc<Self> {
        Arc::new(Self { total, inner: Mutex::default() })
    }

    /// The number of places that are taken.
    pub(super) fn taken(&self) -> usize {
        self.lock().taken
    }

    /// Takes a place without waiting.
    ///
    /// # Errors
    /// No place is free for this caller.
    pub(super) fn try_enter(self: &Arc<Self>, who: &Who) -> Result<FairPermit, Full> {
        let mut inner = self.lock();
        let held = inner.held(who);
        // Waiting callers are served first.
        let overtakes = inner.waiting.first_key_value().is_some_and(|((first, _), _)| *first <= held);
        if !overtakes && self.admits(held, inner.taken) {
            inner.take(who);
            return Ok(self.place(who));
        }
        Err(full(held))
    }

    /// Takes a place, and waits for it until `until`.
    ///
    /// # Errors
    /// No place became free for this caller in time.
    pub(super) async fn enter(self: &Arc<Self>, who: &Who, until: Instant) -> Result<FairPermit, Full> {
        if let Ok(place) = self.try_enter(who) {
            return Ok(place);
        }
        let (waiting, granted) = self.queue(who);
        match timeout_at(until, granted).await {
            Ok(Ok(place)) => Ok(place),
            _ => {
                drop(waiting);
                let held = self.lock().held(who);
                Err(full(held))
            }
        }
    }

    fn queue<'a>(&'a self, who: &'a Who) -> (Waiting<'a>, oneshot::Receiver<FairPermit>) {
        let (grant, granted) = oneshot::channel();
        let mut inner = self.lock();
        let number = inner.next;
        inner.next += 1;
        let holder = inner.callers.entry(who.clone()).or_default();
        holder.queue.push_back((number, grant));
        if holder.queue.len() == 1 {
            let key = (holder.held, number);
            inner.waiting.insert(key, who.clone());
        }
        (Waiting { places: self, who, number }, granted)
    }

    fn admits(&self, held: usize, taken: usize) -> bool {
        held < self.total.saturating_sub(taken)
    }

    fn place(self: &Arc<Self>, who: &Who) -> FairPermit {
        FairPermit { places: Arc::clone(self), who: who.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reason why a caller who holds this many places gets no further one.
fn full(held: usize) -> Full {
    if held > 0 { Full::Share } else { Full::All }
}

impl Inner {
    fn held(&self, who: &Who) -> usize {
        self.callers.get(who).map_or(0, |holder| holder.held)
    }

    fn take(&mut self, who: &Who) {
        self.taken += 1;
        self.change(who, |holder| holder.held += 1);
    }

    fn give_back(&mut self, who: &Who) {
        self.taken = self.taken.saturating_sub(1);
        self.change(who, |holder| holder.held = holder.held.saturating_sub(1));
    }

    /// Changes the places that a caller holds or waits for, and updates the order of the waiting callers.
    fn change(&mut self, who: &Who, change: impl FnOnce(&mut Holder)) {
        let holder = self.callers.entry(who.clone()).or_default();
        if let Some((first, _)) = holder.queue.front() {
            self.waiting.remove(&(holder.held, *first));
        }
        change(holder);
        if let Some((first, _)) = holder.queue.front() {
            self.waiting.insert((holder.held, *first), who.clone());
        } else if holder.held == 0 {
            self.callers.remove(who);
        }
    }
}

impl Drop for FairPermit {
    fn drop(&mut self) {
        let mut inner = self.places.lock();
        inner.give_back(&self.who);
        let mut granted = Vec::new();
        // The caller who holds the fewest places is first. If that caller gets no place, no other caller does.
        while let Some(((held, _), who)) = inner.waiting.first_key_value()
            && self.places.admits(*held, inner.taken)
        {
            let who = who.clone();
            let mut first = None;
            inner.change(&who, |holder| first = holder.queue.pop_front());
            inner.take(&who);
            granted.extend(first.map(|(_, grant)| (grant, self.places.place(&who))));
        }
        drop(inner);
        for (grant, place) in granted {
            // If the request stopped waiting in the meantime, the place is dropped and so given back.
            let _ = grant.send(place);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut inner = self.places.lock();
        if inner.callers.contains_key(self.who) {
            inner.change(self.who, |holder| holder.queue.retain(|(number, _)| *number != self.number));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn who(name: &str) -> Who {
        Who::Caller(crate::principal::Username::new(name).unwrap())
    }

    #[test]
    fn a_caller_gets_as_many_as_are_free() {
        let places = FairSemaphore::new(8);
        let take =
            |name: &str| -> Vec<FairPermit> { std::iter::from_fn(|| places.try_enter(&who(name)).ok()).collect() };
        let taken: Vec<Vec<FairPermit>> = ["greedy", "other", "third", "fourth", "fifth"].map(take).into();
        assert_eq!(taken.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2, 1, 1, 0]);
        assert_eq!(places.try_enter(&who("greedy")).err(), Some(Full::Share));
        assert_eq!(places.try_enter(&who("fifth")).err(), Some(Full::All));
        drop(taken);
        let inner = places.lock();
        assert!(inner.taken == 0 && inner.callers.is_empty() && inner.waiting.is_empty());
    }

    #[test]
    fn many_who_take_all_they_get_leave_some_for_others() {
        let places = FairSemaphore::new(1024);
        let mut taken = Vec::new();
        // The callers take places in turns until no caller gets a further one.
        let names: Vec<Who> = (0..16).map(|number| who(&format!("c{number}"))).collect();
        loop {
            let more: Vec<FairPermit> = names.iter().filter_map(|name| places.try_enter(name).ok()).collect();
            if more.is_empty() {
                break;
            }
            taken.extend(more);
        }
        let others: Vec<FairPermit> = std::iter::from_fn(|| places.try_enter(&who("other")).ok()).collect();
        assert!(taken.len() > 900 && others.len() > 20, "{} {}", taken.len(), others.len());
    }

    #[tokio::test]
    async fn a_place_goes_to_who_holds_the_fewest() {
        let places = FairSemaphore::new(8);
        let [greedy, other] = ["greedy", "other"].map(who);
        let mut all: Vec<FairPermit> = (0..4).filter_map(|_| places.try_enter(&greedy).ok()).collect();
        let mut filling: Vec<FairPermit> =
            ["x", "x", "y", "z"].iter().filter_map(|name| places.try_enter(&who(name)).ok()).collect();
        let until = Instant::now() + Duration::from_secs(60);
        let mut first = std::pin::pin!(places.enter(&greedy, until));
        let mut second = std::pin::pin!(places.enter(&other, until));
        let both = async {
            tokio::select! {
                biased;
                _ = &mut first => "greedy",
                _ = &mut second => "other",
                () = async { drop(filling.pop()); std::future::pending().await } => "none",
            }
        };
        assert_eq!(both.await, "other");
        all.clear();
        assert!(first.await.is_ok());
    }

    #[tokio::test]
    async fn who_gives_up_leaves_nothing_behind() {
        let places = FairSemaphore::new(1);
        let [one, other] = ["one", "other"].map(who);
        let place = places.try_enter(&one).unwrap();
        assert_eq!(places.enter(&other, Instant::now()).await.err(), Some(Full::All));
        assert_eq!(places.enter(&one, Instant::now()).await.err(), Some(Full::Share));
        drop(place);
        let inner = places.lock();
        assert!(inner.taken == 0 && inner.callers.is_empty() && inner.waiting.is_empty());
    }
}
