//! Measures the time of a backup, without other requests and while keys are made, and checks the backup.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::backup::{backup, restored};
use crate::harness::{End, Server, eventually};

/// The lowest accepted number of creates per second, with one key in each request.
const RATE: f64 = 500.0;
const CLIENTS: usize = 16;

/// The longest time of a backup during creates: a multiple of the time without other requests, and an addition.
const BOUND: (u32, Duration) = (3, Duration::from_secs(2));

pub fn measure(server: &Server) {
    let sealed = {
        let mut alice = server.alice().connect().unwrap();
        let id = alice.aes();
        alice.seal(&id, b"data")
    };
    let idle = (0..2).map(|number| taken(server, &format!("idle-{number}"))).min().unwrap();
    let (done, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (took, rate) = thread::scope(|scope| {
        let _end = End(&done);
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut alice = server.alice().connect().unwrap();
                while !done.load(Ordering::Relaxed) {
                    alice.aes();
                    made.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        eventually("keys are made", || (made.load(Ordering::Relaxed) > 1_000).then_some(()));
        let before = made.load(Ordering::Relaxed);
        let took = taken(server, "busy");
        (took, (made.load(Ordering::Relaxed) - before) as f64 / took.as_secs_f64())
    });
    println!("a backup takes {idle:.1?} without load, and {took:.1?} while {rate:.0} keys per second are created");
    assert!(took <= idle * BOUND.0 + BOUND.1, "{took:?}, {idle:?} without load");
    assert!(rate >= RATE, "{rate} creates a second");
    let place = restored(&server.place.path("busy"), &server.place, false);
    let began = Instant::now();
    let output = place.command(&server.options).arg("--check-store").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains(": 0 findings"), "{said}");
    println!("--check-store: {:.1?}: {}", began.elapsed(), said.lines().last().unwrap_or_default());
    let copy = Server::start_at(Arc::new(restored(&server.place.path("busy"), &server.place, true)), &server.options);
    assert_eq!(copy.alice().connect().unwrap().open(&sealed), b"data");
}

fn taken(server: &Server, name: &str) -> Duration {
    let began = Instant::now();
    let output = backup(&server.place, &server.options, &server.place.path(name)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    began.elapsed()
}
