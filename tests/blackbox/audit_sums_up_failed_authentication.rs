//! Unauthenticated clients cannot make the log grow without bound, or be synced often, by failing often.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::harness::figures::Figures;
use crate::harness::{Authority, End, Leaf, Options, Server, eventually};

const THREADS: usize = 4;
const REQUESTS: usize = 4_800;
const HANDSHAKES: usize = 200;

/// Returns the number of failures in the log, and of their lines.
fn told(server: &Server) -> (u64, usize) {
    let lines = server.place.audit_lines();
    let of_failures: Vec<_> = lines.iter().filter(|line| line["event"] == "authentication").collect();
    let number = |name: &str| of_failures.iter().filter_map(|line| line[name].as_u64()).sum::<u64>();
    (number("count") + number("others"), of_failures.len())
}

#[test]
fn five_thousand_failures_are_a_few_lines_that_add_up() {
    let arguments = vec!["--client-cert=optional".to_owned(), "--probe-address=127.0.0.1:0".to_owned()];
    let environment = vec![("KMS_LOG".to_owned(), "info".to_owned())];
    let server = Server::start_with(&Options { arguments, environment, ..Options::default() });
    server.keep_audit_key();
    let probe = server.probe();
    let syncs = || Figures::read(&probe).get("claviger_audit_syncs_total", &[]);
    let foreign = Authority::new("Test authority").issue(&Leaf::client("alice"));
    let (stranger, began, before) = (server.client(&foreign), Instant::now(), syncs());
    let bytes_before = server.place.audit_file().metadata().unwrap().len();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _end = End(&done);
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let mut nobody = server.nobody().connect().unwrap();
                    for number in 0..REQUESTS / THREADS {
                        let credentials = [None, Some("Bearer a.b.c"), Some("Bearer eA==")];
                        let credential = credentials[number % 3].map(|value| ("Authorization", value));
                        let headers: Vec<_> = credential.into_iter().collect();
                        let status = nobody.try_request("GET", "/whoami", &headers, b"").unwrap().status;
                        assert!([401, 429].contains(&status));
                    }
                    for _ in 0..HANDSHAKES / THREADS {
                        assert!(stranger.try_request("GET", "/whoami", &[], b"").is_err());
                    }
                })
            })
            .collect();
        // Authenticated callers are served meanwhile, with a line for each request.
        scope.spawn(|| {
            let mut alice = server.alice().connect().unwrap();
            while !done.load(Ordering::SeqCst) {
                assert_eq!(alice.get("/whoami").status, 200);
            }
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let all = (REQUESTS + HANDSHAKES) as u64;
    eventually("all are counted", || (told(&server).0 >= all).then_some(()));
    let spans = began.elapsed().as_secs() + 2;
    let (counted, lines) = told(&server);
    assert_eq!(counted, all);
    // Four kinds of failure, from one address.
    assert!(lines as u64 <= spans * 4, "{lines} lines in {spans} s");
    let bytes = server.place.audit_file().metadata().unwrap().len() - bytes_before;
    assert!(bytes <= spans * 4_096, "{bytes} bytes in {spans} s");
    let syncs = syncs() - before;
    assert!(syncs <= spans as f64 * 2.0, "{syncs} syncs in {spans} s");
    eprintln!("{all} failures in {spans} s: {lines} lines, {bytes} bytes, {syncs} syncs");
    assert!(!server.alice().connect().unwrap().aes().is_empty());
    server.place.signed();
}
