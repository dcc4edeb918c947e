//! The response message.

use super::super::enumerations::{AttestationType, Operation, ResultReason, ResultStatus};
use super::super::error::{Error, Fault, excerpt};
use super::super::payloads::Response;
use super::super::structure::structure;
use super::super::tag::Tag;
use super::super::ttlv::{DateTime, Document, Field, Fields, Item, Value};
use super::{BATCH_ITEMS, ProtocolVersion};
use crate::Bytes;

structure! {
    /// Section 8.5.
    #[derive(Eq)]
    pub struct ResponseHeader {
        /// The version of the message.
        protocol_version: ProtocolVersion = ProtocolVersion,
        /// The server's time.
        time_stamp: DateTime = TimeStamp,
        /// The attestation types that the server accepts.
        attestation_types: Vec<AttestationType> = AttestationType,
        /// The client's correlation value of the request.
        client_correlation_value: Option<String> = ClientCorrelationValue,
        /// The server's correlation value of the request.
        server_correlation_value: Option<String> = ServerCorrelationValue,
        /// The number of items in the batch.
        batch_count: i32 = BatchCount,
    }
}

/// Section 8.4.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseMessage {
    /// The header.
    pub header: ResponseHeader,
    /// The items of the batch, in order.
    pub items: Vec<ResponseBatchItem>,
}

/// Section 8.6.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseBatchItem {
    /// The operation, if the request names one of the standard.
    pub operation: Option<Operation>,
    /// The code of another operation that the request names.
    pub unknown_operation: Option<u32>,
    /// The client's identifier of this item.
    pub unique_batch_item_id: Option<Bytes>,
    /// The status of the result.
    pub result_status: ResultStatus,
    /// The reason for the failure.
    pub result_reason: Option<ResultReason>,
    /// The reason for the failure, in words.
    pub result_message: Option<String>,
    /// The response.
    pub response: Option<Response>,
}

const NAME: &str = "ResponseMessage";

impl ResponseMessage {
    /// Creates a message with these items.
    #[must_use]
    pub fn new(now: DateTime, client_correlation_value: Option<String>, items: Vec<ResponseBatchItem>) -> Self {
        let header = ResponseHeader {
            protocol_version: ProtocolVersion::V2_1,
            time_stamp: now,
            attestation_types: Vec::new(),
            client_correlation_value,
            server_correlation_value: None,
            batch_count: i32::try_from(items.len()).unwrap_or(i32::MAX),
        };
        Self { header, items }
    }

    /// Reads a message.
    pub fn from_document(document: Document) -> Result<Self, Error> {
        if Tag::from_name(&document.name) != Some(Tag::ResponseMessage) {
            return Err(Fault::UnknownDocument(excerpt(&document.name)).into());
        }
        Self::read(document.value).map_err(|error| error.within_document(NAME))
    }

    /// Writes the message.
    #[must_use]
    pub fn into_document(self) -> Document {
        let mut items = vec![Item::new(Tag::ResponseHeader, self.header)];
        items.extend(self.items.into_iter().map(|item| Item::new(Tag::BatchItem, item)));
        Document { name: NAME.into(), value: Value::Structure(items) }
    }

    fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let header = fields.required(Tag::ResponseHeader)?;
        let items: Vec<ResponseBatchItem> = fields.many(Tag::BatchItem)?;
        fields.finish()?;
        if items.len() > BATCH_ITEMS {
            return Err(Fault::TooMany { tag: Tag::BatchItem, bound: BATCH_ITEMS }.into());
        }
        Ok(Self { header, items })
    }
}

impl ResponseBatchItem {
    /// Creates the item of an operation that succeeded.
    #[must_use]
    pub fn success(unique_batch_item_id: Option<Bytes>, response: Response) -> Self {
        Self {
            operation: Some(response.operation()),
            unknown_operation: None,
            unique_batch_item_id,
            result_status: ResultStatus::Success,
            result_reason: None,
            result_message: None,
            response: Some(response),
        }
    }

    /// Creates the item of an operation that failed.
    #[must_use]
    pub fn failure(
        operation: Option<Operation>,
        unique_batch_item_id: Option<Bytes>,
        reason: ResultReason,
        message: String,
    ) -> Self {
        Self {
            operation,
            unknown_operation: None,
            unique_batch_item_id,
            result_status: ResultStatus::OperationFailed,
            result_reason: Some(reason),
            result_message: Some(message),
            response: None,
        }
    }
}

impl Field for ResponseBatchItem {
    fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let code = fields.item(Tag::Operation)?.map(Value::into_enumeration).transpose();
        let code = code.map_err(|error| error.within(Tag::Operation))?;
        let operation = code.and_then(Operation::from_code);
        let payload = fields.item(Tag::ResponsePayload)?;
        let response = match (operation, payload) {
            (Some(operation), Some(payload)) => {
                Some(Response::from_payload(operation, payload).map_err(|error| error.within(Tag::ResponsePayload))?)
            }
            (None, Some(_)) => return Err(Fault::Missing(Tag::Operation).into()),
            (_, None) => None,
        };
        let item = Self {
            operation,
            unknown_operation: code.filter(|_| operation.is_none()),
            unique_batch_item_id: fields.optional(Tag::UniqueBatchItemID)?,
            result_status: fields.required(Tag::ResultStatus)?,
            result_reason: fields.optional(Tag::ResultReason)?,
            result_message: fields.optional(Tag::ResultMessage)?,
            response,
        };
        fields.finish()?;
        Ok(item)
    }

    fn write(self) -> Value {
        let mut items = Vec::new();
        let operation = self.operation.map(Operation::code).or(self.unknown_operation);
        items.extend(operation.map(|code| Item { tag: Tag::Operation, value: Value::Enumeration(code) }));
        items.extend(self.unique_batch_item_id.map(|id| Item::new(Tag::UniqueBatchItemID, id)));
        items.push(Item::new(Tag::ResultStatus, self.result_status));
        items.extend(self.result_reason.map(|reason| Item::new(Tag::ResultReason, reason)));
        items.extend(self.result_message.map(|message| Item::new(Tag::ResultMessage, message)));
        let payload = self.response.map(Response::into_payload);
        items.extend(payload.map(|value| Item { tag: Tag::ResponsePayload, value }));
        Value::Structure(items)
    }
}
