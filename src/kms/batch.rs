//! Messages: a batch of operations under one header (KMIP 2.1 sections 8 and 9).

mod undo;

use std::time::{Duration, Instant};

use super::call::{Call, Gathering};
use super::clock::now;
use super::context::Context;
use super::error::Error;
use super::gate::Kms;
use super::lifecycle_fault::LifecycleFault;
use super::operation::Operation;
use super::operations::{Facts, Touches, clears_placeholder};
use super::uncommitted::Uncommitted;
use crate::kmip::enumerations::{
    AsynchronousIndicator, BatchErrorContinuationOption, CryptographicAlgorithm, Operation as OperationName,
    ResultReason,
};
use crate::kmip::message::{RequestBatchItem, RequestHeader, RequestMessage, ResponseBatchItem, ResponseMessage};
use crate::kmip::payloads::{Request, Response};
use crate::kmip::ttlv::DateTime;
use crate::kmip::{self, Attributes, UniqueIdentifier};
use crate::secret::Bytes;
use crate::text::Shown;

/// Maximum total size of the answers of a message, in bytes of the binary encoding: above it, no further item is
/// performed. The result of encrypting the largest possible request fits.
const MAX_ANSWERS: usize = 9 << 19;

/// How long the change of an item waits for those of later items before all are committed. It is as long as a decision
/// may be used. An item that is being performed is not interrupted.
const MAX_WAIT: Duration = Duration::from_millis(100);

/// The memory that waiting changes may take before they are committed, in bytes; the last change may exceed it. It also
/// limits how long other calls wait for the writer.
const MAX_HELD: usize = 1 << 20;

impl Kms {
    /// Performs the items of a message in order. Each item is decided and answered separately. The changes of
    /// consecutive items that add objects, or that change different objects, are made in one commit; every other item
    /// begins after the effects of the items before it.
    #[must_use]
    pub fn execute_message(&self, context: &Context<'_>, message: RequestMessage) -> ResponseMessage {
        let RequestMessage { header, items } = message;
        let now = DateTime(now());
        let correlation = header.client_correlation_value.clone();
        let items = items.into_iter().map(Item::from);
        let answers = match check(&header) {
            Ok(()) => self.execute_items(context, &header, items),
            // The first item stands for the message.
            Err(error) => vec![failure(items.map(|item| item.head).next().unwrap_or_default(), &error)],
        };
        ResponseMessage::new(now, correlation, answers)
    }

    fn execute_items(
        &self,
        context: &Context<'_>,
        header: &RequestHeader,
        items: impl Iterator<Item = Item>,
    ) -> Vec<ResponseBatchItem> {
        let goes_on = match header.batch_error_continuation_option {
            Some(BatchErrorContinuationOption::Undo) => return self.execute_or_undo(context, items),
            option => option == Some(BatchErrorContinuationOption::Continue),
        };
        let mut batch = Batch::new(self, context, goes_on);
        for item in items {
            batch.perform(item);
            if batch.is_over {
                break;
            }
        }
        batch.commit_waiting();
        batch.answers
    }
}

/// An item of a message.
struct Item {
    head: Head,
    request: Result<Request, kmip::Error>,
}

/// An item without its request.
#[derive(Default)]
struct Head {
    operation: Option<OperationName>,
    unknown_operation: Option<u32>,
    id: Option<Bytes>,
}

impl From<RequestBatchItem> for Item {
    fn from(item: RequestBatchItem) -> Self {
        let RequestBatchItem { operation, unknown_operation, unique_batch_item_id: id, request, .. } = item;
        Self { head: Head { operation, unknown_operation, id }, request }
    }
}

/// An item that was performed, and whose change may not be committed yet.
struct Waiting<'a> {
    head: Head,
    change: Option<Change>,
    performed: Performed<'a>,
}

/// The outcome of an item.
struct Performed<'a> {
    /// `None` if the item was not begun.
    call: Option<Call<'a>>,
    /// The answer if its change is committed.
    answer: Result<Response, Error>,
}

/// A change of an item that can be committed together with those of other items, because it does not depend on what
/// they change.
enum Change {
    /// It adds objects.
    Adds,
    /// It changes this object; `None` is the object in the ID placeholder.
    Of(Option<String>),
}

impl Change {
    /// The change of an item; `None` if it changes nothing, or must be committed separately.
    fn of(request: &Request) -> Option<Self> {
        match Facts::of(request.operation())?.touches {
            Touches::New => (!makes_rsa(request)).then_some(Self::Adds),
            Touches::Changed | Touches::Ended => {
                Some(Self::Of(request.named().and_then(UniqueIdentifier::as_text).map(str::to_owned)))
            }
            Touches::Nothing
            | Touches::Found
            | Touches::NewOrNamed
            | Touches::Named
            | Touches::Source
            | Touches::Replaced
            | Touches::GivenOut => None,
        }
    }
}

