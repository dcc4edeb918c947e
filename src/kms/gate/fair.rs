//! Places for costly work, shared fairly by callers: RSA pairs and long searches.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::call::Call;
use crate::desk::{Full, Who};

/// The caller whose share of the places a request uses; `None` for the server's own work.
pub(super) type Holder = Option<Who>;

/// The shortest time between two lines of the log about refusals. A line contains the number of refusals since the one
/// before.
const SILENCE: Duration = Duration::from_secs(10);

/// The longest wait. It is shorter than that for the turn of an object ([`crate::turns`]), which a replacement of a pair holds
/// while it waits: a revocation of the pair comes after it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often one that waits looks whether its request has ended.
const LOOK: Duration = Duration::from_millis(500);

/// How many times more requests wait than there is room for, if they are the first of their callers.
const FIRST: usize = 4;

/// The maximum number of callers of whom it is known when they had a place, while others wait.
const KNOWN: usize = 1_024;

/// A number of places. Callers wait for a free one; it goes to the waiting caller who had one the longest time ago.
pub(super) struct FairPlaces {
    /// The work, for the log.
    what: &'static str,
    /// The number of places.
    places: usize,
    /// The maximum number of places of one caller.
    own: usize,
    /// The maximum number of requests that wait for a place. One caller has at most half of them; the first of a caller may wait
    /// also when there are more, up to [`FIRST`] times as many.
    waiting: usize,
    state: Mutex<State>,
    moved: Condvar,
    /// The time of the last line of the log, and the number of refusals since then.
    told: Mutex<(Option<Instant>, u64)>,
}

#[derive(Default)]
struct State {
    /// The number of places of each caller.
    running: HashMap<Holder, usize>,
    /// The requests that wait: number and caller.
    waiting: Vec<(u64, Holder)>,
    /// When each of these callers had a place the last time.
    served: HashMap<Holder, u64>,
    /// The next number.
    next: u64,
}

/// A place; dropping it frees it.
pub(in crate::kms) struct Place<'a> {
    of: &'a FairPlaces,
    caller: Holder,
}

impl State {
    /// The request that gets the next place. `own` is the maximum number of places of one caller.
    fn first(&self, own: usize) -> Option<u64> {
        let may_have = |(_, caller): &&(u64, Holder)| self.running.get(caller).is_none_or(|running| *running < own);
        let rank = |(number, caller): &&(u64, Holder)| (self.served.get(caller).copied().unwrap_or_default(), *number);
        self.waiting.iter().filter(may_have).min_by_key(rank).map(|(number, _)| *number)
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn waiting_of(&self, caller: &Holder) -> usize {
        self.waiting.iter().filter(|(_, own)| own == caller).count()
    }

    /// Whether a request that no longer waits waited for others of its caller: one of them has a place, got one since request
    /// `number` came, or still waits.
    fn competes_with_itself(&self, caller: &Holder, number: u64) -> bool {
        let has_had_one = self.served.get(caller).is_some_and(|served| *served > number);
        has_had_one || self.running.contains_key(caller) || self.waiting_of(caller) > 0
    }

    /// Forgets when callers had a place if nobody waits: while somebody waits, who sends one request after another must not
    /// count as new each time.
    fn forget(&mut self) {
        if self.waiting.is_empty() || self.served.len() > KNOWN {
            let running = &self.running;
            self.served.retain(|caller, _| running.contains_key(caller));
        }
    }
}

impl FairPlaces {
    /// Places for work that log lines call `what`: `own` of them at most for one caller. `waiting` requests may wait.
    pub(super) fn new(what: &'static str, places: usize, own: usize, waiting: usize) -> Self {
        let (state, moved, told) = (Mutex::default(), Condvar::new(), Mutex::default());
        Self { what, places, own, waiting, state, moved, told }
    }

    /// Whether so many requests of the caller wait that a further one would be refused.
    pub(super) fn is_at_share(&self, caller: &Holder) -> bool {
        self.lock().waiting_of(caller) >= self.waiting / 2
    }

    /// Waits for a place for a call, or for the server's own work: at most for [`PATIENCE`], and not after the end of the
    /// request.
    ///
    /// # Errors
    /// [`Full::Share`]: the caller has used up the caller's share, or waited too long for other requests of the same caller.
    /// [`Full::All`]: too many wait, or the wait was too long. The log counts both.
    pub(super) fn take_for(&self, call: Option<&Call<'_>>) -> Result<Place<'_>, Full> {
        let until = Instant::now() + PATIENCE;
        let Some(call) = call else { return self.take(&None, until, &|| false) };
        let ticket = call.context.ticket;
        self.take(&ticket.who(), until.min(ticket.deadline().into_std()), &|| call.go_on().is_err())
    }

    fn take(&self, caller: &Holder, until: Instant, is_over: &dyn Fn() -> bool) -> Result<Place<'_>, Full> {
        let taken = self.wait(caller, until, is_over);
        if taken.is_err() {
            self.tell(caller);
        }
        taken
    }

