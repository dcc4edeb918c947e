//! Failed authentications. They are counted and summed up in few lines, because unauthenticated callers decide how many
//! there are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::record::{Outcome, Record};

/// The time span that one line sums up.
const SPAN: Duration = Duration::from_secs(1);

/// The largest number of lines for one span, without the line that sums up the rest.
const MAX_LINES: usize = 32;

/// The most bytes that failures may write at once.
const BUDGET: u64 = 4 << 20;

/// The bytes that are added to the budget in an hour.
const REFILL: u64 = 1 << 20;

/// The interval between lines when the budget is used up.
const SPARE: Duration = Duration::from_secs(60);

/// The size of a checkpoint, in bytes. Each span with failures leads to one.
const CHECKPOINT: u64 = 450;

/// The network that failed, by which method and for which reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Failure {
    pub(super) network: IpAddr,
    pub(super) method: &'static str,
    pub(super) reason: &'static str,
}

/// The counters of failures. Their memory is bounded.
pub(super) struct Failures {
    counts: HashMap<Failure, u64>,
    others: u64,
    since: Option<Instant>,
    budget: u64,
    refilled: Instant,
    spare: Option<Instant>,
}

impl Failures {
    pub(super) fn new(now: Instant) -> Self {
        Self { counts: HashMap::new(), others: 0, since: None, budget: BUDGET, refilled: now, spare: None }
    }

    /// Counts one failure. Returns whether it is the first of its span.
    pub(super) fn count(&mut self, failure: Failure, now: Instant) -> bool {
        if let Some(count) = self.counts.get_mut(&failure) {
            *count += 1;
        } else if self.counts.len() < MAX_LINES {
            self.counts.insert(failure, 1);
        } else {
            self.others += 1;
        }
        let first = self.since.is_none();
        self.since.get_or_insert(now);
        first
    }

    /// Returns the time when the next lines are due; `None` if there are no failures.
    pub(super) fn due(&self) -> Option<Instant> {
        let due = self.since? + SPAN;
        Some(self.spare.map_or(due, |last| due.max(last + SPARE)))
    }

    /// Returns the records that are due now.
    pub(super) fn take(&mut self, now: Instant) -> Vec<Record> {
        if self.due().is_none_or(|due| now < due) {
            return Vec::new();
        }
        self.take_all(now)
    }

    /// Returns the records of all failures at once, because the log is being closed.
    pub(super) fn take_all(&mut self, now: Instant) -> Vec<Record> {
        if self.since.is_none() {
            return Vec::new();
        }
        self.refill(now);
        self.since = None;
        let counts = std::mem::take(&mut self.counts);
        let others = std::mem::take(&mut self.others);
        let mut records: Vec<Record> = counts.iter().map(|(failure, count)| one(failure, *count)).collect();
        records.extend((others > 0).then(|| rest(others)));
        let cost = records.iter().map(|record| u64::try_from(record.cost()).unwrap_or(u64::MAX)).sum::<u64>();
        if let Some(left) = self.budget.checked_sub(cost + CHECKPOINT) {
            self.budget = left;
            self.spare = None;
            return records;
        }
        self.spare = Some(now);
        vec![rest(counts.values().sum::<u64>() + others)]
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.duration_since(self.refilled);
        let back = u128::from(REFILL) * elapsed.as_millis() / 3_600_000;
        if back > 0 {
            self.refilled = now;
            self.budget = self.budget.saturating_add(u64::try_from(back).unwrap_or(u64::MAX)).min(BUDGET);
        }
    }
}

fn begin() -> Record {
    let mut record = Record::event("authentication");
    record.name("outcome", Outcome::Refused.name());
    record
}

fn one(failure: &Failure, count: u64) -> Record {
    let mut record = begin();
    record.address(Some(failure.network));
    record.name("method", failure.method);
    record.name("reason", failure.reason);
    record.number("count", count);
    record
}

fn rest(others: u64) -> Record {
    let mut record = begin();
    record.number("others", others);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(host: u32) -> Failure {
        Failure { network: IpAddr::V4(host.into()), method: "jwt", reason: "expired" }
    }

    #[test]
    fn a_second_is_summed_up() {
        let begin = Instant::now();
        let mut failures = Failures::new(begin);
        assert!(failures.count(failure(1), begin));
        for host in 0..1000 {
            assert!(!failures.count(failure(host % 100), begin));
        }
        assert_eq!(failures.take(begin), []);
        let told = failures.take(begin + SPAN);
        assert_eq!(told.len(), MAX_LINES + 1);
        assert!(told.iter().any(|record| record.members().contains("\"peer\":\"0.0.0.1\"")));
        // 31 + 1 hosts, ten times each and one of them once more.
        let others = 1001 - (10 * 32 + 1);
        assert!(told.last().unwrap().members().ends_with(&format!("\"others\":{others}")));
        assert_eq!((failures.due(), failures.take(begin + SPAN).len()), (None, 0));
        failures.count(failure(1), begin + SPAN);
        assert_eq!((failures.take(begin + SPAN).len(), failures.take_all(begin + SPAN).len()), (0, 1));
        assert_eq!(failures.take_all(begin + SPAN).len(), 0);
    }

    #[test]
    fn a_flood_of_a_day_takes_bounded_room() {
        let begin = Instant::now();
        let mut failures = Failures::new(begin);
        let (mut bytes, mut told) = (0, 0);
        for second in 0..86_400 {
            let now = begin + Duration::from_secs(second);
            for host in 0..40 {
                failures.count(failure(host), now);
            }
            let records = failures.take(now + SPAN);
            bytes += records.iter().map(Record::cost).sum::<usize>() + 450 * usize::from(!records.is_empty());
            for record in records {
                let (_, number) = record.members().rsplit_once(':').unwrap();
                told += number.parse::<u64>().unwrap();
            }
        }
        assert!(bytes < 32 << 20, "{bytes}");
        assert!(told > 86_340 * 40 && told <= 86_400 * 40, "{told}");
    }
}
