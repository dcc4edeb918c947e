//! Messages: a batch of operations under one header (KMIP 2.1 sections 8 and 9).

use super::operation::Operation;
use super::{Call, Context, Error, Kms, discover_versions, now, placeholder, sets_placeholder};
use crate::kmip::enumerations::{AsynchronousIndicator, BatchErrorContinuationOption};
use crate::kmip::message::{RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem, ResponseMessage};
use crate::kmip::payloads::Response;
use crate::kmip::ttlv::DateTime;
use crate::text::Shown;

/// What the items of a message may answer in all, in bytes of the binary encoding: once they are above it, no further item is
/// performed. All that a request can bring to be encrypted fits.
const MAX_ANSWERS: usize = 9 << 19;

impl Kms {
    /// Performs the items of a message, one after the other. Each passes the gate by itself, after the effects
    /// of the one before.
    #[must_use]
    pub fn execute_message(&self, context: &Context<'_>, message: RequestMessage) -> ResponseMessage {
        let RequestMessage { header, items } = message;
        let now = DateTime(now());
        let correlation = header.client_correlation_value.clone();
        let answers = match check(&header) {
            Ok(()) => self.execute_items(context, &header, items),
            Err(error) => vec![failure(None, &error)],
        };
        let response = ResponseMessage::new(now, correlation.clone(), answers);
        let Some(limit) = header.maximum_response_size else { return response };
        // Counted in the binary encoding, whichever is used (KMIP 2.1 section 9.10).
        let document = response.clone().into_document();
        if usize::try_from(limit).is_ok_and(|limit| document.ttlv_length() <= limit) {
            return response;
        }
        ResponseMessage::new(now, correlation, vec![failure(None, &Error::ResponseTooLarge)])
    }

    fn execute_items(
        &self,
        context: &Context<'_>,
        header: &RequestHeader,
        items: Vec<RequestBatchItem>,
    ) -> Vec<ResponseBatchItem> {
        let go_on = header.batch_error_continuation_option == Some(BatchErrorContinuationOption::Continue);
        let mut answers = Vec::with_capacity(items.len());
        let mut left = None;
        let (mut size, mut has_room) = (0, true);
        for item in items {
            let answer = if size > MAX_ANSWERS {
                Err(Error::AnswerTooLarge)
            } else if !has_room {
                Err(Error::NoRoom)
            } else {
                self.execute_item(context, left.clone(), &item)
            };
            // What was left before must not be taken for what this item found, made or removed, or did not.
            if item.operation.is_some_and(sets_placeholder) {
                left = answer.as_ref().ok().and_then(placeholder).map(str::to_owned);
            }
            match answer {
                Ok(response) => {
                    let length = response.clone().into_document().ttlv_length();
                    (size, has_room) = (size + length, context.hold(length).is_ok());
                    answers.push(ResponseBatchItem::success(item.unique_batch_item_id, response));
                }
                Err(error) => {
                    tracing::info!(operation = ?item.operation, %error, detail = error.detail(), "batch item failed");
                    answers.push(failure(Some(&item), &error));
                    if !go_on || context.ticket.is_over() {
                        break;
                    }
                }
            }
        }
        answers
    }

    fn execute_item(
        &self,
        context: &Context<'_>,
        placeholder: Option<String>,
        item: &RequestBatchItem,
    ) -> Result<Response, Error> {
        let request = item.request.clone()?;
        let call = Call { placeholder, ..Call::new(context, Operation::Kmip(request.operation())) };
        self.recorded(&call, || self.perform(&call, request))
    }
}

fn check(header: &RequestHeader) -> Result<(), Error> {
    let version = header.protocol_version;
    if !discover_versions::VERSIONS.contains(&version) {
        return Err(Error::Version(version.major, version.minor));
    }
    if header.asynchronous_indicator == Some(AsynchronousIndicator::Mandatory) {
        return Err(Error::Feature("asynchronous operations are not supported"));
    }
    if header.batch_error_continuation_option == Some(BatchErrorContinuationOption::Undo) {
        return Err(Error::Feature("undoing a batch is not supported: Stop or Continue"));
    }
    Ok(())
}

fn failure(item: Option<&RequestBatchItem>, error: &Error) -> ResponseBatchItem {
    let operation = item.and_then(|item| item.operation);
    let id = item.and_then(|item| item.unique_batch_item_id.clone());
    ResponseBatchItem::failure(operation, id, error.result_reason(), Shown(error).to_string())
}
