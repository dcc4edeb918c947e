//! Reading ahead: the head and the rest of a short message are read at once.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use zeroize::{Zeroize as _, Zeroizing};

/// The bytes that are read at once, if fewer are asked for. Usual messages are shorter.
const AHEAD: usize = 1 << 10;

/// A stream with the bytes that were read ahead. They may be secret, so they are wiped as soon as they are taken.
pub(super) struct Ahead<S> {
    stream: S,
    bytes: Zeroizing<[u8; AHEAD]>,
    /// The range of the bytes that are not taken yet.
    from: usize,
    to: usize,
}

impl<S> Ahead<S> {
    /// Wraps a stream.
    pub(super) fn new(stream: S) -> Self {
        Self { stream, bytes: Zeroizing::new([0; AHEAD]), from: 0, to: 0 }
    }

    /// Returns the stream.
    pub(super) fn stream(&self) -> &S {
        &self.stream
    }

    /// Moves bytes that were read ahead to the buffer.
    fn take(&mut self, buffer: &mut ReadBuf<'_>) {
        let to = self.to.min(self.from + buffer.remaining());
        if let Some(taken) = self.bytes.get_mut(self.from..to) {
            buffer.put_slice(taken);
            taken.zeroize();
            self.from = to;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Ahead<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let own = &mut *self;
        if own.from == own.to {
            if buffer.remaining() >= AHEAD {
                return Pin::new(&mut own.stream).poll_read(context, buffer);
            }
            let mut ahead = ReadBuf::new(&mut *own.bytes);
            ready!(Pin::new(&mut own.stream).poll_read(context, &mut ahead))?;
            (own.from, own.to) = (0, ahead.filled().len());
        }
        own.take(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Ahead<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
