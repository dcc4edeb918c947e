//! Closing a connection that its client may still be writing to.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_openssl::SslStream;

/// The longest time that arriving bytes are discarded after the last answer.
const LONGEST: Duration = Duration::from_secs(1);

/// The maximum number of discarded bytes: enough for a body that is only a little too large.
const MOST: usize = 16 << 20;

/// The maximum number of reads before the task yields to other tasks.
const READS: u8 = 64;

/// A stream over TCP.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    /// Returns the TCP connection.
    fn tcp(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Wire for SslStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref()
    }
}

/// Whether the last answer was sent before its request was completely read.
pub(super) type Cut = Arc<AtomicBool>;

/// A stream that is closed in two steps (RFC 9112 section 9.6). If the server closed the socket while the client still
/// sends, the client's system would receive a reset, and might discard the answer before the client reads it. So the
/// server first closes only its sending side. Then it discards what the client still sends, without decrypting it,
/// until the client has closed too.
pub(super) struct Parting<W> {
    wire: W,
    cut: Cut,
    /// Whether the client has closed its sending side.
    is_over: bool,
    /// The timer that runs since the server closed its sending side.
    closed: Option<Pin<Box<Sleep>>>,
    left: usize,
}

impl<W: Wire> Parting<W> {
    /// Wraps a stream. `cut` is read when the server closes.
    pub(super) fn new(wire: W, cut: Cut) -> Self {
        Self { wire, cut, is_over: false, closed: None, left: MOST }
    }

    /// Returns the TCP connection.
    pub(super) fn tcp(&self) -> &TcpStream {
        self.wire.tcp()
    }

    /// Discards arrived bytes. It is ready once the client has closed, or has sent [`MOST`] bytes.
    fn poll_thrown_away(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut part = [0; 16 << 10];
        let mut reads = 0..READS;
        while self.left > 0 {
            if reads.next().is_none() {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.wire.tcp().try_read(&mut part) {
                Ok(read @ 1..) => {
                    self.left = self.left.saturating_sub(read);
                    self.cut.store(true, Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.cut.load(Ordering::Relaxed) {
                        return Poll::Ready(());
                    }
                    if ready!(self.wire.tcp().poll_read_ready(context)).is_err() {
                        return Poll::Ready(());
                    }
                }
                _ => return Poll::Ready(()),
            }
        }
        Poll::Ready(())
    }
}

impl<W: Wire> AsyncRead for Parting<W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let room = buffer.remaining();
        ready!(Pin::new(&mut self.wire).poll_read(context, buffer))?;
        self.is_over = room > 0 && buffer.filled().len() == before;
        Poll::Ready(Ok(()))
    }
}

impl<W: Wire> AsyncWrite for Parting<W> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let own = &mut *self;
        if own.closed.is_none() {
            ready!(Pin::new(&mut own.wire).poll_shutdown(context))?;
            own.closed = Some(Box::pin(sleep(LONGEST)));
        }
        let is_late = own.closed.as_mut().is_none_or(|closed| closed.as_mut().poll(context).is_ready());
        if own.is_over || is_late {
            return Poll::Ready(Ok(()));
        }
        own.poll_thrown_away(context).map(Ok)
    }
}
