//! Answers to requests.

use std::io;
use std::sync::Arc;

use serde::Serialize;
use warp::http::StatusCode;

use super::bounds::MAX_ANSWER;
use crate::desk::{Full, Room};
use crate::metrics::Outcome;

/// The largest unused capacity of an answer's body that is not counted, in bytes.
const LITTLE: usize = 4 << 10;

/// A status and a body, to be rendered as a response.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) media_type: &'static str,
    /// The Content-Encoding, if the body has one.
    pub(super) encoding: Option<&'static str>,
    pub(super) body: Vec<u8>,
    /// Seconds after which the request may be tried again.
    pub(super) retry_after: Option<u16>,
    /// The memory that is reserved for the body until it is sent.
    pub(super) room: Option<Room>,
}

impl Answer {
    /// Returns an answer with a JSON body.
    pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let mut body = Bounded(Vec::with_capacity(256));
        // A body that was cut off is refused by `weighed`.
        let _ = serde_json::to_writer(&mut body, value);
        Self::new(status, "application/json", body.0)
    }

    /// Returns an answer with a body of plain text.
    pub(super) fn text(status: StatusCode, body: Vec<u8>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body)
    }

    /// Returns an answer with a body of any media type.
    pub(super) fn new(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Self {
        Self { status, media_type, encoding: None, body, retry_after: None, room: None }
    }

    /// Checks the size of the answer, and reserves memory for its body from `room`.
    pub(super) fn weighed(mut self, mut room: Room) -> Result<Self, Weight> {
        if self.body.len() > MAX_ANSWER && self.status.is_success() {
            return Err(Weight::TooLarge);
        }
        // Freeing a small rest would copy the whole body.
        if self.body.capacity() - self.body.len() > LITTLE {
            self.body.shrink_to_fit();
        }
        room.hold(self.body.len()).map_err(Weight::Full)?;
        self.room = Some(room);
        Ok(self)
    }

    /// Marks the body as base64 (`Content-Encoding: base64`).
    pub(super) fn in_base64(self) -> Self {
        Self { encoding: Some("base64"), ..self }
    }

    /// Returns the outcome for the metrics.
    pub(super) fn outcome(&self) -> Outcome {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS if self.retry_after.is_some() => Outcome::Unavailable,
            StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => Outcome::Unauthenticated,
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Outcome::Refused,
            StatusCode::SERVICE_UNAVAILABLE => Outcome::Unavailable,
            StatusCode::NOT_IMPLEMENTED => Outcome::ClientError,
            status if status.is_server_error() => Outcome::Failed,
            status if status.is_client_error() => Outcome::ClientError,
            _ => Outcome::Success,
        }
    }
}

/// The reason why an answer cannot be sent.
pub(super) enum Weight {
    /// The body is larger than [`MAX_ANSWER`].
    TooLarge,
    /// There is no memory left for the body.
    Full(Full),
}

/// A body that stops growing soon after it is too large to be sent.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.0.len() > MAX_ANSWER {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The reserved memory of a response body. The connection releases it when the body is sent.
#[derive(Debug, Clone)]
pub struct Held(pub Arc<Room>);