/// The execution of the items of a message.
struct Batch<'a> {
    kms: &'a Kms,
    context: &'a Context<'a>,
    /// Whether later items are performed after one has failed.
    goes_on: bool,
    /// Items that were performed and have no answer yet. Their changes are made in one commit.
    waiting: Vec<Waiting<'a>>,
    /// The time at which the first of them was performed.
    since: Instant,
    /// The memory that their changes take, in bytes.
    held: usize,
    answers: Vec<ResponseBatchItem>,
    /// The ID placeholder that the last answered item set (KMIP 2.1 section 8.3).
    placeholder: Option<String>,
    /// The size of the answers, in bytes.
    size: usize,
    has_room: bool,
    /// Whether no further item is performed.
    is_over: bool,
    /// The changes of a message that is committed as a whole.
    uncommitted: Uncommitted,
}

impl<'a> Batch<'a> {
    fn new(kms: &'a Kms, context: &'a Context<'a>, goes_on: bool) -> Self {
        Self {
            kms,
            context,
            goes_on,
            waiting: Vec::new(),
            since: Instant::now(),
            held: 0,
            answers: Vec::new(),
            placeholder: None,
            size: 0,
            has_room: true,
            is_over: false,
            uncommitted: Uncommitted::default(),
        }
    }

    /// Performs an item, and answers it unless it waits for later ones.
    fn perform(&mut self, Item { head, request }: Item) {
        let change = request.as_ref().ok().and_then(Change::of);
        if !self.may_wait_beside(change.as_ref()) {
            self.commit_waiting();
            if self.is_over {
                return;
            }
        }
        if self.waiting.is_empty() {
            self.since = Instant::now();
        }
        // Only the commit shows whether an identifier exists already, and no later item may be begun after an item that
        // ends the message.
        let may_fail = !self.goes_on && request.as_ref().is_ok_and(wishes);
        let again = (!self.waiting.is_empty()).then(|| request.clone());
        let mut performed = self.performed(request, change.is_some());
        if let (Some(again), Err(Error::Crowded)) = (again, &performed.answer) {
            // Other calls may wait for the locks that the earlier items hold.
            self.commit_waiting();
            if self.is_over {
                return;
            }
            performed = self.performed(again, change.is_some());
        }
        let is_failed = performed.answer.is_err();
        self.held += performed.call.as_ref().map_or(0, Call::held);
        let is_urgent = performed.call.as_ref().is_some_and(Call::is_urgent);
        let is_gathered = change.is_some() && !is_urgent && !may_fail;
        self.waiting.push(Waiting { head, change, performed });
        if !is_gathered || self.ends(is_failed) || self.held > MAX_HELD || self.since.elapsed() >= MAX_WAIT {
            self.commit_waiting();
        }
    }

    /// Whether an item can be performed before the changes of those that wait are committed.
    fn may_wait_beside(&self, change: Option<&Change>) -> bool {
        self.waiting.is_empty()
            || match change {
                // The item may need what they change.
                None => false,
                // Making keys may be slow, and the objects that waiting items change stay locked meanwhile.
                Some(Change::Adds) => self.waiting.iter().all(|other| matches!(other.change, Some(Change::Adds))),
                // The item may concern the object that the last waiting item sets as ID placeholder.
                Some(Change::Of(None)) => false,
                Some(Change::Of(own)) => {
                    self.waiting.iter().all(|other| matches!(&other.change, Some(Change::Of(other)) if other != own))
                }
            }
    }

