//! Messages of which every item is performed, or none: Batch Error Continuation Option Undo (KMIP 2.1 section 9.6).

use std::time::{Duration, Instant};

use super::super::call::Call;
use super::super::context::Context;
use super::super::error::Error;
use super::super::gate::Kms;
use super::super::uncommitted::Uncommitted;
use super::{Batch, Head, Item, MAX_HELD, Performed, failure, makes_rsa};
use crate::kmip;
use crate::kmip::enumerations::{Operation, ResultStatus};
use crate::kmip::message::ResponseBatchItem;
use crate::kmip::payloads::{Request, Response};

/// An item that succeeded, if the message does.
struct Done<'a> {
    head: Head,
    call: Call<'a>,
    response: Response,
}

/// The longest time from the first change to the last item. Other calls wait for the locks on the changed objects.
const LONGEST: Duration = Duration::from_secs(5);

/// Whether the answer to an undone item may have its payload, because it only names objects. The audit log says that the
/// item had no effect, so it gives nothing out; and a key that was wrapped under another one as the message had changed
/// it would be in the hands of the caller.
fn tells_only_objects(response: &Response) -> bool {
    use Operation as O;
    matches!(
        response.operation(),
        O::Create
            | O::CreateKeyPair
            | O::Register
            | O::Import
            | O::ReKey
            | O::DeriveKey
            | O::ReKeyKeyPair
            | O::Activate
            | O::Revoke
            | O::Destroy
            | O::Check
            | O::AddAttribute
            | O::ModifyAttribute
            | O::SetAttribute
            | O::AdjustAttribute
            | O::DeleteAttribute
    )
}

/// Refuses to perform an item while changed objects are locked for too long.
fn check_time(batch: &Batch<'_>, request: &Result<Request, kmip::Error>) -> Result<(), Error> {
    if batch.uncommitted.is_empty() {
        return Ok(());
    }
    if request.as_ref().is_ok_and(makes_rsa) {
        return Err(Error::Feature(
            "an RSA key pair is slow to make: in a message with the option Undo, put it before items that change or add objects",
        ));
    }
    if batch.since.elapsed() > LONGEST {
        return Err(Error::Feature(
            "the items of a message with the option Undo took more than 5 seconds: send fewer items in one message",
        ));
    }
    Ok(())
}

impl Kms {
    /// Performs the items in order, and commits their changes in one transaction after the last one. Later items see
    /// the effects of earlier ones, except in a search. At the first failure nothing is committed, and the items before
    /// it are answered as undone.
    pub(super) fn execute_or_undo(
        &self,
        context: &Context<'_>,
        items: impl Iterator<Item = Item>,
    ) -> Vec<ResponseBatchItem> {
        let mut batch = Batch { uncommitted: Uncommitted::of_message(), ..Batch::new(self, context, false) };
        let (mut done, mut held): (Vec<Done<'_>>, usize) = (Vec::new(), 0);
        for Item { head, request } in items {
            if batch.uncommitted.is_empty() {
                batch.since = Instant::now();
            }
            let Performed { call, answer } = match check_time(&batch, &request) {
                Ok(()) => batch.performed(request, true),
                Err(error) => Performed { call: None, answer: Err(error) },
            };
            held += call.as_ref().map_or(0, Call::held);
            let answer = if held > MAX_HELD { answer.and(Err(Error::NoRoom)) } else { answer };
            match (call, answer) {
                (Some(call), Ok(response)) => {
                    batch.place(&head, Some(&response));
                    done.push(Done { head, call, response });
                }
                (call, answer) => {
                    let error = answer.err().unwrap_or(Error::Abandoned);
                    return self.undone(done, Some((head, call, error)));
                }
            }
        }
        let (rest, last) = if context.ticket.is_over() {
            let last = done.pop();
            (done, last.map(|Done { head, call, .. }| (head, Some(call), Error::Abandoned)))
        } else {
            let calls: Vec<&Call<'_>> = done.iter().map(|done| &done.call).collect();
            match self.commit_together(&calls, None) {
                Ok(()) => return self.all_done(done),
                Err(error) => {
                    let last = done.pop();
                    (done, last.map(|Done { head, call, .. }| (head, Some(call), error)))
                }
            }
        };
        self.undone(rest, last)
    }

    fn all_done(&self, done: Vec<Done<'_>>) -> Vec<ResponseBatchItem> {
        let answered = done.into_iter().map(|Done { head, call, response }| match self.conclude(&call, Ok(response)) {
            Ok(response) => ResponseBatchItem::success(head.id, response),
            Err(error) => failure(head, &error),
        });
        answered.collect()
    }

    /// Drops the changes of the items that were performed, and answers them as undone and the failed item as failed.
    fn undone(&self, done: Vec<Done<'_>>, failed: Option<(Head, Option<Call<'_>>, Error)>) -> Vec<ResponseBatchItem> {
        let mut answers = Vec::with_capacity(done.len() + 1);
        for Done { head, call, response } in done {
            call.give_up();
            let error = self.conclude(&call, Err::<(), _>(Error::Undone)).err().unwrap_or(Error::Undone);
            let answer = failure(head, &error);
            let is_undone = matches!(error, Error::Undone);
            answers.push(if is_undone {
                let response = Some(response).filter(tells_only_objects);
                ResponseBatchItem {
                    result_status: ResultStatus::OperationUndone,
                    result_reason: None,
                    response,
                    ..answer
                }
            } else {
                answer
            });
        }
        if let Some((head, call, error)) = failed {
            let error = match call {
                Some(call) => {
                    call.give_up();
                    self.conclude(&call, Err::<(), _>(error)).err().unwrap_or(Error::Abandoned)
                }
                // It was not begun.
                None => error,
            };
            tracing::info!(operation = ?head.operation, %error, detail = error.detail(), "batch item failed");
            answers.push(failure(head, &error));
        }
        answers
    }
}
