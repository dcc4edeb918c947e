//! Measures whether a slow or hanging HSM delays requests that do not need it: `scripts/bench slow`. It measures the
//! time of `/version` while sixteen clients encrypt and each call of the HSM's module takes 50 ms, and then while one
//! call never returns.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use claviger_pkcs11_shim::{Deed, Fault};

use crate::harness::kmip::encrypt;
use crate::harness::{Connection, End, Options, Shim, eventually};

const CLIENTS: usize = 16;

const CALL: Duration = Duration::from_millis(50);

const SPAN: Duration = Duration::from_secs(10);

/// The longest time that 99 in 100 requests may take.
const LONGEST: Duration = Duration::from_millis(20);

pub fn measure() {
    let shim = Shim::start(&Options {
        environment: vec![("KMS_LOG".to_owned(), "warn".to_owned())],
        arguments: vec!["--hsm-call-timeout=600".to_owned()],
        ..Options::default()
    });
    let alice = shim.server.alice();
    let id = alice.connect().unwrap().aes();
    let mut open: Vec<Connection> = (0..CLIENTS).map(|_| alice.connect().unwrap()).collect();
    for connection in &mut open {
        connection.ok(&encrypt(&id, b"data"));
    }
    version("a fast HSM without load", &shim);
    shim.set("slow", &Fault::new(Deed::Wait(CALL), &[]));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end = End(&done);
        for connection in &mut open {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    connection.ok(&encrypt(&id, b"data"));
                }
            });
        }
        version("sixteen clients, and 50 ms a call", &shim);
    });
    shim.clear("slow");
    shim.set("hang", &Fault::new(Deed::Hang, &["C_Encrypt"]).times(1));
    thread::scope(|scope| {
        let _hanging = scope.spawn(|| {
            let _ = open[0].try_request(
                "POST",
                crate::harness::kmip::PATH,
                &[],
                encrypt(&id, b"data").to_string().as_bytes(),
            );
        });
        eventually("a call hangs", || (shim.hits("hang") == 1).then_some(()));
        version("one call that never returns", &shim);
        shim.server.signal("KILL");
    });
}

/// Prints the times of `/version` on one connection, with a pause of 3 ms between requests. Fails if the 99th
/// percentile is longer than [`LONGEST`].
fn version(what: &str, shim: &Shim) {
    let client = shim.server.alice();
    let mut kept = client.connect().unwrap();
    let (mut times, began) = (Vec::new(), Instant::now());
    while began.elapsed() < SPAN {
        let sent = Instant::now();
        assert_eq!(kept.get("/version").status, 200);
        times.push(sent.elapsed());
        thread::sleep(Duration::from_millis(3));
    }
    times.sort();
    let percent = |part: usize| times[(times.len() - 1) * part / 100];
    println!("{what}: /version p50 {:.2?}, p99 {:.2?}, longest {:.2?}", percent(50), percent(99), percent(100));
    assert!(percent(99) < LONGEST, "{what}");
}
