//! Serializes changes of one thing. Concurrent changes wait for each other in the order in which they arrived, instead
//! of failing because another one came first.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// The longest wait for a turn.
const MAX_WAIT: Duration = Duration::from_secs(15);

/// The largest number of changes of one thing that wait or run at one time.
const MAX_QUEUE: usize = 512;

/// The queues of changes, by the name of the thing that they change.
#[derive(Debug, Default)]
pub struct Turns(Arc<Mutex<Queues>>);

#[derive(Debug, Default)]
struct Queues {
    queues: HashMap<String, Queue>,
    /// The ticket of the next change.
    next: u64,
}

#[derive(Debug, Default)]
struct Queue {
    /// The first ticket has the turn.
    tickets: VecDeque<u64>,
    moved: Arc<Condvar>,
}

/// Where a request gets its answer.
type Place<A> = Arc<Mutex<Option<A>>>;

/// Requests, each with the place of its answer.
type Requests<A, R> = Vec<(R, Place<A>)>;

/// Requests `R` about one thing that wait for its turn: the first of them that gets it answers all of them.
#[derive(Debug)]
pub struct Gathered<A, R = ()>(Mutex<HashMap<String, Requests<A, R>>>);

/// How often [`retry`] tries.
const ATTEMPTS: usize = 5;

/// Tries again while others come first (`None`), five times at most.
///
/// # Errors
/// The first error of an attempt; `in_vain` if others came first each time.
pub fn retry<T, E>(in_vain: E, mut attempt: impl FnMut() -> Result<Option<T>, E>) -> Result<T, E> {
    for _ in 0..ATTEMPTS {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
    }
    Err(in_vain)
}

/// The exclusive right to change one thing. Dropping it lets the next change begin.
#[derive(Debug)]
pub struct Turn {
    queues: Arc<Mutex<Queues>>,
    name: String,
    ticket: u64,
    since: i64,
}

impl Turn {
    /// The name of the thing.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Notes up to which commit its holder has followed other servers, whose turns are not these ones.
    #[must_use]
    pub fn with_since(mut self, since: i64) -> Self {
        self.since = since;
        self
    }

    /// See [`Self::with_since`].
    #[must_use]
    pub fn since(&self) -> i64 {
        self.since
    }
}

/// Too many changes of the same thing are waiting, or the wait was too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many changes of it are waiting")]
pub struct Crowded;

/// Locks without waiting.
///
/// # Errors
/// [`Crowded`] while another thread holds the lock.
pub fn free<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, Crowded> {
    match mutex.try_lock() {
        Ok(guard) => Ok(guard),
        Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => Err(Crowded),
    }
}

impl Turns {
    /// Waits for the turn to change the thing with this name, for at most 15 seconds.
    ///
    /// A caller that holds a turn must not call this for the same name.
    ///
    /// # Errors
    /// [`Crowded`].
    pub fn take(&self, name: &str) -> Result<Turn, Crowded> {
        self.take_within(name, MAX_WAIT)
    }

    /// Takes the turn if it is free, without waiting. For callers that already hold another turn: if they waited, two
    /// of them could wait for each other.
    ///
    /// # Errors
    /// [`Crowded`].
    pub fn take_free(&self, name: &str) -> Result<Turn, Crowded> {
        self.take_within(name, Duration::ZERO)
    }

