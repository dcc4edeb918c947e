//! Measures the cost of the front desk for a request: `scripts/bench desk`. The same work is done in the task of the
//! connection, and through the desk: with an admission and a turn, in a task of its own.

use std::hint::black_box;
use std::time::{Duration, Instant};

use claviger::desk::{self, Desk, Name, Who};
use claviger::metrics::Metrics;
use claviger::principal::Username;
use openssl::sha::sha256;

const REQUESTS: u32 = 200_000;

/// The work of a small request.
fn work() -> [u8; 32] {
    sha256(black_box(&[7; 64]))
}

pub fn measure() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let metrics = Metrics::new().unwrap();
    let desk = Desk::new(Duration::from_secs(30), 512 << 20, &metrics);
    let who = Who::Caller(Username::new("alice").unwrap());
    for round in 1..=3 {
        let direct = runtime.block_on(timed(async || {
            black_box(work());
        }));
        let handed = runtime.block_on(timed(async || {
            let ticket = desk.ticket(Name { id: "1".to_owned(), peer: ([127, 0, 0, 1], 1).into() });
            let admission = desk.admit(&who).unwrap();
            let turn = admission.turn(&ticket).await.unwrap();
            let done = desk::perform(&ticket, turn, || black_box(work()));
            black_box(done.await.unwrap());
        }));
        let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(REQUESTS);
        let [direct_cpu, handed_cpu] = [direct.0, handed.0].map(each);
        let [direct_wall, handed_wall] = [direct.1, handed.1].map(each);
        println!(
            "round {round}: hand-off {:.2} us of CPU time and {:.2} us a request (the work itself {direct_cpu:.2} and {direct_wall:.2})",
            handed_cpu - direct_cpu,
            handed_wall - direct_wall
        );
    }
}

/// Returns the CPU time and the time of all requests, which are sent one after the other.
async fn timed(request: impl AsyncFn()) -> (Duration, Duration) {
    // In a task of the runtime, as connections are served.
    let own = std::process::id();
    let (before, began) = (super::cpu(own), Instant::now());
    for _ in 0..REQUESTS {
        request().await;
    }
    (super::cpu(own) - before, began.elapsed())
}
