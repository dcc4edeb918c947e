//! Messages of which every item is performed, or none: Batch Error Continuation Option Undo (KMIP 2.1 section 9.6).

use super::super::call::Call;
use super::super::context::Context;
use super::super::error::Error;
use super::super::gate::Kms;
use super::super::uncommitted::Uncommitted;
use super::{Batch, MAX_HELD, Performed, failure};
use crate::kmip::enumerations::ResultStatus;
use crate::kmip::message::{RequestBatchItem, ResponseBatchItem};
use crate::kmip::payloads::Response;

/// An item that succeeded, if the message does.
struct Done<'a> {
    item: RequestBatchItem,
    call: Call<'a>,
    response: Response,
}

impl Kms {
    /// Performs the items in order, and commits their changes in one transaction after the last one. Later items see
    /// the effects of earlier ones, except in a search. At the first failure nothing is committed, and the items before
    /// it are answered as undone.
    pub(super) fn execute_or_undo(
        &self,
        context: &Context<'_>,
        items: Vec<RequestBatchItem>,
    ) -> Vec<ResponseBatchItem> {
        let mut batch = Batch { uncommitted: Uncommitted::of_message(), ..Batch::new(self, context, false) };
        let (mut done, mut held): (Vec<Done<'_>>, usize) = (Vec::new(), 0);
        for item in items {
            let Performed { call, answer } = batch.performed(&item, true);
            held += call.as_ref().map_or(0, Call::held);
            let answer = if held > MAX_HELD { answer.and(Err(Error::NoRoom)) } else { answer };
            match (call, answer) {
                (Some(call), Ok(response)) => {
                    batch.place(&item, Some(&response));
                    done.push(Done { item, call, response });
                }
                (call, answer) => {
                    let error = answer.err().unwrap_or(Error::Abandoned);
                    return self.undone(done, Some((item, call, error)));
                }
            }
        }
        let (rest, last) = {
            let calls: Vec<&Call<'_>> = done.iter().map(|done| &done.call).collect();
            match self.commit_together(&calls, None) {
                Ok(()) => return self.all_done(done),
                Err(error) => {
                    let last = done.pop();
                    (done, last.map(|Done { item, call, .. }| (item, Some(call), error)))
                }
            }
        };
        self.undone(rest, last)
    }

    fn all_done(&self, done: Vec<Done<'_>>) -> Vec<ResponseBatchItem> {
        let answered = done.into_iter().map(|Done { item, call, response }| match self.conclude(&call, Ok(response)) {
            Ok(response) => ResponseBatchItem::success(item.unique_batch_item_id, response),
            Err(error) => failure(Some(&item), &error),
        });
        answered.collect()
    }

    /// Drops the changes of the items that were performed, and answers them as undone and the failed item as failed.
    fn undone(
        &self,
        done: Vec<Done<'_>>,
        failed: Option<(RequestBatchItem, Option<Call<'_>>, Error)>,
    ) -> Vec<ResponseBatchItem> {
        let mut answers = Vec::with_capacity(done.len() + 1);
        for Done { item, call, response } in done {
            call.give_up();
            let answer = ResponseBatchItem::success(item.unique_batch_item_id.clone(), response);
            answers.push(match self.conclude(&call, Err::<(), _>(Error::Undone)) {
                Err(Error::Undone) | Ok(()) => {
                    ResponseBatchItem { result_status: ResultStatus::OperationUndone, ..answer }
                }
                Err(error) => failure(Some(&item), &error),
            });
        }
        if let Some((item, call, error)) = failed {
            if let Some(call) = &call {
                call.give_up();
            }
            let error = match call.map(|call| self.conclude(&call, Err::<(), _>(error))) {
                Some(Err(error)) => error,
                _ => Error::Abandoned,
            };
            tracing::info!(operation = ?item.operation, %error, detail = error.detail(), "batch item failed");
            answers.push(failure(Some(&item), &error));
        }
        answers
    }
}
