//! The measurement of one request, from its headers to its answer.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::Metrics;
use crate::kmip::Dialect;
use crate::kmip::enumerations::Operation;
use crate::principal::Method;

/// The outcome of a request, or of one item of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The request succeeded.
    Success,
    /// The caller is not authenticated.
    Unauthenticated,
    /// The caller may not do it, or the object does not exist for this caller.
    Refused,
    /// The request is at fault: it cannot be read, is impossible, or contradicts the object's state.
    ClientError,
    /// The HSM, the database or the server was overloaded or unavailable.
    Unavailable,
    /// The server is at fault.
    Failed,
    /// The client disconnected before the answer.
    Abandoned,
}

impl Outcome {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Unauthenticated => "unauthenticated",
            Self::Refused => "refused",
            Self::ClientError => "client-error",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// The labels of a request, which become known while it is processed. The request is counted when this is dropped.
/// Setting a label a second time has no effect.
pub struct Request {
    metrics: Arc<Metrics>,
    began: Instant,
    way: OnceLock<&'static str>,
    operation: OnceLock<&'static str>,
    method: OnceLock<&'static str>,
    outcome: OnceLock<Outcome>,
}

impl Request {
    pub(super) fn new(metrics: &Arc<Metrics>) -> Self {
        Self {
            metrics: Arc::clone(metrics),
            began: Instant::now(),
            way: OnceLock::new(),
            operation: OnceLock::new(),
            method: OnceLock::new(),
            outcome: OnceLock::new(),
        }
    }

    /// Sets the API that the request uses.
    pub fn way(&self, way: &'static str) {
        let _ = self.way.set(way);
    }

    /// Sets the requested operation.
    pub fn operation(&self, operation: Operation) {
        self.action(operation.name(Dialect::Bare));
    }

    /// Sets the requested action, if it is not a KMIP operation.
    pub fn action(&self, action: &'static str) {
        let _ = self.operation.set(action);
    }

    /// Sets the authentication method of the caller.
    pub fn method(&self, method: &Method) {
        let _ = self.method.set(method.name());
    }

    /// Sets the outcome.
    pub fn answered(&self, outcome: Outcome) {
        let _ = self.outcome.set(outcome);
    }

    /// Counts one item of a message. Items are counted separately from requests.
    pub fn batch_item(&self, operation: Option<Operation>, outcome: Outcome) {
        self.metrics.batch_item(operation, outcome);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let word = |told: &OnceLock<&'static str>| told.get().copied().unwrap_or("none");
        let (way, operation) = (word(&self.way), word(&self.operation));
        let outcome = self.outcome.get().copied().unwrap_or(Outcome::Abandoned);
        self.metrics.requests.with_label_values(&[way, operation, word(&self.method), outcome.word()]).inc();
        let seconds = self.began.elapsed().as_secs_f64();
        self.metrics.request_seconds.with_label_values(&[way, operation]).observe(seconds);
    }
}
