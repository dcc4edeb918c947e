//! Measures the cost of requests at a server with very many named and tagged keys of one owner, compared with a server
//! with a thousand: `scripts/bench objects COUNT`.

use std::time::{Duration, Instant};

use crate::harness::costs::{fill, objects, quiet_server, starts, warm};

const FEW: usize = 1_000;

/// The number of keys that the cache can hold.
const WARM: usize = 20_000;

pub fn measure(count: usize) {
    let (few, many) = (quiet_server(), quiet_server());
    fill(&few, FEW);
    let began = Instant::now();
    fill(&many, count);
    let took = began.elapsed();
    println!("{count} keys in {took:.1?}, {:.0} a second", count as f64 / took.as_secs_f64());
    println!("{} MiB resident", many.resident() >> 20);
    warm(&many, WARM.min(count));
    objects([&few, &many], Duration::ZERO);
    crate::backups::measure(&many);
    starts([few, many]);
}
