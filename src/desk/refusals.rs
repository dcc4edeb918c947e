//! Refusals of the desk. Each is counted; the log gets a line from time to time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::who::Who;
use crate::metrics::Metrics;

/// The shortest time between two lines about one kind of refusal. Each line contains the number of refusals since the
/// one before.
const SILENCE: Duration = Duration::from_secs(10);

/// The kind of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There are too many requests in progress.
    Place,
    /// The request waited too long for its turn.
    Turn,
    /// There was not enough memory.
    Memory,
    /// The request took too long.
    Deadline,
}

impl Refused {
    const ALL: [Self; 4] = [Self::Place, Self::Turn, Self::Memory, Self::Deadline];

    fn word(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Turn => "turn",
            Self::Memory => "memory",
            Self::Deadline => "deadline",
        }
    }
}

/// The time of the last line of each kind, and the number of refusals since then.
pub(super) struct Refusals {
    metrics: Arc<Metrics>,
    told: [Mutex<(Option<Instant>, u64)>; Refused::ALL.len()],
}

impl Refusals {
    pub(super) fn new(metrics: &Arc<Metrics>) -> Self {
        for refused in Refused::ALL {
            metrics.refused_at_the_desk(refused.word(), 0);
        }
        Self { metrics: Arc::clone(metrics), told: Default::default() }
    }

    pub(super) fn count(&self, refused: Refused, who: &Who) {
        self.metrics.refused_at_the_desk(refused.word(), 1);
        let Some(told) = Refused::ALL.iter().position(|own| *own == refused).and_then(|at| self.told.get(at)) else {
            return;
        };
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, since) = *told;
        if last.is_some_and(|last| last.elapsed() < SILENCE) {
            told.1 = since.saturating_add(1);
            return;
        }
        *told = (Some(Instant::now()), 0);
        drop(told);
        tracing::warn!(reason = refused.word(), caller = %who, unreported = since, "request refused at the front desk");
    }
}
