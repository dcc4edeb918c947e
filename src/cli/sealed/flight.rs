//! Requests for the chunks of a file. Several run at one time; their answers are written in the order of the chunks.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::cli::error::Error;
use crate::cli::target::Target;
use crate::secret::Bytes;

/// The number of requests at one time: while the server works on one chunk, the next one is being sent.
const MOST: usize = 2;

type Answer = Result<Bytes, Error>;

/// The channel for chunks that were read, or for the error that ended the reading.
pub(super) struct Chunks<T>(Sender<Result<T, Error>>);

impl<T> Chunks<T> {
    /// Hands a chunk over, once there is room.
    pub(super) async fn put(&self, chunk: T) {
        // If the receiver is gone, the command has failed, and reading is abandoned.
        let _ = self.0.send(Ok(chunk)).await;
    }
}

enum Request<'a> {
    Asked(Pin<Box<dyn Future<Output = Answer> + 'a>>),
    Answered(Answer),
}

/// The running requests, in the order of their chunks.
#[derive(Default)]
struct Flight<'a>(VecDeque<Request<'a>>);

impl Flight<'_> {
    /// Polls all requests. It is ready with the answer to the first one.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Answer>> {
        for request in &mut self.0 {
            if let Request::Asked(asked) = request
                && let Poll::Ready(answer) = asked.as_mut().poll(context)
            {
                *request = Request::Answered(answer);
            }
        }
        match self.0.pop_front() {
            None => Poll::Ready(None),
            Some(Request::Answered(answer)) => Poll::Ready(Some(answer)),
            Some(asked) => {
                self.0.push_front(asked);
                Poll::Pending
            }
        }
    }
}

/// Calls `ask` for each chunk that `read` puts, and writes the answers to the target in the order of the chunks. An
/// error of reading or asking is returned after the answers to all chunks before it have been written. The requests
/// after it are dropped.
pub(super) async fn in_order<T>(
    target: &mut Target,
    read: impl AsyncFnOnce(&Chunks<T>) -> Result<(), Error>,
    ask: impl AsyncFn(T) -> Answer,
) -> Result<(), Error> {
    // One chunk may wait here while the requests for those before it run.
    let (sender, arrived) = mpsc::channel(1);
    let mut reading = pin!(async move {
        let chunks = Chunks(sender);
        if let Err(error) = read(&chunks).await {
            let _ = chunks.0.send(Err(error)).await;
        }
    });
    let mut writing = pin!(write(target, arrived, &ask));
    tokio::select! {
        biased;
        written = &mut writing => written,
        () = &mut reading => writing.await,
    }
}

async fn write<T>(
    target: &mut Target,
    mut arrived: Receiver<Result<T, Error>>,
    ask: &impl AsyncFn(T) -> Answer,
) -> Result<(), Error> {
    let mut flight = Flight::default();
    let mut is_all = false;
    loop {
        tokio::select! {
            biased;
            answer = poll_fn(|context| flight.poll(context)), if !flight.0.is_empty() => {
                if let Some(answer) = answer {
                    target.write(answer?).await?;
                }
            }
            chunk = arrived.recv(), if !is_all && flight.0.len() < MOST => match chunk {
                Some(Ok(chunk)) => flight.0.push_back(Request::Asked(Box::pin(async { ask(chunk).await }))),
                Some(Err(error)) => flight.0.push_back(Request::Answered(Err(error))),
                None => is_all = true,
            },
            else => return Ok(()),
        }
    }
}
