//! What the desk refused: counted always, in the log now and then.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::who::Who;
use crate::metrics::Metrics;

/// After a line about one kind of refusal there is none for so long; the next one says how many there were.
const SILENCE: Duration = Duration::from_secs(10);

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There are too many requests under way.
    Place,
    /// Others were before it for too long.
    Turn,
    /// There was no room in memory.
    Memory,
    /// It took too long.
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

/// The last line of each kind, and how many refusals came after it.
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
