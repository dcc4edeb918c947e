//! The boundary between the connections' tasks and the work of requests.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::admission::Turn;
use super::hsm_call::{on_behalf, working_on_behalf};
use super::threads::THREADS;
use super::ticket::Ticket;

/// How much longer than its deadline a request may take that waits for its body or its turn. Such a request checks its
/// deadline itself and returns a more precise error.
const GRACE: Duration = Duration::from_secs(2);

/// The longest time after which a call of the HSM that began in the meantime is noticed.
const LOOK: Duration = Duration::from_secs(1);

/// The most bytes of a thread's stack that a request uses.
const STACK: usize = 64 << 10;

/// The text of the error for a call of the HSM that did not return in time.
pub const HSM_HANGS: &str = "the HSM does not answer (--hsm-call-timeout): the operation may have been performed";

/// The reason why a request has no answer of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The deadline has passed.
    #[error("the request took too long")]
    Deadline,
    /// A call of the HSM did not return in time.
    #[error("the HSM does not answer")]
    Hsm,
    /// The request panicked, which is a defect.
    #[error("the request panicked")]
    Panicked,
}

/// Marks the ticket as abandoned when its caller stops waiting before the work is done.
struct Leaving<'a> {
    ticket: &'a Ticket,
    /// The task of the work, unless a thread does it.
    task: Option<AbortHandle>,
    is_done: bool,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        // A request may have several pieces of work, one after the other.
        if !self.is_done {
            self.ticket.abandon();
            if let Some(task) = &self.task {
                task.abort();
            }
        }
    }
}

/// Runs the part of a request that is done in the connection's task: everything except its work. The future must not
/// block the thread. A panic ends only this request.
///
/// # Errors
/// See [`Ended`].
pub async fn guard<T>(ticket: &Ticket, request: impl Future<Output = T>) -> Result<T, Ended> {
    let mut request = pin!(request);
    let guarded = poll_fn(move |context| {
        let polled = catch_unwind(AssertUnwindSafe(|| request.as_mut().poll(context)));
        polled.map_or(Poll::Ready(Err(Ended::Panicked)), |polled| polled.map(Ok))
    });
    let mut guarded = pin!(guarded);
    loop {
        // The work may extend the deadline in the meantime.
        let until = ticket.deadline() + GRACE;
        match timeout_at(until, guarded.as_mut()).await {
            Ok(ended) => return ended,
            Err(_) if ticket.deadline() + GRACE > until => {}
            Err(_) => return Err(Ended::Deadline),
        }
    }
}

/// Does work in a thread of its own, and waits for it until the deadline: see [`accompany`]. The one place where a
/// request's work may block: nothing else waits for its thread. The turn ends with the work. Work that its caller no
/// longer waits for is not begun.
///
/// # Errors
/// See [`Ended`].
pub async fn perform<T, F>(ticket: &Arc<Ticket>, turn: Turn, work: F) -> Result<T, Ended>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let own = Arc::clone(ticket);
    let (done, told) = oneshot::channel();
    THREADS.run(Box::new(move || {
        if own.is_abandoned() {
            return;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| working_on_behalf(&own, work)));
        wipe_stack();
        drop(turn);
        let _ = done.send(outcome);
    }));
    let mut leaving = Leaving { ticket, task: None, is_done: false };
    let outcome = wait(ticket, told).await?;
    leaving.is_done = true;
    outcome.ok().and_then(Result::ok).ok_or(Ended::Panicked)
}

/// Runs a future that may block in a task of its own, and waits for it until the request's deadline. The connection's
/// task stays free and notices when the client disconnects. It then drops this future, which marks the ticket as
/// abandoned and aborts the task. A panic ends only this request.
///
/// # Errors
/// See [`Ended`].
pub async fn accompany<T, F>(ticket: &Arc<Ticket>, request: F) -> Result<T, Ended>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let own = Arc::clone(ticket);
    let mut task = tokio::spawn(async move { on_behalf(&own, request).await });
    let mut leaving = Leaving { ticket, task: Some(task.abort_handle()), is_done: false };
    let outcome = wait(ticket, &mut task).await?;
    leaving.is_done = true;
    outcome.map_err(|_| Ended::Panicked)
}

/// Waits for the work of a request until its deadline, or until one of its calls of the HSM takes too long.
async fn wait<T>(ticket: &Ticket, work: impl Future<Output = T>) -> Result<T, Ended> {
    let mut work = pin!(work);
    let clock = ticket.clock();
    loop {
        let deadline = ticket.deadline();
        let look = clock.due().unwrap_or_else(|| Instant::now() + LOOK);
        match timeout_at(look.min(deadline), work.as_mut()).await {
            Ok(ended) => return Ok(ended),
            Err(_) if clock.due().is_some_and(|due| due <= Instant::now()) => return Err(Ended::Hsm),
            // The work may have extended the deadline.
            Err(_) if Instant::now() < ticket.deadline() => {}
            Err(_) if ticket.is_working() => return Err(Ended::Deadline),
            Err(_) => return timeout_at(deadline + GRACE, work.as_mut()).await.map_err(|_| Ended::Deadline),
        }
    }
}

/// Overwrites the stack of this thread below the present call. The finished calls may have left keys and plaintext
/// there, for example in the variables of the code that decodes hexadecimal digits.
#[inline(never)]
fn wipe_stack() {
    let mut left = [0_u8; STACK];
    std::hint::black_box(&mut left);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_request_that_panics_or_takes_too_long_ends_alone() {
        let ticket = Arc::new(Ticket::unlimited());
        assert_eq!(accompany(&ticket, async { 1 }).await, Ok(1));
        assert!(!ticket.is_over(), "what is done for the same request after it goes on");
        let panics = accompany(&ticket, async { panic!("as a handler might") });
        assert_eq!(panics.await, Err::<(), _>(Ended::Panicked));
        let ticket = Arc::new(Ticket::new(None, Duration::ZERO));
        assert_eq!(
            accompany(&ticket, tokio::task::yield_now()).await,
            Ok(()),
            "such a request checks its deadline itself"
        );
        let ticket = Arc::new(Ticket::new(None, Duration::ZERO));
        ticket.begin_work();
        assert_eq!(accompany(&ticket, std::future::pending::<()>()).await, Err(Ended::Deadline));
        assert!(ticket.is_over());
        let ticket = Ticket::unlimited();
        assert_eq!(guard(&ticket, async { 1 }).await, Ok(1));
        assert_eq!(guard(&ticket, async { panic!("as a handler might") }).await, Err::<(), _>(Ended::Panicked));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn work_that_blocks_is_told_when_nobody_waits() {
        let ticket = Arc::new(Ticket::unlimited());
        let (ended, told) = tokio::sync::oneshot::channel();
        let own = Arc::clone(&ticket);
        let work = async move {
            tokio::task::block_in_place(|| {
                while !own.is_over() {
                    std::thread::yield_now();
                }
                let _ = ended.send(());
            });
        };
        assert!(tokio::time::timeout(Duration::from_millis(10), accompany(&ticket, work)).await.is_err());
        assert_eq!(told.await, Ok(()));
    }
}
