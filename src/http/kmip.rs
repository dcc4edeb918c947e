//! KMIP over HTTP: messages in every encoding, and the dialect in JSON that also allows operations without a message.

use warp::http::StatusCode;

use super::answer::Answer;
use super::app::App;
use super::caller_request::CallerRequest;
use super::media_type::media_type;
use super::problem::Problem;
use crate::kmip::ttlv::{Document, json};
use crate::kmip::versions::Version;
use crate::kmip::{Dialect, bare};
use crate::kms;
use crate::wire::{self, Answered, Asked, Encoding};

/// `POST /kmip`: a RequestMessage, in the encoding that the Content-Type names.
pub(super) fn message(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let encoding = media_type(request.headers).and_then(Encoding::of_media_type).ok_or_else(|| {
        let what = "the Content-Type must be application/octet-stream, application/json, text/xml or application/xml";
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, what)
    })?;
    let Answered { bytes, .. } = wire::answer(&app.kms, encoding, &asked(request), request.body, Version::V2_1);
    Ok(Answer::new(StatusCode::OK, encoding.media_type(), bytes))
}

/// `POST /kmip/2_1` and `POST /kmip_2_1`: a bare operation or a RequestMessage; the answer has the same form.
pub(super) fn bare(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (document, marks) = json::read_marked(request.body).map_err(kms::Error::from)?;
    let context = &request.context;
    let answer = if document.name == "RequestMessage" {
        wire::document_answer(&app.kms, &asked(request), document, Version::V2_1).0
    } else {
        let operation = bare::Operation::read(document, marks).map_err(kms::Error::from)?;
        let (name, spelling) = (operation.request.operation(), operation.spelling);
        tracing::debug!(operation = %name, "operation");
        request.measured.operation(name);
        spelling.write(app.kms.execute_bare(context, operation)?)
    };
    Ok(render(&answer))
}

fn asked<'a>(request: &CallerRequest<'a>) -> Asked<'a> {
    Asked { context: request.context, proved: request.proved, measured: request.measured }
}

fn render(document: &Document) -> Answer {
    let mut body = Vec::with_capacity(1 << 10);
    json::write(document, Dialect::Bare, &mut body);
    Answer::new(StatusCode::OK, "application/json", body)
}
