//! The body of an answer on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::Response;
use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::activity::Sending;
use crate::http::Held;

/// The largest part that is handed to the connection at one time, in bytes. The connection buffers no more than this of
/// an answer that its client does not read.
const PART: usize = 16 << 10;

/// A body that is handed to the connection in parts. Its reserved memory is released when the last of its bytes is
/// freed, wherever they are buffered until then.
pub(super) struct Outgoing<B> {
    inner: B,
    /// The bytes that are ready and not handed over yet.
    rest: Bytes,
    owner: Option<Owner>,
}

/// The owner of the body's bytes. It lives as long as any of them.
struct Owner {
    bytes: Bytes,
    _room: Option<Held>,
    _sending: Sending,
}

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Returns the same response with a body that counts as being sent until its last byte is sent.
pub(super) fn outgoing<B>(mut response: Response<B>, sending: Sending) -> Response<Outgoing<B>> {
    let room = response.extensions_mut().remove::<Held>();
    response.map(|inner| Outgoing {
        inner,
        rest: Bytes::new(),
        owner: Some(Owner { bytes: Bytes::new(), _room: room, _sending: sending }),
    })
}

impl<B: Body<Data = Bytes> + Unpin> Body for Outgoing<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        while self.rest.is_empty() {
            let Some(frame) = ready!(Pin::new(&mut self.inner).poll_frame(context)) else { return Poll::Ready(None) };
            match frame.map(Frame::into_data) {
                Ok(Ok(bytes)) => {
                    self.rest = match self.owner.take() {
                        Some(owner) => Bytes::from_owner(Owner { bytes, ..owner }),
                        None => bytes,
                    };
                }
                Ok(Err(other)) => return Poll::Ready(Some(Ok(other))),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        let length = self.rest.len().min(PART);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match (self.inner.size_hint().exact(), u64::try_from(self.rest.len())) {
            (Some(inner), Ok(rest)) => SizeHint::with_exact(inner.saturating_add(rest)),
            _ => SizeHint::new(),
        }
    }
}
