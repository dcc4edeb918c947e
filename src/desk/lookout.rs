//! Work that is done on a thread of the runtime, and the thread that looks after it.
//!
//! Moving work off the runtime wakes another thread for each request, which costs more than most requests do otherwise. So work begins
//! on the worker that it is on, and leaves the runtime where it is known to wait ([`wait`]): for the disk, for a turn, for an HSM that
//! takes long ([`Pace`]). There are fewer places for such work than workers. Work that takes long without having said so is found by
//! a thread that looks: it wakes another worker, which takes over the sockets, the timers and the tasks that wait for this one.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::block_in_place;

/// How often the thread looks.
const TICK: Duration = Duration::from_millis(1);

/// How long work may take before others are woken.
const LONG: u64 = 2_000;

/// Looks without new work, after which the thread rests.
const QUIET: u32 = 16;

/// How often it looks while it rests and work goes on.
const REST: Duration = Duration::from_millis(64);

/// The calls of one kind are slow where more than one in nine takes longer than this.
const QUICK: Duration = Duration::from_micros(500);
const SLOW_CALL: u32 = 8;
const SLOW: u32 = 32;
const MOST: u32 = 64;

thread_local! {
    /// That of the work which this thread does.
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

/// The places of work that stays on the runtime's threads.
pub(super) struct Lookout {
    origin: Instant,
    /// When the work of each began, in microseconds from `origin`; 0 for a free one.
    places: Vec<AtomicU64>,
    begun: AtomicU64,
    rests: AtomicBool,
    /// Told whenever work may take long: those who wait for it set their timers then, which nobody does for what is quick.
    pub(super) long: Notify,
    thread: OnceLock<Thread>,
}

/// A place that is taken until this is dropped.
struct Place {
    lookout: Arc<Lookout>,
    number: usize,
}

impl Lookout {
    /// For the runtime that this is called in; without places outside of one, or if no thread can be started.
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

    /// A free place; `None` if all are taken.
    fn enter(self: &Arc<Self>) -> Option<Place> {
        let thread = self.thread.get()?;
        let now = self.now();
        let take = |place: &AtomicU64| place.compare_exchange(0, now, Ordering::SeqCst, Ordering::Relaxed).is_ok();
        let number = self.places.iter().position(take)?;
        self.begun.fetch_add(1, Ordering::SeqCst);
        // The thread says that it rests before it looks for the last time whether anything has begun.
        if self.rests.load(Ordering::SeqCst) && self.rests.swap(false, Ordering::SeqCst) {
            thread.unpark();
        }
        Some(Place { lookout: Arc::clone(self), number })
    }

    /// Microseconds from `origin`, never 0.
    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }

    /// For how many microseconds the work goes on that began first; `None` if there is none.
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

/// Looks until the lookout is dropped.
fn look(lookout: &Weak<Lookout>, runtime: &Handle) {
    let (mut last, mut quiet) = (0, 0);
    while let Some(own) = lookout.upgrade() {
        let begun = own.begun.load(Ordering::SeqCst);
        quiet = if begun == last { quiet + 1 } else { 0 };
        last = begun;
        let longest = own.longest();
        if longest.is_some_and(|longest| longest >= LONG) {
            own.long.notify_waiters();
            // Whichever worker is woken for it takes what it finds, and then waits at the sockets.
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

/// Does work on this thread if there is a place for it, and off the runtime if not.
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

/// Takes away the place of this thread's work, if it has one.
fn leave() -> Option<Place> {
    PLACE.with_borrow_mut(Option::take)
}

/// Waits for something that takes long by its nature: nothing else waits for this thread meanwhile.
pub fn wait<T>(until: impl FnOnce() -> T) -> T {
    let Some(place) = leave() else { return until() };
    place.lookout.long.notify_waiters();
    drop(place);
    block_in_place(until)
}

/// How long the calls of one kind take: most of them at once, or some of them long.
#[derive(Debug, Default)]
pub struct Pace(AtomicU32);

impl Pace {
    /// Makes a call. If those before it were slow, nothing else waits for this thread meanwhile.
    pub fn keep<T>(&self, call: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let answer = if self.0.load(Ordering::Relaxed) >= SLOW { wait(call) } else { call() };
        self.note(began.elapsed());
        answer
    }

    fn note(&self, took: Duration) {
        // Of two calls that end at the same time one may go uncounted.
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

    /// However long it takes, and though nothing else wakes them: sockets and timers are those of another worker then.
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
        // One in twenty is what a busy machine does.
        for _ in 0..100 {
            many(Duration::from_millis(5), 1);
            many(Duration::from_micros(50), 19);
        }
        assert!(!is_slow());
    }
}
