//! The request message.

use super::super::enumerations::{AsynchronousIndicator, AttestationType, BatchErrorContinuationOption, Operation};
use super::super::error::{Error, Fault, excerpt};
use super::super::payloads::Request;
use super::super::structure::structure;
use super::super::tag::Tag;
use super::super::ttlv::field::Ignored;
use super::super::ttlv::{DateTime, Document, Fields, Item, Value};
use super::{Authentication, BATCH_ITEMS, ProtocolVersion};
use crate::Bytes;

structure! {
    /// Section 8.2.
    #[derive(Eq)]
    pub struct RequestHeader {
        /// The version of the message.
        protocol_version: ProtocolVersion = ProtocolVersion,
        /// The longest response that the client accepts, in bytes of the binary encoding.
        maximum_response_size: Option<i32> = MaximumResponseSize,
        /// The client's correlation value of this request.
        client_correlation_value: Option<String> = ClientCorrelationValue,
        /// The server's correlation value of an earlier request.
        server_correlation_value: Option<String> = ServerCorrelationValue,
        /// Whether the server may answer asynchronously.
        asynchronous_indicator: Option<AsynchronousIndicator> = AsynchronousIndicator,
        /// Whether the client supports attestation.
        attestation_capable_indicator: Option<bool> = AttestationCapableIndicator,
        /// The attestation types that the client supports.
        attestation_types: Vec<AttestationType> = AttestationType,
        /// The credentials. They do not authenticate the caller: that is done by the connection or the HTTP request.
        authentication: Option<Authentication> = Authentication,
        /// What to do after a failed item. If absent, the batch stops.
        batch_error_continuation_option: Option<BatchErrorContinuationOption> = BatchErrorContinuationOption,
        /// Whether the items must be processed in order. If absent, they must.
        batch_order_option: Option<bool> = BatchOrderOption,
        /// The client's time.
        time_stamp: Option<DateTime> = TimeStamp,
        /// The number of items in the batch.
        batch_count: i32 = BatchCount,
    }
}

impl RequestHeader {
    /// Creates a header without options.
    #[must_use]
    pub fn new(batch_count: i32) -> Self {
        Self {
            protocol_version: ProtocolVersion::V2_1,
            maximum_response_size: None,
            client_correlation_value: None,
            server_correlation_value: None,
            asynchronous_indicator: None,
            attestation_capable_indicator: None,
            attestation_types: Vec::new(),
            authentication: None,
            batch_error_continuation_option: None,
            batch_order_option: None,
            time_stamp: None,
            batch_count,
        }
    }
}

/// Section 8.1.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestMessage {
    /// The header.
    pub header: RequestHeader,
    /// The items of the batch, in order.
    pub items: Vec<RequestBatchItem>,
}

/// Section 8.3.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestBatchItem {
    /// The operation, if the standard has it.
    pub operation: Option<Operation>,
    /// The code of an operation that the standard does not have. The answer to the item repeats it.
    pub unknown_operation: Option<u32>,
    /// Whether the Data of the response is to be withheld from the client. Items in which it is true are refused.
    pub ephemeral: Option<bool>,
    /// The client's identifier of this item.
    pub unique_batch_item_id: Option<Bytes>,
    /// The request, or the reason why this item fails. Other items are not affected.
    pub request: Result<Request, Error>,
}

const NAME: &str = "RequestMessage";

impl RequestMessage {
    /// Creates a message with these requests, for a client to send.
    #[must_use]
    pub fn new(requests: Vec<Request>) -> Self {
        let several = requests.len() > 1;
        let items: Vec<RequestBatchItem> = (1_u32..)
            .zip(requests)
            .map(|(number, request)| RequestBatchItem {
                operation: Some(request.operation()),
                unknown_operation: None,
                ephemeral: None,
                // Required in a batch of two or more items (section 8.3).
                unique_batch_item_id: several.then(|| Bytes::from(number.to_be_bytes().to_vec())),
                request: Ok(request),
            })
            .collect();
        Self { header: RequestHeader::new(i32::try_from(items.len()).unwrap_or(i32::MAX)), items }
    }

    /// Reads a message.
    pub fn from_document(document: Document) -> Result<Self, Error> {
        if Tag::from_name(&document.name) != Some(Tag::RequestMessage) {
            return Err(Fault::UnknownDocument(excerpt(&document.name)).into());
        }
        Self::read(document.value).map_err(|error| error.within_document(NAME))
    }

