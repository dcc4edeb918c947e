//! What requests cost at a server with very many named and tagged keys of one owner, against one with a thousand:
//! `scripts/bench objects COUNT`.

use std::time::{Duration, Instant};

use crate::harness::costs::{fill, objects, quiet_server};

const FEW: usize = 1_000;

/// The longest start.
const START: Duration = Duration::from_millis(500);

pub fn measure(count: usize) {
    let (few, many) = (quiet_server(), quiet_server());
    fill(&few, FEW);
    let began = Instant::now();
    fill(&many, count);
    let took = began.elapsed();
    println!("{count} keys in {took:.1?}, {:.0} a second", count as f64 / took.as_secs_f64());
    println!("{} MiB resident", many.resident() >> 20);
    objects([&few, &many]);
    crate::backups::measure(&many);
    for (server, what) in [(few, FEW), (many, count)] {
        let (place, options) = (std::sync::Arc::clone(&server.place), server.options.clone());
        server.stop();
        let began = Instant::now();
        let server = crate::harness::Server::start_at(place, &options);
        let took = began.elapsed();
        println!("start with {what} keys: {took:.2?}");
        assert!(took <= START, "a start with {what} keys takes {took:?}");
        drop(server);
    }
}
