//! Threads for work that may block.
//!
//! Tokio's pool for such work has one queue, whose lock every wake-up takes twice. Here a job is given to one waiting
//! thread directly, and the thread that waited last is used first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// The maximum number of threads. The front desk admits fewer works at one time; above it, jobs wait.
const MOST: usize = 512;

/// The time for which a thread waits for a job before it ends.
const KEPT: Duration = Duration::from_secs(10);

/// A piece of work. It must not panic.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// The threads, and the jobs that wait for one.
pub(super) struct Threads(Mutex<State>);

struct State {
    /// Jobs that no thread has begun.
    jobs: VecDeque<Job>,
    /// The threads without a job. The last one waited last.
    idle: Vec<Arc<Seat>>,
    count: usize,
}

/// The place of a thread that waits.
struct Seat {
    thread: Thread,
    job: Mutex<Option<Job>>,
}

/// The threads of this process.
pub(super) static THREADS: Threads = Threads(Mutex::new(State { jobs: VecDeque::new(), idle: Vec::new(), count: 0 }));

impl Threads {
    /// Runs a job in a thread of its own. It may use the runtime of the caller.
    pub(super) fn run(&'static self, job: Job) {
        let mut state = self.lock();
        if let Some(seat) = state.idle.pop() {
            drop(state);
            *seat.lock() = Some(job);
            seat.thread.unpark();
            return;
        }
        state.jobs.push_back(job);
        if state.count == MOST {
            return;
        }
        state.count += 1;
        drop(state);
        let runtime = Handle::current();
        let started = thread::Builder::new().name("work".to_owned()).spawn(move || {
            let _entered = runtime.enter();
            self.serve();
        });
        if let Err(error) = started {
            tracing::error!(%error, "cannot start a thread: requests wait for the others");
            let mut state = self.lock();
            state.count -= 1;
            // Without any thread, the job would never end. The caller drops it with its turn.
            if state.count == 0 {
                state.jobs.clear();
            }
        }
    }

    /// Performs jobs until none has come for some time.
    fn serve(&self) {
        let seat = Arc::new(Seat { thread: thread::current(), job: Mutex::new(None) });
        loop {
            let mut state = self.lock();
            let waiting = state.jobs.pop_front();
            if waiting.is_none() {
                state.idle.push(Arc::clone(&seat));
            }
            drop(state);
            match waiting.or_else(|| self.wait(&seat)) {
                Some(job) => job(),
                None => return,
            }
        }
    }

    /// Waits for a job. `None` if none came; the thread is then no longer counted.
    fn wait(&self, seat: &Arc<Seat>) -> Option<Job> {
        let until = Instant::now() + KEPT;
        loop {
            thread::park_timeout(until.saturating_duration_since(Instant::now()));
            if let Some(job) = seat.lock().take() {
                return Some(job);
            }
            if Instant::now() < until {
                continue;
            }
            let mut state = self.lock();
            let own = state.idle.iter().position(|idle| Arc::ptr_eq(idle, seat));
            match own {
                Some(own) => {
                    state.idle.remove(own);
                    state.count -= 1;
                    return None;
                }
                // A job is being given to this thread.
                None => drop(state),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    fn lock(&self) -> MutexGuard<'_, Option<Job>> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "allowed in tests")]

    use std::sync::{Barrier, mpsc};

    use super::*;

    #[tokio::test]
    async fn jobs_that_wait_for_each_other_all_run() {
        const JOBS: usize = 100;
        let (together, (done, told)) = (Arc::new(Barrier::new(JOBS)), mpsc::channel());
        // The second time, the threads of the first time wait for jobs.
        for _ in 0..2 {
            for _ in 0..JOBS {
                let (together, done) = (Arc::clone(&together), done.clone());
                THREADS.run(Box::new(move || {
                    together.wait();
                    let runtime = Handle::try_current().is_ok();
                    done.send((thread::current().id(), runtime)).unwrap();
                }));
            }
            let told: Vec<_> = (0..JOBS).map(|_| told.recv().unwrap()).collect();
            assert!(told.iter().all(|(_, runtime)| *runtime));
        }
    }

    #[tokio::test]
    async fn a_thread_is_used_again() {
        let (done, told) = mpsc::channel();
        let threads: &'static Threads =
            Box::leak(Box::new(Threads(Mutex::new(State { jobs: VecDeque::new(), idle: Vec::new(), count: 0 }))));
        let mut used = std::collections::HashSet::new();
        for _ in 0..100 {
            let done = done.clone();
            threads.run(Box::new(move || done.send(thread::current().id()).unwrap()));
            used.insert(told.recv().unwrap());
            while threads.lock().idle.is_empty() {
                thread::yield_now();
            }
        }
        assert_eq!(used.len(), 1);
        assert_eq!(threads.lock().count, 1);
    }
}
