//! The body of a request while it arrives, and the rest of it after the answer is known.
//!
//! The server may answer a request before its body has arrived, because the request is refused or the route takes no
//! body. Some clients then lose the answer: curl 7.88 treats the end of an HTTP/2 stream as an error while it still
//! sends, and over HTTP/1.1 unread bytes reset the connection (RFC 9112 section 9.6). So the server first reads and
//! discards a part of the rest.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};
use warp::http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use warp::http::{HeaderMap, Version};
use warp::hyper::body::Bytes;

use crate::desk::{Desk, Discarding, Who};

/// The number of bytes of a discarded body after which no further part is read before the answer.
const MOST: usize = 64 << 10;

/// The longest time to discard a body before the answer, and the time that an HTTP/2 stream whose body has not ended
/// stays open after its answer.
const LONGEST: Duration = Duration::from_secs(1);

/// The next part of a body, as it arrived; `None` at its end.
type Next = Box<dyn FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, warp::Error>>> + Send>;

/// The body of a request.
pub(super) struct Incoming {
    next: Option<Next>,
    /// The bytes that have not arrived yet; `None` unless the body is one of HTTP/1 with a Content-Length.
    left: Option<usize>,
    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 section 10.1.1).
    awaits_leave: bool,
    /// Whether the body is not read further: it has ended, failed or is late.
    is_over: bool,
    end: End,
}

/// Shows whether a body was read to its end, even after the body was dropped.
#[derive(Clone)]
pub(super) struct End(Arc<AtomicBool>);

impl End {
    /// Whether the body was read to its end, so that the connection can be used for another request.
    pub(super) fn is_reached(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether an HTTP/1.1 request has a body (RFC 9112 section 6.3).
#[must_use]
pub fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING) || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}

impl Incoming {
    /// Creates the body of a request with these headers.
    pub(super) fn new<S, B>(stream: S, version: Version, headers: &HeaderMap) -> Self
    where
        S: warp::Stream<Item = Result<B, warp::Error>> + Send + 'static,
        B: warp::Buf + Send + 'static,
    {
        let is_empty = version < Version::HTTP_2 && !has_body(headers);
        let next = (!is_empty).then(|| -> Next {
            let mut stream = Box::pin(stream);
            let bytes = |mut part: B| part.copy_to_bytes(part.remaining());
            let next = move |context: &mut Context<'_>| {
                stream.as_mut().poll_next(context).map(|part| part.map(|part| part.map(bytes)))
            };
            Box::new(next)
        });
        let is_measured = version < Version::HTTP_2 && !headers.contains_key(TRANSFER_ENCODING);
        let length = headers.get(CONTENT_LENGTH).filter(|_| is_measured);
        let left = length.and_then(|length| length.to_str().ok()?.parse().ok());
        Self {
            next,
            left,
            awaits_leave: version == Version::HTTP_11 && headers.contains_key(EXPECT),
            is_over: is_empty,
            end: End(Arc::new(AtomicBool::new(is_empty))),
        }
    }

    /// Returns a handle that shows whether the end of the body was reached.
    pub(super) fn end(&self) -> End {
        self.end.clone()
    }

    /// Waits for the next part of the body; `None` at its end.
    pub(super) async fn next(&mut self) -> Option<Result<Bytes, warp::Error>> {
        let next = self.next.as_mut().filter(|_| !self.is_over)?;
        self.awaits_leave = false;
        let part = poll_fn(next).await;
        if let (Some(Ok(part)), Some(left)) = (&part, &mut self.left) {
            *left = left.saturating_sub(part.len());
        }
        // A complete body is not polled for its end, because that would wake the connection's task once more.
        let is_whole = part.is_none() || self.left == Some(0);
        self.is_over = is_whole || !matches!(part, Some(Ok(_)));
        if is_whole {
            self.end.0.store(true, Ordering::Relaxed);
        }
        part
    }

    /// Stops waiting for the body, because it did not arrive in time.
    pub(super) fn give_up(&mut self) {
        self.is_over = true;
    }

    /// Reads and discards the rest of the body before the answer is sent: about [`MOST`] bytes, for at most [`LONGEST`]
    /// and until `deadline`. It discards nothing if the desk has no place for it, or if the client waits for
    /// `100 Continue`. If an HTTP/2 body has not ended, its stream stays open for [`LONGEST`], so that the client can
    /// read the answer.
    pub(super) async fn discard(mut self, desk: &Desk, who: impl FnOnce() -> Who, version: Version, deadline: Instant) {
        if self.is_over || self.awaits_leave {
            return;
        }
        let is_stream = version == Version::HTTP_2;
        let Some(discarding) = desk.discard(&who(), is_stream) else { return };
        let until = deadline.min(Instant::now() + LONGEST);
        let _ = timeout_at(until, self.throw_away()).await;
        if !self.is_over && is_stream {
            tokio::spawn(self.keep(discarding));
        }
    }

    async fn throw_away(&mut self) {
        let mut read = 0;
        while read <= MOST
            && let Some(Ok(part)) = self.next().await
        {
            read += part.len();
        }
    }

    /// Keeps the stream open. HTTP/2 does not buffer more of the body than the memory that the desk has counted.
    async fn keep(self, _discarding: Discarding) {
        sleep_until(Instant::now() + LONGEST).await;
    }
}