    fn take_within(&self, name: &str, wait: Duration) -> Result<Turn, Crowded> {
        let deadline = Instant::now() + wait;
        let mut queues = self.lock();
        let ticket = queues.next;
        let queue = queues.queues.entry(name.to_owned()).or_default();
        if queue.tickets.len() >= MAX_QUEUE {
            return Err(Crowded);
        }
        queue.tickets.push_back(ticket);
        let moved = Arc::clone(&queue.moved);
        queues.next += 1;
        while !queues.is_first(name, ticket) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                queues.leave(name, ticket);
                return Err(Crowded);
            }
            queues = moved.wait_timeout(queues, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(Turn { queues: Arc::clone(&self.0), name: name.to_owned(), ticket, since: 0 })
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        lock(&self.0)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<A, R> Default for Gathered<A, R> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<A, R: Clone> Gathered<A, R> {
    /// Waits for the turn of `name`, and answers what was asked for meanwhile: `perform` is given the requests, and what it returns
    /// makes the answer of each, in their order. If it fails, each of the others tries for itself.
    ///
    /// A request that has waited too long is [`Crowded`], and may nevertheless have been among those that `perform` was given: what is
    /// counted may exceed what was answered, never the reverse.
    ///
    /// # Errors
    /// [`Crowded`], or that of `perform`.
    pub fn ask<E: From<Crowded>, N: FnMut() -> A>(
        &self,
        turns: &Turns,
        name: &str,
        request: R,
        perform: impl FnOnce(Vec<R>) -> Result<N, E>,
    ) -> Result<A, E> {
        let own = Place::default();
        lock(&self.0).entry(name.to_owned()).or_default().push((request.clone(), Arc::clone(&own)));
        let turn = turns.take(name);
        let mut gathered = lock(&self.0);
        if let Some(answer) = lock(&own).take() {
            return Ok(answer);
        }
        let mut others = gathered.remove(name).unwrap_or_default();
        others.retain(|(_, place)| !Arc::ptr_eq(place, &own));
        let _turn = match turn {
            Ok(turn) => turn,
            Err(crowded) => {
                gathered.extend((!others.is_empty()).then(|| (name.to_owned(), others)));
                return Err(crowded.into());
            }
        };
        drop(gathered);
        let (others, places): (Vec<R>, Vec<Place<A>>) = others.into_iter().unzip();
        let mut next = perform(std::iter::once(request).chain(others).collect())?;
        let answer = next();
        places.iter().for_each(|place| *lock(place) = Some(next()));
        Ok(answer)
    }
}

impl Queues {
    fn is_first(&self, name: &str, ticket: u64) -> bool {
        self.queues.get(name).is_some_and(|queue| queue.tickets.front() == Some(&ticket))
    }

    fn leave(&mut self, name: &str, ticket: u64) {
        let Some(queue) = self.queues.get_mut(name) else { return };
        queue.tickets.retain(|own| *own != ticket);
        queue.moved.notify_all();
        if queue.tickets.is_empty() {
            self.queues.remove(name);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.queues).leave(&self.name, self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn one_at_a_time_for_each_name_and_nothing_is_kept() {
        let turns = Turns::default();
        let inside = [AtomicUsize::new(0), AtomicUsize::new(0)];
        let other = turns.take("other").unwrap();
        thread::scope(|scope| {
            for number in 0..8 {
                let (turns, inside) = (&turns, &inside[number % 2]);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let turn = turns.take(["a", "b"][number % 2]).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                        drop(turn);
                    }
                });
            }
        });
        drop(other);
        assert!(turns.lock().queues.is_empty());
    }

    #[test]
    fn those_who_wait_are_answered_together() {
        let (turns, gathered) = (Turns::default(), Gathered::default());
        let (calls, sum) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let first = turns.take("a").unwrap();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let perform = |requests: Vec<()>| {
                        calls.fetch_add(1, Ordering::SeqCst);
                        let mut left = requests.len();
                        Ok::<_, Crowded>(move || {
                            left -= 1;
                            left
                        })
                    };
                    sum.fetch_add(gathered.ask(&turns, "a", (), perform).unwrap(), Ordering::SeqCst);
                });
            }
            while turns.lock().queues.get("a").is_some_and(|queue| queue.tickets.len() < 9) {
                thread::yield_now();
            }
            drop(first);
        });
        assert_eq!((calls.into_inner(), sum.into_inner()), (1, 28));
        assert!(lock(&gathered.0).is_empty() && turns.lock().queues.is_empty());
        // One that fails leaves the others to themselves.
        let fails = |_| Err::<fn() -> usize, _>(Crowded);
        assert_eq!(gathered.ask(&turns, "a", (), fails), Err(Crowded));
        let count = |requests: Vec<()>| Ok::<_, Crowded>(move || requests.len());
        assert_eq!(gathered.ask(&turns, "a", (), count), Ok(1));
    }

    #[test]
    fn a_turn_that_is_not_free_is_not_waited_for() {
        let turns = Turns::default();
        let first = turns.take_free("a").unwrap();
        assert_eq!(turns.take_free("a").map(drop), Err(Crowded));
        turns.take_free("b").unwrap();
        drop(first);
        turns.take_free("a").unwrap();
        assert!(turns.lock().queues.is_empty());
    }

    #[test]
    fn a_queue_has_an_end() {
        let turns = Turns::default();
        let first = turns.take("a").unwrap();
        turns.lock().queues.get_mut("a").unwrap().tickets.extend((1_000..).take(MAX_QUEUE - 1));
        assert_eq!(turns.take("a").map(drop), Err(Crowded));
        drop(first);
        assert!(turns.lock().queues.contains_key("a"));
    }
}
