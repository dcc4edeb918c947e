//! Calls of the HSM for threads that must not wait for a call that never returns: the writer of the database and that
//! of the audit log.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::error::Error;

type Work = Box<dyn FnOnce() + Send>;

/// Threads that make calls for other threads. A thread whose call does not return in time is abandoned; it ends when
/// its call does. There are as many threads as calls at one time. Abandoned threads are fewer than the sessions of the
/// pool, because each of them holds one session.
pub(super) struct InTime {
    limit: Duration,
    idle: Mutex<Vec<SyncSender<Work>>>,
}

impl InTime {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, idle: Mutex::default() }
    }

    /// Runs `work` on another thread.
    ///
    /// # Errors
    /// [`Error::Hangs`] if `work` is not done in time. It continues, and its result is lost.
    pub(super) fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Error> + Send + 'static,
    {
        let worker = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let worker = worker.map_or_else(begin, Ok)?;
        let (answer, answered) = sync_channel(1);
        let work = move || {
            let _ = answer.send(work());
        };
        worker.send(Box::new(work)).map_err(|_| Error::Hangs)?;
        let answer = answered.recv_timeout(self.limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => Error::Hangs,
            RecvTimeoutError::Disconnected => Error::Thread(io::Error::other("the thread panicked")),
        })?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        answer
    }
}

fn begin() -> Result<SyncSender<Work>, Error> {
    let (worker, works) = sync_channel::<Work>(1);
    let serve = move || {
        while let Ok(work) = works.recv() {
            work();
        }
    };
    thread::Builder::new().name("token-caller".to_owned()).spawn(serve).map_err(Error::Thread)?;
    Ok(worker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_a_call_that_does_not_return() {
        // Long enough for the calls that return, also on a busy machine.
        let calls = InTime::new(Duration::from_secs(3));
        let (release, released) = sync_channel::<()>(1);
        let hangs = calls.run(move || {
            let _ = released.recv();
            Ok(1)
        });
        assert!(matches!(hangs, Err(Error::Hangs)));
        assert_eq!(calls.run(|| Ok(2)).ok(), Some(2));
        drop(release);
        let of = || calls.run(|| Ok(thread::current().id())).ok();
        assert_eq!((of().is_some(), of()), (true, of()), "the thread that is back does the next");
    }
}
