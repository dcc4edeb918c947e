//! Repeated events that unauthenticated clients cause are logged once and then summed up, so that they cannot fill the
//! log.

use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::harness::{Authority, Connection, Leaf, Options, Server, eventually, kmip};

const REQUESTS: usize = 20_000;
const HANDSHAKES: usize = 150;

fn start(arguments: &[&str]) -> Server {
    let arguments = arguments.iter().map(|&own| own.to_owned()).collect();
    let environment = vec![("KMS_LOG".to_owned(), "info".to_owned())];
    Server::start_with(&Options { arguments, environment, ..Options::default() })
}

/// Sends requests that are refused, without waiting for each answer.
fn flood(connection: &mut Connection, requests: usize, request: impl Fn(usize) -> String, status: u16) {
    // Few enough that the answers fit into the buffers of both sides.
    const AT_ONCE: usize = 20;
    for begin in (0..requests).step_by(AT_ONCE) {
        let all: String = (begin..begin + AT_ONCE).map(&request).collect();
        connection.stream.write_all(all.as_bytes()).unwrap();
        for _ in 0..AT_ONCE {
            assert_eq!(connection.read_answer().unwrap().status, status);
        }
    }
}

fn lines(server: &Server, words: &[&str]) -> usize {
    server.log().lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
}

/// Returns the number of repeated events with this word in the sums.
fn summed(server: &Server, word: &str) -> usize {
    let more = |line: &str| line.split("more=").nth(1)?.split(' ').next()?.parse::<usize>().ok();
    let log = server.log();
    log.lines().filter(|line| line.contains("repeated within a minute") && line.contains(word)).filter_map(more).sum()
}

#[test]
fn twenty_thousand_requests_are_a_few_lines_that_add_up() {
    let server = start(&["--client-cert=optional", "--auth-failure-limit=0"]);
    let before = server.log().lines().count();
    let get = |path: String| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut nobody = server.nobody().connect().unwrap();
    flood(&mut nobody, REQUESTS, |number| get(format!("/nowhere/{number}")), 404);
    // The certificate is of another authority, or there is none.
    let mut alice = server.alice().connect().unwrap();
    flood(&mut alice, 1000, |number| get(format!("/nowhere/{number}")), 404);
    flood(&mut nobody, 1000, |_| "PUT /version HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), 405);
    flood(
        &mut nobody,
        1000,
        |number| format!("GET /version HTTP/1.1\r\nHost: localhost\r\nOrigin: https://{number}\r\n\r\n"),
        403,
    );
    flood(&mut nobody, 1000, |_| get("/whoami".to_owned()), 401);
    flood(
        &mut nobody,
        1000,
        |number| format!("GET /whoami HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {number}\r\n\r\n"),
        401,
    );
    flood(
        &mut nobody,
        1000,
        |number| {
            format!(
                "POST /api/v1/auth/jwt-auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{{\"a\": {number:5}}}"
            )
        },
        422,
    );
    let foreign = server.client(&Authority::new("Another").issue(&Leaf::client("mallory")));
    for _ in 0..HANDSHAKES {
        assert!(foreign.try_request("GET", "/whoami", &[], b"").is_err());
        server.nobody().tcp().unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    }
    // One line at once for each kind, or one for each minute of the test.
    let kinds =
        ["404", "405", "403", "no credential", "API token", "422", "method=\"certificate\"", "connection refused peer"];
    for kind in kinds {
        eventually("it is told", || {
            (lines(&server, &[kind, "refused"]) + lines(&server, &[kind, "failed"]) > 0).then_some(())
        });
    }
    let told = server.log().lines().count() - before;
    assert!(told <= 80, "{told} lines");
    // Meanwhile each failure of an authenticated caller is a line.
    let mut alice = server.alice().connect().unwrap();
    for _ in 0..10 {
        alice.refused(&kmip::named("Get", "nowhere"), 404, "Object_Not_Found");
    }
    assert!(lines(&server, &["status=404", "nowhere"]) >= 10);
    // At the end of the minute there is a line for all events after the first. Then the next event is logged at once
    // again.
    let deadline = Instant::now() + Duration::from_secs(150);
    while summed(&server, "404 no such path") == 0 {
        assert!(Instant::now() < deadline, "no sum");
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let told = lines(&server, &["status=404", "no such path"]);
    flood(&mut nobody, 20, |_| get("/nowhere".to_owned()), 404);
    assert_eq!(lines(&server, &["status=404", "no such path"]), told + 1);
    // The numbers add up.
    server.signal("TERM");
    eventually("it has stopped", || (lines(&server, &["INFO", "stopped"]) > 0).then_some(()));
    let all = |word: &str, first: &[&str]| summed(&server, word) + lines(&server, first);
    assert_eq!(all("404 no such path", &["status=404", "no such path"]), REQUESTS + 1020);
    assert_eq!(all("405 ", &["status=405"]), 1000);
    assert_eq!(all("no credential", &["WARN", "authentication failed method", "no credential"]), 1000);
    assert_eq!(all("422 ", &["status=422"]), 1000);
    let peer = lines(&server, &["repeated within a minute", "peer=127.0.0.1 "]);
    assert!(peer >= 7, "{peer}");
}
