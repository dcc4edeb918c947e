//! A TCP stream that can be read after writing has failed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP stream that still reads after its peer has stopped reading.
///
/// A server may refuse a request and close before it has read all of it. With TLS 1.3, it refuses a client certificate
/// in this way. Then writing fails although the reason can still be read. So bytes that can no longer be written are
/// dropped, and the error is reported when there is nothing left to read.
#[derive(Debug)]
pub(super) struct Socket {
    tcp: TcpStream,
    unwritten: Option<io::Error>,
}

impl Socket {
    pub(super) fn new(tcp: TcpStream) -> Self {
        Self { tcp, unwritten: None }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(context, buffer))?;
        let ended = buffer.filled().len() == before && buffer.remaining() > 0;
        match self.unwritten.take() {
            Some(error) if ended => Poll::Ready(Err(error)),
            kept => {
                self.unwritten = kept;
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.unwritten.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        match ready!(Pin::new(&mut self.tcp).poll_write(context, bytes)) {
            Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                self.unwritten = Some(error);
                Poll::Ready(Ok(bytes.len()))
            }
            result => Poll::Ready(result),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_refusal_is_read_although_the_peer_takes_nothing_more() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = tokio::spawn(async move {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut first = [0];
            peer.read_exact(&mut first).await.unwrap();
            peer.write_all(b"refused").await.unwrap();
            // Closed with unread input: the peer's kernel resets the connection.
        });
        let mut socket = Socket::new(TcpStream::connect(address).await.unwrap());
        socket.write_all(&[7; 4096]).await.unwrap();
        peer.await.unwrap();
        for _ in 0..64 {
            socket.write_all(&[7; 4096]).await.unwrap();
        }
        let mut answer = [0; 7];
        socket.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"refused");
        assert!(socket.read(&mut answer).await.is_err());
    }
}