    fn performed(&mut self, request: Result<Request, kmip::Error>, gathers: bool) -> Performed<'a> {
        let not_begun = |error| Performed { call: None, answer: Err(error) };
        if self.size > MAX_ANSWERS {
            return not_begun(Error::AnswerTooLarge);
        }
        if !self.has_room {
            return not_begun(Error::NoRoom);
        }
        let request = match request {
            Ok(request) => request,
            Err(error) => return not_begun(error.into()),
        };
        let gathering = match (gathers, self.waiting.is_empty() && self.uncommitted.is_empty()) {
            (false, _) => Gathering::No,
            (true, true) => Gathering::First,
            (true, false) => Gathering::BesideOthers,
        };
        let operation = Operation::Kmip(request.operation());
        let (placeholder, uncommitted) = (self.placeholder.clone(), self.uncommitted.clone());
        let call = Call { placeholder, gathering, uncommitted, ..Call::new(self.context, operation) };
        let answer = self.kms.begin(&call).and_then(|()| self.kms.perform(&call, request));
        if let Ok(response) = &answer {
            let length = length(response);
            self.size += length;
            self.has_room = self.context.hold(length).is_ok();
        }
        Performed { call: Some(call), answer }
    }

    /// Commits the changes of the waiting items, and answers these items.
    fn commit_waiting(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        self.held = 0;
        // The deadline has passed: changes that are not committed yet are dropped.
        if self.context.ticket.is_over() {
            for Performed { call, answer } in waiting.iter_mut().map(|waiting| &mut waiting.performed) {
                if call.as_ref().is_some_and(Call::give_up) {
                    *answer = Err(Error::Abandoned);
                }
            }
        }
        let calls: Vec<&Call<'_>> = waiting.iter().filter_map(|waiting| waiting.performed.call.as_ref()).collect();
        let mut written = self.kms.commit_all(&calls, !self.goes_on).into_iter();
        for Waiting { head, performed: Performed { call, answer }, .. } in waiting {
            let answer = match call {
                Some(call) => {
                    let written = written.next().unwrap_or(Ok(()));
                    self.kms.conclude(&call, written.and(answer))
                }
                None => answer,
            };
            let is_failed = answer.is_err();
            self.push_answer(head, answer);
            if self.ends(is_failed) {
                self.is_over = true;
                // If a failure stops the message, later items are neither performed nor answered.
                if !self.goes_on {
                    return;
                }
            }
        }
    }

    fn push_answer(&mut self, head: Head, answer: Result<Response, Error>) {
        self.place(&head, answer.as_ref().ok());
        self.answers.push(match answer {
            Ok(response) => ResponseBatchItem::success(head.id, response),
            Err(error) => {
                tracing::info!(operation = ?head.operation, %error, detail = error.detail(), "batch item failed");
                failure(head, &error)
            }
        });
    }

    /// Sets the ID placeholder after an item. A later item must not use an ID placeholder of before this item, whether
    /// this item succeeded or not.
    fn place(&mut self, item: &Head, response: Option<&Response>) {
        let is_cleared = response.is_none() && item.operation.is_some_and(clears_placeholder);
        if is_cleared || item.operation.and_then(Facts::of).is_some_and(|facts| facts.touches.sets_placeholder()) {
            self.placeholder = response.and_then(Response::left).map(str::to_owned);
        }
    }

    /// Whether the message ends with this item.
    fn ends(&self, is_failed: bool) -> bool {
        is_failed && (!self.goes_on || self.context.ticket.is_over())
    }
}

/// Whether a request makes an RSA key: its generation is slow, and other changes must not wait for it.
fn makes_rsa(request: &Request) -> bool {
    let is_rsa = |own: &&Attributes| own.cryptographic_algorithm == Some(CryptographicAlgorithm::RSA);
    // The request for the replacement of a pair does not say its algorithm.
    matches!(request, Request::ReKeyKeyPair(_)) || request.added().iter().any(is_rsa)
}

/// Whether an item adds an object with an identifier that the caller chose.
fn wishes(request: &Request) -> bool {
    request.added().iter().any(|own| own.unique_identifier.is_some())
}

/// The length of a response in the binary encoding, in bytes, or an upper bound of it that costs less to compute.
fn length(response: &Response) -> usize {
    /// More than identifier, IV, tag, correlation value and the heads of all items take.
    const REST: usize = 512;
    let bytes = |data: &Option<Bytes>| data.as_ref().map_or(0, |data| data.len());
    match response {
        Response::Encrypt(response) => REST + bytes(&response.data),
        Response::Decrypt(response) => REST + bytes(&response.data),
        response => response.clone().into_document().ttlv_length(),
    }
}

fn check(header: &RequestHeader) -> Result<(), Error> {
    if header.asynchronous_indicator == Some(AsynchronousIndicator::Mandatory) {
        return Err(Error::Feature("asynchronous operations are not supported"));
    }
    Ok(())
}

fn failure(head: Head, error: &Error) -> ResponseBatchItem {
    let Head { operation, unknown_operation, id } = head;
    let failure = ResponseBatchItem::failure(operation, id, reason_of(operation, error), Shown(error).to_string());
    ResponseBatchItem { unknown_operation, ..failure }
}

/// The reason of a failed item. OASIS's test case CS-BC-M-7-21 has Permission Denied for the use of a key whose usage limit
/// is reached.
fn reason_of(operation: Option<OperationName>, error: &Error) -> ResultReason {
    match error {
        Error::Lifecycle(LifecycleFault::UsageLimit { .. }) if operation != Some(OperationName::GetUsageAllocation) => {
            ResultReason::PermissionDenied
        }
        error => error.result_reason(),
    }
}
