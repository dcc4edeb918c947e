//! Failures as RFC 9457 problem documents, and the HTTP status of each error of the service.

use std::net::IpAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tracing::Level;
use warp::http::StatusCode;

use super::answer::Answer;
use crate::auth::Repeats;
use crate::custody::RootError;
use crate::desk::{Full, HSM_HANGS, Refused};
use crate::kmip::enumerations::ResultReason;
use crate::kmip::{Dialect, Fault};
use crate::kms;
use crate::policy::Refusal;
use crate::text::Shown;

/// The media type of problem documents (RFC 9457 section 6.1).
const MEDIA_TYPE: &str = "application/problem+json";

/// The seconds after which a client should try again if the front desk refused its request.
const SOON: u16 = 1;

/// A failed request.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) detail: String,
    result_reason: Option<ResultReason>,
    /// Details for the log only.
    internal: Option<String>,
    /// Whether the caller is authenticated.
    is_of_caller: bool,
    /// Whether the caller's JWT is trusted by an idps table.
    pub(super) is_of_table: bool,
    /// Whether the caller's role lacks the capability.
    pub(super) lacks_capability: bool,
    /// The number of bytes that the HSM accepts in one call, if the request has more.
    most_bytes: Option<usize>,
    /// Seconds after which the request may be tried again.
    retry_after: Option<u16>,
    /// Whether the problem is already logged, so that many requests do not fill the log.
    is_logged: bool,
}

/// The members of a problem document (RFC 9457 section 3), and this server's own ones.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct Document<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    most_bytes: Option<usize>,
    request_id: &'a str,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            result_reason: None,
            internal: None,
            is_of_caller: false,
            is_of_table: false,
            lacks_capability: false,
            most_bytes: None,
            retry_after: None,
            is_logged: false,
        }
    }

    /// Marks the problem as one for a caller of an idps table.
    pub(super) fn of_table(self) -> Self {
        Self { is_of_table: true, ..self }
    }

    /// Marks the problem as one for an authenticated caller.
    pub(super) fn of_caller(self) -> Self {
        Self { is_of_caller: true, ..self }
    }

    /// Returns the problem of a request for which the front desk had no place or memory. The desk has logged it.
    pub(super) fn full(full: Full, refused: Refused) -> Self {
        let status = match full {
            Full::Share => StatusCode::TOO_MANY_REQUESTS,
            Full::All => StatusCode::SERVICE_UNAVAILABLE,
        };
        let what = match (full, refused) {
            (Full::Share, Refused::Memory) => {
                "the requests and answers of this caller take too much memory at one time: read the answers, and try again"
            }
            _ => full.advice(),
        };
        Self { retry_after: Some(SOON), is_logged: true, ..Self::new(status, what) }
    }

    /// Returns the problem of a request that took longer than `allowed`. The desk has logged it.
    pub(super) fn too_long(allowed: Duration) -> Self {
        let what = format!(
            "the request took longer than {} s (--request-timeout): the operation may have been performed",
            allowed.as_secs()
        );
        Self { retry_after: Some(SOON), is_logged: true, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, what) }
    }

    /// Returns the problem of a request whose HSM call did not return in time.
    pub(super) fn hangs() -> Self {
        Self { retry_after: Some(SOON), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, HSM_HANGS) }
    }

    /// Returns the problem of a failed authentication. It is the same for every cause, so that it does not help an
    /// attacker.
    pub(super) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "the request carries no valid credential")
    }

    /// Logs the problem, and returns the answer in the format of the client. The detail may quote the request, so it is
    /// escaped as all text from outside.
    pub(super) fn render(
        mut self,
        refusal: fn(&Self, &str) -> Answer,
        request_id: &str,
        address: IpAddr,
        repeats: &Repeats,
    ) -> Answer {
        self.detail = Shown(&self.detail).to_string();
        self.log(address, repeats);
        Answer { retry_after: self.retry_after, ..refusal(&self, request_id) }
    }

    /// Logs the problem. Unauthenticated callers must not be able to fill the log.
    fn log(&self, address: IpAddr, repeats: &Repeats) {
        let (status, detail, internal) = (self.status.as_u16(), &self.detail, self.internal.as_deref());
        // A request that is not served is not a failure of the server.
        let is_failure = self.status.is_server_error() && self.status != StatusCode::NOT_IMPLEMENTED;
        let level = if is_failure { Level::ERROR } else { Level::INFO };
        if self.is_logged || matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS) {
            // The code that found the failure has already logged it.
            tracing::debug!(status, "request refused");
        } else if !self.is_of_caller && !repeats.is_first(address, level, format_args!("{status} {detail}")) {
            tracing::debug!(status, %detail, internal, "request refused again");
        } else if level == Level::ERROR {
            tracing::error!(status, %detail, internal, "request failed");
        } else {
            tracing::info!(status, %detail, internal, "request refused");
        }
    }

    /// Returns the problem document.
    pub(super) fn document<'a>(&'a self, request_id: &'a str) -> Document<'a> {
        Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            result_reason: self.result_reason.map(|reason| reason.name(Dialect::Bare)),
            most_bytes: self.most_bytes,
            request_id,
        }
    }

    /// Returns an answer with a problem document, which may have further members.
    pub(super) fn answer(&self, document: &impl Serialize) -> Answer {
        Answer::new(self.status, MEDIA_TYPE, serde_json::to_vec(document).unwrap_or_default())
    }
}

