//! Work that stays on a worker thread of the runtime, and the thread that watches it.
//!
//! Moving work off the runtime wakes another thread for each request, which costs more than the rest of most requests.
//! Therefore work begins on the worker that runs its task. It leaves the runtime where it is known to wait
//! ([`wait`]): for the disk, for a turn, or for an HSM whose calls take long ([`Pace`]). There is one place fewer for such work than
//! there are workers, so that one worker always serves the sockets. Work may also take long without calling [`wait`].
//! The watching thread detects this and wakes another worker, which takes over the sockets, the timers and the tasks
//! that wait for the blocked worker.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::block_in_place;

/// The interval at which the thread looks for long work.
const TICK: Duration = Duration::from_millis(1);

/// The time after which work is long and another worker is woken, in microseconds.
const LONG: u64 = 2_000;

/// The number of consecutive looks without new work after which the thread rests.
const QUIET: u32 = 16;

/// The interval at which the thread looks while it rests and work is in progress.
const REST: Duration = Duration::from_millis(64);

/// The longest time of a quick call. The calls of one kind are slow if more than one in nine takes longer.
const QUICK: Duration = Duration::from_micros(500);

/// The amount that a call that is not quick adds to the counter of [`Pace`]. A quick call subtracts 1.
const SLOW_CALL: u32 = 8;

/// The value of the counter from which the calls are slow, and its largest value.
const SLOW: u32 = 32;
const MOST: u32 = 64;

thread_local! {
    /// The place of the work that this thread does.
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

/// The places of work that stays on the runtime's threads.
pub(super) struct Lookout {
    origin: Instant,
    /// The time when the work of each place began, in microseconds from `origin`; 0 if the place is free.
    places: Vec<AtomicU64>,
    /// The number of times that work began.
    begun: AtomicU64,
    /// Whether the thread rests, so that it must be woken for new work.
    rests: AtomicBool,
    /// Notified when work may take long. The tasks that wait for work set their timers only then.
    pub(super) long: Notify,
    thread: OnceLock<Thread>,
}

/// A place that is taken. Dropping it frees the place.
struct Place {
    lookout: Arc<Lookout>,
    number: usize,
}

impl Lookout {
    /// Creates the places for the runtime of the caller, and starts the thread. Outside of a runtime, or if the thread
    /// cannot be started, no work gets a place.
    pub(super) fn new() -> Arc<Self> {
        let runtime = Handle::try_current().ok();
        let places = runtime.as_ref().map_or(0, |runtime| runtime.metrics().num_workers().saturating_sub(1));
        let places: Vec<AtomicU64> = (0..places).map(|_| AtomicU64::new(0)).collect();
        let (begun, rests) = (AtomicU64::new(0), AtomicBool::new(false));
        let (long, thread) = (Notify::new(), OnceLock::new());
        let own = Arc::new(Self { origin: Instant::now(), places, begun, rests, long, thread });
        if let Some(runtime) = runtime.filter(|_| !own.places.is_empty()) {
            let seen = Arc::downgrade(&own);
            let looks = thread::Builder::new().name("lookout".to_owned()).spawn(move || look(&seen, &runtime));
            if let Ok(looks) = looks {
                let _ = own.thread.set(looks.thread().clone());
            }
        }
        own
    }

    /// Takes a free place; `None` if all are taken.
    fn enter(self: &Arc<Self>) -> Option<Place> {
        let thread = self.thread.get()?;
        let now = self.now();
        let take = |place: &AtomicU64| place.compare_exchange(0, now, Ordering::SeqCst, Ordering::Relaxed).is_ok();
        let number = self.places.iter().position(take)?;
        self.begun.fetch_add(1, Ordering::SeqCst);
        // The thread sets `rests` before it checks `begun` for the last time, so it does not miss this work.
        if self.rests.load(Ordering::SeqCst) && self.rests.swap(false, Ordering::SeqCst) {
            thread.unpark();
        }
        Some(Place { lookout: Arc::clone(self), number })
    }

    /// Returns the present time in microseconds from `origin`, never 0.
    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }

    /// Returns the time since the oldest work in progress began, in microseconds; `None` if no work is in progress.
    fn longest(&self) -> Option<u64> {
        let began = self.places.iter().map(|place| place.load(Ordering::SeqCst)).filter(|began| *began != 0).min()?;
        Some(self.now().saturating_sub(began))
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(place) = self.lookout.places.get(self.number) {
            place.store(0, Ordering::SeqCst);
        }
    }
}

