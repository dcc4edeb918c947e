//! One request, from its headers to its answer.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::Metrics;
use crate::kmip::Dialect;
use crate::kmip::enumerations::Operation;
use crate::principal::Method;

/// How a request, or one item of a message, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Success,
    /// Nobody known asked.
    Unauthenticated,
    /// Not permitted, or of something that does not exist for this caller.
    Refused,
    /// The request is at fault: unreadable, impossible, or against the object's state.
    ClientError,
    /// HSM, database or the server itself had no room or were away.
    Unavailable,
    /// The server is at fault.
    Failed,
    /// The client went before the answer.
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

/// What becomes known of a request on its way. It is counted when this is dropped. What is set twice stands as it was set
/// first.
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

    /// By which way it came in.
    pub fn way(&self, way: &'static str) {
        let _ = self.way.set(way);
    }

    /// What it asks for.
    pub fn operation(&self, operation: Operation) {
        self.action(operation.name(Dialect::Bare));
    }

    /// What it asks for, where that is no operation of KMIP.
    pub fn action(&self, action: &'static str) {
        let _ = self.operation.set(action);
    }

    /// How its caller was proved.
    pub fn method(&self, method: &Method) {
        let _ = self.method.set(method.name());
    }

    /// How it ended.
    pub fn answered(&self, outcome: Outcome) {
        let _ = self.outcome.set(outcome);
    }

    /// The items of a message are counted beside it.
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
