//! Rate limit for log lines that unauthenticated clients cause, so that a flood does not fill the log. The first event
//! of a kind in a minute is logged immediately. The others are summed up in one line at the end of that minute.

use std::collections::HashMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::Level;

use super::network;
use crate::text::Shown;

/// The time from the first event to the line that sums up the others.
const SPAN: Duration = Duration::from_secs(60);

/// The maximum number of pairs of address and kind that are counted separately in one span. Further events are counted
/// together.
const CAPACITY: usize = 1024;

/// The maximum number of kinds of events of one address in one span. Further kinds are counted together.
const KINDS: usize = 32;

/// The counter of events.
#[derive(Default)]
pub struct Repeats(Mutex<Table>);

#[derive(Default)]
struct Table {
    since: Option<Instant>,
    /// The counts by network and kind.
    counts: HashMap<IpAddr, HashMap<String, Count>>,
    /// The number of counts in `counts`.
    kinds: usize,
    /// The number of events that had no place in `counts`.
    others: u64,
}

#[derive(Clone, Copy)]
struct Count {
    level: Level,
    /// The number of events after the first.
    more: u64,
}

/// A line at the end of a span.
#[derive(Debug, PartialEq, Eq)]
enum Sum {
    /// The event happened `more` times again in this network.
    Again { level: Level, network: IpAddr, what: String, more: u64 },
    /// This many events had no place in the table.
    Others(u64),
}

impl Repeats {
    /// Counts an event. Returns whether it is to be logged at `level`: it is the first of its kind, network
    /// ([`network`]) and minute, and there is room to count it. `what` may contain text from outside.
    pub fn is_first(&self, address: IpAddr, level: Level, what: impl Display) -> bool {
        let what = Shown(what).to_string();
        self.lock().count(network(address), level, what, Instant::now())
    }

    /// Writes the lines of the last minute, if it is over.
    pub fn log(&self) {
        let sums = self.lock().take(Instant::now());
        sums.into_iter().for_each(Sum::log);
    }

    /// Writes all pending lines, at the end of the process.
    pub fn log_all(&self) {
        let sums = self.lock().take_all();
        sums.into_iter().for_each(Sum::log);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn count(&mut self, network: IpAddr, level: Level, what: String, now: Instant) -> bool {
        self.since.get_or_insert(now);
        let is_full = self.kinds >= CAPACITY;
        let of_network = self.counts.get(&network);
        let is_known = of_network.is_some_and(|kinds| kinds.contains_key(&what));
        if !is_known && (is_full || of_network.is_some_and(|kinds| kinds.len() >= KINDS)) {
            self.others += 1;
            return false;
        }
        let kinds = self.counts.entry(network).or_default();
        if is_known {
            kinds.entry(what).and_modify(|count| count.more += 1);
        } else {
            kinds.insert(what, Count { level, more: 0 });
            self.kinds += 1;
        }
        !is_known
    }

    fn take(&mut self, now: Instant) -> Vec<Sum> {
        if self.since.is_some_and(|since| now.duration_since(since) >= SPAN) { self.take_all() } else { Vec::new() }
    }

    fn take_all(&mut self) -> Vec<Sum> {
        let Self { counts, others, .. } = std::mem::take(self);
        let again = counts.into_iter().flat_map(|(network, kinds)| {
            let repeated = kinds.into_iter().filter(|(_, count)| count.more > 0);
            repeated.map(move |(what, Count { level, more })| Sum::Again { level, network, what, more })
        });
        again.chain((others > 0).then_some(Sum::Others(others))).collect()
    }
}

impl Sum {
    fn log(self) {
        match self {
            Self::Again { level: Level::ERROR, network, what, more } => {
                tracing::error!(peer = %network, more, what, "repeated within a minute");
            }
            Self::Again { level: Level::WARN, network, what, more } => {
                tracing::warn!(peer = %network, more, what, "repeated within a minute");
            }
            Self::Again { network, what, more, .. } => {
                tracing::info!(peer = %network, more, what, "repeated within a minute");
            }
            Self::Others(others) => {
                tracing::warn!(
                    others,
                    "too many addresses or kinds of failures within a minute to count them separately"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: u32) -> IpAddr {
        IpAddr::V4(host.into())
    }

    #[test]
    fn the_first_is_told_and_the_rest_is_summed_up() {
        let (mut table, begin) = (Table::default(), Instant::now());
        let mut count = |host, what: &str| table.count(address(host), Level::INFO, what.to_owned(), begin);
        assert_eq!(
            [count(1, "a"), count(1, "a"), count(1, "b"), count(2, "a"), count(1, "a")],
            [true, false, true, true, false]
        );
        assert_eq!(table.take(begin + SPAN - Duration::from_millis(1)), []);
        let again = Sum::Again { level: Level::INFO, network: address(1), what: "a".to_owned(), more: 2 };
        assert_eq!(table.take(begin + SPAN), [again]);
        assert_eq!(table.take_all(), []);
        assert!(table.count(address(1), Level::INFO, "a".to_owned(), begin + SPAN), "a new minute");
    }

    #[test]
    fn a_flood_has_bounded_lines() {
        let (mut table, begin) = (Table::default(), Instant::now());
        let mut told = 0;
        for number in 0..100_000 {
            told += usize::from(table.count(address(number), Level::INFO, "a".to_owned(), begin));
            told += usize::from(table.count(address(0), Level::INFO, number.to_string(), begin));
        }
        assert_eq!((told, table.kinds), (CAPACITY, CAPACITY));
        assert_eq!(table.counts[&address(0)].len(), KINDS);
        let others = 200_000 - u64::try_from(CAPACITY).unwrap();
        assert_eq!(table.take_all(), [Sum::Others(others)]);
    }

    #[test]
    fn an_ipv6_host_counts_with_its_network() {
        let repeats = Repeats::default();
        let first = |text: &str| repeats.is_first(text.parse().unwrap(), Level::WARN, "a");
        assert!(first("2001:db8::1") && !first("2001:db8::ffff:2") && first("2001:db8:0:1::1"));
    }
}
