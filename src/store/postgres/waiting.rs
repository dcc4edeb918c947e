//! Waiting for an answer of PostgreSQL in a thread that may block.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// How often the reason to give up is looked at.
const STEP: Duration = Duration::from_millis(100);

/// Wakes a thread.
struct Sleeper(Thread);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future in this thread, until it is done or `gives_up` says so; then it is dropped, and `None` is returned. The
/// tasks that move bytes run elsewhere.
pub(super) fn wait<T>(future: impl Future<Output = T>, gives_up: impl Fn() -> bool) -> Option<T> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Sleeper(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
        if gives_up() {
            return None;
        }
        thread::park_timeout(STEP);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_future_is_awaited_or_given_up() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let sending = thread::spawn(move || sender.send(7));
        assert_eq!(wait(receiver, || false), Some(Ok(7)));
        sending.join().unwrap().unwrap();
        let looks = AtomicUsize::new(0);
        let given_up = wait(std::future::pending::<()>(), || looks.fetch_add(1, Ordering::Relaxed) > 1);
        assert_eq!((given_up, looks.into_inner()), (None, 3));
    }
}