/// Looks for long work until the lookout is dropped.
fn look(lookout: &Weak<Lookout>, runtime: &Handle) {
    let (mut last, mut quiet) = (0, 0);
    while let Some(own) = lookout.upgrade() {
        let begun = own.begun.load(Ordering::SeqCst);
        quiet = if begun == last { quiet + 1 } else { 0 };
        last = begun;
        let longest = own.longest();
        if longest.is_some_and(|longest| longest >= LONG) {
            own.long.notify_waiters();
            // The worker that is woken for this task also runs the other waiting tasks, and then waits for the sockets.
            runtime.spawn(std::future::ready(()));
        }
        let pause = match longest {
            _ if quiet < QUIET => Some(TICK),
            Some(_) => Some(REST),
            None => None,
        };
        let rests = quiet >= QUIET;
        own.rests.store(rests, Ordering::SeqCst);
        if rests && own.begun.load(Ordering::SeqCst) != last {
            continue;
        }
        drop(own);
        match pause {
            Some(pause) => thread::park_timeout(pause),
            None => thread::park(),
        }
    }
}

/// Does work on this thread if there is a free place for it, otherwise off the runtime.
pub(super) fn stay<T>(lookout: &Arc<Lookout>, work: impl FnOnce() -> T) -> T {
    struct Left;
    impl Drop for Left {
        fn drop(&mut self) {
            drop(leave());
        }
    }
    let Some(place) = lookout.enter() else {
        lookout.long.notify_waiters();
        return block_in_place(work);
    };
    PLACE.with_borrow_mut(|own| *own = Some(place));
    let _left = Left;
    work()
}

/// Takes the place of this thread's work away; `None` if it has no place.
fn leave() -> Option<Place> {
    PLACE.with_borrow_mut(Option::take)
}

/// Runs a function that is known to wait. The work first leaves the runtime, so that no other task waits for this
/// thread.
pub fn wait<T>(until: impl FnOnce() -> T) -> T {
    let Some(place) = leave() else { return until() };
    place.lookout.long.notify_waiters();
    drop(place);
    block_in_place(until)
}

/// A counter that shows whether the calls of one kind are quick or slow.
#[derive(Debug, Default)]
pub struct Pace(AtomicU32);

impl Pace {
    /// Makes a call. If the calls before it were slow, the work first leaves the runtime, as in [`wait`].
    pub fn keep<T>(&self, call: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let answer = if self.0.load(Ordering::Relaxed) >= SLOW { wait(call) } else { call() };
        self.note(began.elapsed());
        answer
    }

    fn note(&self, took: Duration) {
        // If two calls end at the same time, one of them may not be counted.
        let before = self.0.load(Ordering::Relaxed);
        let now = if took > QUICK { (before + SLOW_CALL).min(MOST) } else { before.saturating_sub(1) };
        if now != before {
            self.0.store(now, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn work_beyond_the_places_leaves_the_runtime() {
        let lookout = Lookout::new();
        let taken: Vec<Option<Place>> = (0..3).map(|_| lookout.enter()).collect();
        assert_eq!(taken.iter().flatten().count(), 2);
        assert!(lookout.longest().is_some());
        assert_eq!(stay(&lookout, || PLACE.with_borrow(Option::is_some)), false);
        drop(taken);
        assert_eq!(lookout.longest(), None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn work_has_its_place_until_it_waits_or_ends() {
        let lookout = Lookout::new();
        let staying = Arc::clone(&lookout);
        let work = tokio::spawn(async move {
            stay(&staying, || {
                let before = staying.longest().is_some();
                (before, wait(|| staying.longest().is_none()), PLACE.with_borrow(Option::is_none))
            })
        });
        assert_eq!(work.await.unwrap(), (true, true, true));
        let staying = Arc::clone(&lookout);
        let panics = tokio::spawn(async move { stay(&staying, || panic!("as a handler might")) });
        assert!(panics.await.is_err());
        assert_eq!(lookout.longest(), None);
    }

    /// Another worker takes over the sockets and timers, even if nothing else wakes it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn work_that_takes_long_stops_nothing_else() {
        let lookout = Lookout::new();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let staying = Arc::clone(&lookout);
        let work = tokio::spawn(async move { stay(&staying, || released.recv()) });
        let begun = Instant::now();
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert!(lookout.longest().is_some());
        drop(release);
        assert!(work.await.unwrap().is_err());
    }

    #[test]
    fn calls_are_slow_until_most_of_them_are_quick() {
        let pace = Pace::default();
        let is_slow = || pace.0.load(Ordering::Relaxed) >= SLOW;
        let many = |took: Duration, times: usize| (0..times).for_each(|_| pace.note(took));
        many(Duration::from_millis(2), 3);
        assert!(!is_slow());
        many(Duration::from_millis(2), 1);
        assert!(is_slow());
        many(Duration::from_micros(50), 1);
        assert!(!is_slow());
        // On a busy machine about one call in twenty takes long.
        for _ in 0..100 {
            many(Duration::from_millis(5), 1);
            many(Duration::from_micros(50), 19);
        }
        assert!(!is_slow());
    }
}