    /// Writes the message. Items that contain an error are left out; only reading a message creates them.
    #[must_use]
    pub fn into_document(self) -> Document {
        let mut items = vec![Item::new(Tag::RequestHeader, self.header)];
        for item in self.items {
            let Ok(request) = item.request else { continue };
            let mut fields = vec![Item::new(Tag::Operation, request.operation())];
            fields.extend(item.ephemeral.map(|ephemeral| Item::new(Tag::Ephemeral, ephemeral)));
            fields.extend(item.unique_batch_item_id.map(|id| Item::new(Tag::UniqueBatchItemID, id)));
            fields.push(Item { tag: Tag::RequestPayload, value: request.into_payload() });
            items.push(Item { tag: Tag::BatchItem, value: Value::Structure(fields) });
        }
        Document { name: NAME.into(), value: Value::Structure(items) }
    }

    fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let header: RequestHeader = fields.required(Tag::RequestHeader)?;
        let items = fields.items(Tag::BatchItem);
        fields.finish()?;
        // Such an extension concerns the entire message (section 9.13): no item is carried out, and the answer to each
        // names its operation.
        let is_refused = items.iter().any(has_critical_extension);
        let mut items: Vec<_> = items.into_iter().map(RequestBatchItem::read).collect();
        for item in items.iter_mut().filter(|_| is_refused) {
            item.request = Err(Error::from(Fault::CriticalExtension).within(Tag::BatchItem));
        }
        if items.len() > BATCH_ITEMS {
            return Err(Fault::TooMany { tag: Tag::BatchItem, bound: BATCH_ITEMS }.into());
        }
        if usize::try_from(header.batch_count) != Ok(items.len()) {
            return Err(Fault::Contradiction(Tag::BatchCount, Tag::BatchItem).into());
        }
        Ok(Self { header, items })
    }
}

impl RequestBatchItem {
    /// Reads an item. A fault of the item is stored in it, so this does not fail. Identifier and operation are read
    /// independently of all else, because the answer to a faulty item contains them too (section 8.6).
    fn read(value: Value) -> Self {
        let unique_batch_item_id = match value.part(Tag::UniqueBatchItemID) {
            Some(Value::ByteString(id)) => Some(id.clone()),
            _ => None,
        };
        let code = match value.part(Tag::Operation) {
            Some(Value::Enumeration(code)) => Some(*code),
            _ => None,
        };
        let operation = code.and_then(Operation::from_code);
        let mut item = Self {
            operation,
            unknown_operation: code.filter(|_| operation.is_none()),
            ephemeral: None,
            unique_batch_item_id,
            request: Err(Fault::Missing(Tag::Operation).into()),
        };
        item.request = item.read_fields(value).map_err(|error| error.within(Tag::BatchItem));
        item
    }

    fn read_fields(&mut self, value: Value) -> Result<Request, Error> {
        let mut fields = Fields::of(value)?;
        let _: Option<Bytes> = fields.optional(Tag::UniqueBatchItemID)?;
        let operation = fields.required(Tag::Operation)?;
        self.ephemeral = fields.optional(Tag::Ephemeral)?;
        if self.ephemeral == Some(true) {
            return Err(Fault::NotServed("an item whose Ephemeral is true").into());
        }
        let _: Vec<MessageExtension> = fields.many(Tag::MessageExtension)?;
        let payload = fields.item(Tag::RequestPayload)?.ok_or(Fault::Missing(Tag::RequestPayload))?;
        fields.finish()?;
        Request::from_payload(operation, payload).map_err(|error| error.within(Tag::RequestPayload))
    }
}

/// Whether a batch item has an extension that the client marks as critical. This server supports no extension.
fn has_critical_extension(value: &Value) -> bool {
    let Value::Structure(items) = value else { return false };
    items
        .iter()
        .filter(|item| item.tag == Tag::MessageExtension)
        .any(|extension| matches!(extension.value.part(Tag::CriticalityIndicator), Some(Value::Boolean(true))))
}

structure! {
    /// Section 9.13.
    pub struct MessageExtension {
        /// The vendor of the extension.
        vendor_identification: String = VendorIdentification,
        /// Whether the message must fail if the server does not support the extension.
        criticality_indicator: bool = CriticalityIndicator,
        /// The extension.
        vendor_extension: Option<Ignored> = VendorExtension,
    }
}