impl From<kms::Error> for Problem {
    fn from(error: kms::Error) -> Self {
        use kms::Error as E;
        Self {
            status: status(&error),
            detail: error.to_string(),
            result_reason: Some(error.result_reason()),
            internal: error.detail(),
            is_of_caller: false,
            is_of_table: false,
            retry_after: matches!(error, E::NoRoom | E::Sweeps(_) | E::Pairs(_)).then_some(SOON),
            // The gate sums these up in the log.
            is_logged: matches!(error, E::Sweeps(_) | E::Pairs(_)),
            most_bytes: match error {
                kms::Error::TooLong { most, .. } => Some(most),
                _ => None,
            },
            lacks_capability: matches!(error, kms::Error::NotPermitted { refusal: Refusal::Capability { .. }, .. }),
        }
    }
}

/// Returns the HTTP status of an error.
fn status(error: &kms::Error) -> StatusCode {
    use kms::Error as E;
    match error {
        E::Message(error) if matches!(error.fault(), Fault::NotServed(_) | Fault::UnsupportedOperation(_)) => {
            StatusCode::NOT_IMPLEMENTED
        }
        E::Message(_)
        | E::NoIdentifier
        | E::InvalidIdentifier
        | E::ReadOnly(_)
        | E::Missing(_)
        | E::Invalid { .. }
        | E::BadParameters(_)
        | E::DigestLength { .. }
        | E::Project
        | E::SecretPath
        | E::NoPlace(_)
        | E::Reason => StatusCode::BAD_REQUEST,
        E::UsageMask(_)
        | E::Sensitive
        | E::NoneInClear
        | E::NoneLeaves
        | E::WrappingKey(_)
        | E::NotExtractable
        | E::Chosen { .. }
        | E::NotPermitted { .. } => StatusCode::FORBIDDEN,
        E::NotFound(_)
        | E::NotTagged(_)
        | E::Undefined { .. }
        | E::NoAudit
        | E::NoAccessToken
        | E::NoSecretVersion(_) => StatusCode::NOT_FOUND,
        E::Place(fault) => place_status(fault),
        E::Attribute(fault) => attribute_status(fault),
        E::Lifecycle(fault) => lifecycle_status(fault),
        E::Kept(fault) => kept_status(fault),
        E::Cipher(fault) => cipher_status(fault),
        E::Key(fault) => key_status(fault),
        E::SecretTooLong | E::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        E::NoRoom | E::Sweeps(Full::Share) | E::Pairs(Full::Share) => StatusCode::TOO_MANY_REQUESTS,
        E::AccessToken(_) => StatusCode::UNAUTHORIZED,
        E::SigningKey(RootError::TooManyTokenKeys(_)) => StatusCode::CONFLICT,
        E::Exists(_)
        | E::Destroyed(_)
        | E::State(_)
        | E::Disabled(_)
        | E::Contention
        | E::InPolicyFile { .. }
        | E::ProjectInUse(_)
        | E::Handover(_)
        | E::TooManyTokens(_)
        | E::TooManyClientSecrets(_)
        | E::GcmLimit { .. }
        | E::GcmLimitOfSecret { .. }
        | E::SecretEnded(_)
        | E::RoleInUse(_) => StatusCode::CONFLICT,
        E::UnsupportedAttribute(_)
        | E::UnsupportedAlgorithm(_)
        | E::UnsupportedParameters(_)
        | E::UnknownApiToken
        | E::NotQuantumSafe
        | E::KeySize { .. }
        | E::KeyWrap(_)
        | E::EncodingOption
        | E::NotWrappable(_)
        | E::OtherClass { .. }
        | E::Decryption
        | E::NotASecret(_)
        | E::ObjectType(_)
        | E::NameTaken { .. }
        | E::NoRole { .. }
        | E::Definition(_)
        | E::ClientSecret { .. }
        | E::NoEffect(_)
        | E::Feature(_)
        | E::ResponseTooLarge
        | E::AnswerTooLarge => StatusCode::UNPROCESSABLE_ENTITY,
        E::Integrity(_) | E::Internal(_) | E::Uncounted(_) => StatusCode::INTERNAL_SERVER_ERROR,
        E::Hsm(_)
        | E::Unbound(_)
        | E::Store(_)
        | E::Audit(_)
        | E::SigningKey(_)
        | E::Searching
        | E::Abandoned
        | E::Undone
        | E::Sweeps(Full::All)
        | E::Pairs(Full::All)
        | E::Crowded
        | E::Unsearchable(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Returns the HTTP status of a fault about a cipher.
fn cipher_status(fault: &kms::CipherFault) -> StatusCode {
    use kms::CipherFault as F;
    match fault {
        F::Lacks { .. } | F::Legacy(_) => StatusCode::UNPROCESSABLE_ENTITY,
        F::TagLength(_) | F::Part(_) => StatusCode::BAD_REQUEST,
        F::NoStream => StatusCode::CONFLICT,
        F::TooManyStreams { .. } => StatusCode::TOO_MANY_REQUESTS,
        F::TooMuchStreamed { .. } => StatusCode::PAYLOAD_TOO_LARGE,
    }
}

/// Returns the HTTP status of a fault about the change of an attribute.
fn attribute_status(fault: &kms::AttributeFault) -> StatusCode {
    use kms::AttributeFault as F;
    match fault {
        F::ReadOnly(_) | F::Required(_) | F::PairLink | F::NamedTwice | F::Different(..) => StatusCode::BAD_REQUEST,
        F::NotFound(_) | F::NoInstance(_) => StatusCode::NOT_FOUND,
        F::Frozen { .. } | F::LimitsUsed => StatusCode::CONFLICT,
        F::SingleValued(_)
        | F::SeveralInstances(_)
        | F::NoInstanceNamed(_)
        | F::Same(_)
        | F::OfClass(_)
        | F::MaskGrows
        | F::Namespace(_)
        | F::WouldKeep
        | F::WouldDerive
        | F::WouldUnwrap => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// The status of a request about a private or public key that cannot be completed.
fn key_status(fault: &kms::KeyFault) -> StatusCode {
    use kms::KeyFault as F;
    match fault {
        F::Unsound(_) | F::TooLong { .. } => StatusCode::BAD_REQUEST,
        F::Format { .. } | F::Decryption => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// Returns the HTTP status of a fault about the lifecycle of an object.
fn lifecycle_status(fault: &kms::LifecycleFault) -> StatusCode {
    use kms::LifecycleFault as F;
    match fault {
        F::Lease(_)
        | F::UsageLimit { .. }
        | F::Replaced(_)
        | F::Compromised(_)
        | F::Ended(_)
        | F::Formers(_)
        | F::Rotations => StatusCode::CONFLICT,
        F::EndsAtOnce(_) | F::Storage(_) | F::TooShort => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// Returns the HTTP status of a fault about an object that is kept and given back only.
fn kept_status(fault: &kms::KeptFault) -> StatusCode {
    use kms::KeptFault as F;
    match fault {
        F::Sensitive(_) => StatusCode::FORBIDDEN,
        F::OtherCustody { .. } => StatusCode::CONFLICT,
        F::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        F::Unused { .. } | F::Format { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// Returns the HTTP status of a fault about a place, as Infisical has them.
fn place_status(fault: &kms::PlaceFault) -> StatusCode {
    use kms::PlaceFault as F;
    match fault {
        F::NoEnvironment { .. } | F::NoFolder { .. } | F::Unknown { .. } => StatusCode::NOT_FOUND,
        F::SecretExists(_) | F::Exists { .. } | F::Repeated(_) | F::Full(..) | F::Share(..) => StatusCode::BAD_REQUEST,
        F::NotEmpty { .. } | F::LastEnvironment(_) | F::Former(_) | F::Kept(_) => StatusCode::CONFLICT,
        F::Held(..) | F::NotYours { .. } => StatusCode::FORBIDDEN,
        F::TooMany(_)
        | F::Expansion(_)
        | F::Details(_)
        | F::NoTag(_)
        | F::TooDeep(_)
        | F::Environment(_)
        | F::Path(_)
        | F::SecretName(_)
        | F::Segment { .. }
        | F::KeptSlug { .. }
        | F::Text(_) => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
