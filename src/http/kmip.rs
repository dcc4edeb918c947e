//! KMIP 2.1 in JSON, in the dialect that also allows operations without a RequestMessage.

use warp::http::StatusCode;

use super::answer::Answer;
use super::app::App;
use super::caller_request::CallerRequest;
use super::problem::Problem;
use crate::kmip::enumerations::ResultReason;
use crate::kmip::message::{RequestMessage, ResponseBatchItem};
use crate::kmip::ttlv::{Document, json};
use crate::kmip::{Dialect, bare};
use crate::kms;
use crate::metrics::Outcome;

/// `POST /kmip/2_1` and `POST /kmip_2_1`: a bare operation or a RequestMessage; the answer has the same form.
pub(super) fn bare(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (document, marks) = json::read_marked(request.body).map_err(kms::Error::from)?;
    let context = &request.context;
    let answer = if document.name == "RequestMessage" {
        let message = RequestMessage::from_document(document).map_err(kms::Error::from)?;
        request.measured.action("batch");
        let answer = app.kms.execute_message(context, message);
        for item in &answer.items {
            request.measured.batch_item(item.operation, outcome(item));
        }
        answer.into_document()
    } else {
        let operation = bare::Operation::read(document, marks).map_err(kms::Error::from)?;
        let (name, spelling) = (operation.request.operation(), operation.spelling);
        tracing::debug!(operation = %name, "operation");
        request.measured.operation(name);
        spelling.write(app.kms.execute_bare(context, operation)?)
    };
    Ok(render(&answer))
}

/// Returns the outcome of one batch item: the one that its HTTP status would have without a RequestMessage.
fn outcome(item: &ResponseBatchItem) -> Outcome {
    match item.result_reason {
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

fn render(document: &Document) -> Answer {
    let mut body = Vec::with_capacity(1 << 10);
    json::write(document, Dialect::Bare, &mut body);
    Answer::new(StatusCode::OK, "application/json", body)
}
