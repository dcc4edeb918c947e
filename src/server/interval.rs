//! The times at which the server's own tasks work.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

/// Returns an interval whose late ticks delay the following ones.
pub(super) fn turns(every: Duration) -> Interval {
    let mut turns = interval(every);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turns
}
