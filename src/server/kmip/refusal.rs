//! Messages that are refused as a whole. The connection ends after the answer, because the rest of the message may not
//! have been read.

use crate::desk::{Ended, Full, HSM_HANGS, Refused};
use crate::kmip;
use crate::kmip::enumerations::ResultReason;
use crate::kms::{NotKnown, UNCHECKED};
use crate::metrics::Outcome;
use crate::wire::MAX_MESSAGE;

/// The reason why a message has no answer of the service.
pub(super) enum Stop {
    /// The client is gone.
    Gone,
    /// The message is refused.
    Refused(Refusal),
}

/// The answer to a message that is refused.
pub(super) struct Refusal {
    pub(super) reason: ResultReason,
    pub(super) message: String,
    pub(super) outcome: Outcome,
}

impl Stop {
    fn refused(reason: ResultReason, outcome: Outcome, message: impl Into<String>) -> Self {
        Self::Refused(Refusal { reason, message: message.into(), outcome })
    }

    /// The bytes are not a message.
    pub(super) fn malformed(error: &kmip::Error) -> Self {
        Self::refused(error.result_reason(), Outcome::ClientError, error.to_string())
    }

    /// The bytes are another structure than a request.
    pub(super) fn not_a_request() -> Self {
        let text = "the bytes are not a RequestMessage in the binary encoding of KMIP";
        Self::refused(ResultReason::InvalidMessage, Outcome::ClientError, text)
    }

    /// The message is longer than [`MAX_MESSAGE`].
    pub(super) fn too_long(length: usize) -> Self {
        let text = format!("the message has {length} bytes; the server accepts at most {MAX_MESSAGE}");
        Self::refused(ResultReason::ServerLimitExceeded, Outcome::ClientError, text)
    }

    /// The rest of the message did not arrive in time.
    pub(super) fn late() -> Self {
        Self::refused(ResultReason::GeneralFailure, Outcome::ClientError, "the message did not arrive in time")
    }

    /// The desk has no place or memory.
    pub(super) fn full(full: Full, refused: Refused) -> Self {
        let text = match (full, refused) {
            (Full::Share, Refused::Memory) => {
                "the requests and answers of this caller take too much memory at one time: try again later"
            }
            _ => full.advice(),
        };
        Self::refused(ResultReason::ServerLimitExceeded, Outcome::Unavailable, text)
    }
}

impl From<NotKnown> for Stop {
    fn from(refused: NotKnown) -> Self {
        match refused {
            NotKnown::Unauthenticated { .. } => Self::refused(
                ResultReason::AuthenticationNotSuccessful,
                Outcome::Unauthenticated,
                "the client certificate is not valid: the server's log has the reason",
            ),
            NotKnown::Unavailable => Self::refused(ResultReason::GeneralFailure, Outcome::Unavailable, UNCHECKED),
        }
    }
}

impl From<Ended> for Stop {
    fn from(ended: Ended) -> Self {
        let (outcome, text) = match ended {
            Ended::Panicked => (Outcome::Failed, "internal error"),
            Ended::Hsm => (Outcome::Unavailable, HSM_HANGS),
            Ended::Deadline => (
                Outcome::Unavailable,
                "the request took too long (--request-timeout): the operation may have been performed",
            ),
        };
        Self::refused(ResultReason::GeneralFailure, outcome, text)
    }
}
