//! Messages of KMIP in every encoding and version: the part that the KMIP socket and the HTTP routes share.

mod credentials;
mod encoding;

use crate::kmip;
use crate::kmip::enumerations::{ResultReason, ResultStatus};
use crate::kmip::error::Fault;
use crate::kmip::message::{RequestBatchItem, RequestMessage, ResponseBatchItem, ResponseMessage};
use crate::kmip::ttlv::{DateTime, Document};
use crate::kmip::versions::{self, Version};
use crate::kms::{self, Context, Kms, Way};
use crate::metrics::{self, Outcome};
use crate::principal::Username;
use crate::text::Shown;

pub use encoding::Encoding;

/// The largest message, in bytes. JSON writes two digits for a byte of data.
pub const MAX_MESSAGE: usize = 8 << 20;

/// A request and its caller.
pub struct Asked<'a> {
    /// The caller and the way of the request, without the version of KMIP.
    pub context: Context<'a>,
    /// The name that the caller's credential proved.
    pub proved: &'a Username,
    /// The measurement of the request.
    pub measured: &'a metrics::Request,
}

/// The answer to a message.
pub struct Answered {
    /// The answer, in the encoding of the request.
    pub bytes: Vec<u8>,
    /// The version of the answer.
    pub version: Version,
    /// Whether the bytes of the request were a document of the encoding. If not, nothing that follows them on a
    /// connection can be trusted to be one.
    pub was_readable: bool,
}

/// Answers a message. `usual` is the version of the answer if the message does not show its version.
#[must_use]
pub fn answer(kms: &Kms, encoding: Encoding, asked: &Asked<'_>, message: &[u8], usual: Version) -> Answered {
    let read = encoding.read(message);
    let was_readable = read.is_ok();
    let (answer, version) = match read {
        Ok(document) => document_answer(kms, asked, document, usual),
        Err(error) => (failure(usual, &error), usual),
    };
    Answered { bytes: encoding.write(&answer), version, was_readable }
}

/// Answers a message that is not performed, because of its caller or of the state of the server.
#[must_use]
pub fn refuse(encoding: Encoding, version: Version, reason: ResultReason, message: &str) -> Vec<u8> {
    encoding.write(&refusal(version, reason, message.to_owned(), None, None))
}

/// Answers a message that was read. Returns the answer in the version of the message, and that version.
#[must_use]
pub fn document_answer(kms: &Kms, asked: &Asked<'_>, document: Document, usual: Version) -> (Document, Version) {
    let (version, document) = match versions::upgrade(document) {
        Ok(upgraded) => upgraded,
        Err(error) => {
            let version = match error.fault() {
                Fault::UnsupportedVersion { major, minor } => {
                    Version::nearest(kmip::message::ProtocolVersion { major: *major, minor: *minor })
                }
                _ => usual,
            };
            return (failure(version, &error), version);
        }
    };
    let message = match RequestMessage::from_document(document) {
        Ok(message) => message,
        Err(error) => return (failure(version, &error), version),
    };
    (perform(kms, asked, message, version), version)
}

fn perform(kms: &Kms, asked: &Asked<'_>, message: RequestMessage, version: Version) -> Document {
    let Asked { context, proved, measured } = asked;
    measured.action("batch");
    let header = &message.header;
    let correlation = header.client_correlation_value.clone();
    // Some clients of 1.4 and 2.0 do not know the item, and cannot read an answer with it.
    let is_correlated = correlation.is_some() || header.server_correlation_value.is_some();
    if let Err((reason, text)) = credentials::check(&message.header, proved) {
        // The first item stands for the message.
        return refusal(version, reason, text.to_owned(), correlation, message.items.first());
    }
    let limit = message.header.maximum_response_size;
    let way = Way { version: Some(version), ..context.way };
    let mut answer = kms.execute_message(&Context { way, ..*context }, message);
    for item in &answer.items {
        measured.batch_item(item.operation, outcome(item));
    }
    answer.header.server_correlation_value = is_correlated.then(|| context.request.to_owned());
    let Some(limit) = limit else { return versions::downgrade(version, answer) };
    let brief = without_payloads(&answer);
    let answer = versions::downgrade(version, answer);
    // The size counts in the binary encoding, whatever encoding is used (KMIP 2.1 section 9.12).
    if usize::try_from(limit).is_ok_and(|limit| answer.ttlv_length() <= limit) {
        return answer;
    }
    versions::downgrade(version, brief)
}

/// The answer in which each item with a payload fails, because the answer is too large for the client.
fn without_payloads(answer: &ResponseMessage) -> ResponseMessage {
    let error = kms::Error::ResponseTooLarge;
    let brief = |item: &ResponseBatchItem| match item.response {
        None => item.clone(),
        Some(_) => {
            let (id, text) = (item.unique_batch_item_id.clone(), Shown(&error).to_string());
            ResponseBatchItem::failure(item.operation, id, error.result_reason(), text)
        }
    };
    ResponseMessage { header: answer.header.clone(), items: answer.items.iter().map(brief).collect() }
}

/// The answer to a message that cannot be read.
fn failure(version: Version, error: &kmip::Error) -> Document {
    refusal(version, error.result_reason(), Shown(error).to_string(), None, None)
}

/// The answer to a message that is not performed. It names the operation and the identifier of the item that it refuses
/// (section 8.6), if the message was read.
fn refusal(
    version: Version,
    reason: ResultReason,
    message: String,
    correlation: Option<String>,
    refused: Option<&RequestBatchItem>,
) -> Document {
    let (operation, id) = refused.map_or((None, None), |item| (item.operation, item.unique_batch_item_id.clone()));
    let failure = ResponseBatchItem::failure(operation, id, reason, message);
    let item = ResponseBatchItem { unknown_operation: refused.and_then(|item| item.unknown_operation), ..failure };
    let answer = ResponseMessage::new(DateTime(kms::now()), correlation, vec![item]);
    versions::downgrade(version, answer)
}

/// Returns the outcome of one batch item: the one that its HTTP status would have without a RequestMessage.
fn outcome(item: &ResponseBatchItem) -> Outcome {
    match item.result_reason {
        None if item.result_status == ResultStatus::OperationUndone => Outcome::ClientError,
        None => Outcome::Success,
        Some(
            ResultReason::ObjectNotFound
            | ResultReason::PermissionDenied
            | ResultReason::IncompatibleCryptographicUsageMask
            | ResultReason::Sensitive
            | ResultReason::NotExtractable,
        ) => Outcome::Refused,
        Some(ResultReason::GeneralFailure) => Outcome::Unavailable,
        Some(ResultReason::InternalServerError) => Outcome::Failed,
        Some(_) => Outcome::ClientError,
    }
}