    fn wait(&self, caller: &Holder, until: Instant, is_over: &dyn Fn() -> bool) -> Result<Place<'_>, Full> {
        let mut state = self.lock();
        let mine = state.waiting_of(caller);
        if mine >= self.waiting / 2 {
            return Err(Full::Share);
        }
        let most = if mine == 0 { FIRST * self.waiting } else { self.waiting };
        if state.waiting.len() >= most {
            return Err(Full::All);
        }
        let own = state.number();
        state.waiting.push((own, caller.clone()));
        loop {
            let is_free = state.running.values().sum::<usize>() < self.places;
            let is_next = is_free && state.first(self.own) == Some(own);
            let left = until.saturating_duration_since(Instant::now());
            if is_next || left.is_zero() || is_over() {
                state.waiting.retain(|(number, _)| *number != own);
                self.moved.notify_all();
                if !is_next {
                    let full = if state.competes_with_itself(caller, own) { Full::Share } else { Full::All };
                    state.forget();
                    return Err(full);
                }
                *state.running.entry(caller.clone()).or_default() += 1;
                let now = state.number();
                state.served.insert(caller.clone(), now);
                return Ok(Place { of: self, caller: caller.clone() });
            }
            let waited = self.moved.wait_timeout(state, left.min(LOOK));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Writes a line of the log from time to time.
    fn tell(&self, caller: &Holder) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, since) = *told;
        if last.is_some_and(|last| last.elapsed() < SILENCE) {
            told.1 = since.saturating_add(1);
            return;
        }
        *told = (Some(Instant::now()), 0);
        drop(told);
        let caller = caller.as_ref().map_or_else(|| "the server".to_owned(), Who::to_string);
        tracing::warn!(of = self.what, caller, unreported = since, "request refused: too many of them at one time");
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.of.lock();
        match state.running.get_mut(&self.caller) {
            Some(running) if *running > 1 => *running -= 1,
            _ => {
                state.running.remove(&self.caller);
            }
        }
        state.forget();
        self.of.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::principal::Username;

    fn who(name: &str) -> Holder {
        Some(Who::Caller(Username::new(name).unwrap()))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn a_caller_has_a_share_and_the_queue_an_end() {
        let places = FairPlaces::new("work", 2, 1, 2);
        let one = places.take(&who("alice"), soon(), &|| false).unwrap();
        // The other place is not for alice; it is for bob.
        assert_eq!(places.take(&who("alice"), Instant::now(), &|| false).map(drop), Err(Full::Share));
        let other = places.take(&who("bob"), soon(), &|| false).unwrap();
        // One who waits too long, and one whose request has ended, leave nothing behind.
        assert_eq!(places.take(&who("carol"), Instant::now(), &|| false).map(drop), Err(Full::All));
        assert_eq!(places.take(&who("carol"), soon(), &|| true).map(drop), Err(Full::All));
        places.lock().waiting.push((0, who("dave")));
        assert!(places.is_at_share(&who("dave")) && !places.is_at_share(&who("carol")));
        assert_eq!(places.take(&who("dave"), soon(), &|| false).map(drop), Err(Full::Share));
        places.lock().waiting.extend((0..7).map(|_| (0, who("erin"))));
        assert_eq!(places.take(&who("carol"), soon(), &|| false).map(drop), Err(Full::All));
        places.lock().waiting.clear();
        drop((one, other));
        let state = places.lock();
        assert!(state.running.is_empty() && state.served.is_empty());
    }

    #[test]
    fn who_waits_too_long_for_requests_of_the_same_caller_is_at_the_share() {
        let places = FairPlaces::new("work", 1, 1, 8);
        let _running = places.take(&who("bob"), soon(), &|| false).unwrap();
        let late = |name| places.take(&who(name), Instant::now(), &|| false).map(drop);
        assert_eq!((late("carol"), late("bob")), (Err(Full::All), Err(Full::Share)));
        places.lock().waiting.push((90, who("carol")));
        assert_eq!((late("carol"), late("dave")), (Err(Full::Share), Err(Full::All)));
        // Nobody of dave's waits, but one got a place meanwhile.
        places.lock().served.insert(who("dave"), 91);
        assert_eq!(late("dave"), Err(Full::Share));
    }

    #[test]
    fn who_comes_again_and_again_is_not_new() {
        let places = FairPlaces::new("work", 1, 1, 8);
        let now = places.take(&who("alice"), soon(), &|| false).unwrap();
        places.lock().waiting.extend([(90, who("alice")), (91, who("bob"))]);
        drop(now);
        assert_eq!(places.lock().first(1), Some(91));
        // Bob has had his turn and comes again: now it is alice's.
        let mut state = places.lock();
        state.waiting.retain(|(number, _)| *number != 91);
        let turn = state.number();
        state.served.insert(who("bob"), turn);
        state.forget();
        state.waiting.push((92, who("bob")));
        assert_eq!(state.first(1), Some(90));
    }

    #[test]
    fn callers_take_turns() {
        let places = FairPlaces::new("work", 1, 1, 8);
        let order = Mutex::new(Vec::new());
        let first = places.take(&who("mallory"), soon(), &|| false).unwrap();
        thread::scope(|scope| {
            for (count, caller) in (1..).zip(["mallory", "mallory", "mallory", "alice", "bob"]) {
                let (places, order) = (&places, &order);
                scope.spawn(move || {
                    let _place = places.take(&who(caller), soon(), &|| false).unwrap();
                    order.lock().unwrap().push(caller);
                });
                while places.lock().waiting.len() < count {
                    thread::yield_now();
                }
            }
            drop(first);
        });
        assert_eq!(order.into_inner().unwrap(), ["alice", "bob", "mallory", "mallory", "mallory"]);
    }
}
