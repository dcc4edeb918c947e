//! The request that a task works on, and the HSM's calls for it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::ticket::{Name, Ticket};

tokio::task_local! {
    /// The ticket of the request that this task works on.
    static TICKET: Arc<Ticket>;
}

/// Runs the work of a request. Meanwhile, each log line contains the request's name, and the ticket's clock records the
/// calls of the HSM.
pub async fn on_behalf<T>(ticket: &Arc<Ticket>, work: impl Future<Output = T>) -> T {
    TICKET.scope(Arc::clone(ticket), work).await
}

/// Like [`on_behalf`], for work that may block.
pub(super) fn working_on_behalf<T>(ticket: &Arc<Ticket>, work: impl FnOnce() -> T) -> T {
    TICKET.sync_scope(Arc::clone(ticket), work)
}

/// Calls `show` with the name of the request that this task works on, and returns its result; `None` outside of a
/// request.
pub fn asking<T>(show: impl FnOnce(&Name) -> T) -> Option<T> {
    TICKET.try_with(|ticket| ticket.name().map(show)).ok().flatten()
}

/// A call of the HSM in progress. Dropping it ends the call.
#[derive(Debug)]
#[must_use]
pub struct Calling {
    /// The request, and until when the call around this one must return: a call may be part of another one.
    request: Option<(Arc<Ticket>, u64)>,
}

/// Records that a call of the HSM begins, which may take this long. Outside of a request it has no effect.
pub fn calling(limit: Duration) -> Calling {
    let ticket = TICKET.try_with(Arc::clone).ok();
    Calling { request: ticket.map(|ticket| (Arc::clone(&ticket), ticket.clock().begin(limit))) }
}

impl Drop for Calling {
    fn drop(&mut self) {
        if let Some((ticket, outer)) = &self.request {
            ticket.clock().end(*outer);
        }
    }
}
