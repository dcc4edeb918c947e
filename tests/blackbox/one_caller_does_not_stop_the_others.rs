//! While one caller, or many unauthenticated clients, attack the server, another caller is served as usual, and the
//! server's memory stays within its bound.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::batches::message;
use crate::harness::kmip::{create, encrypt, enumeration, integer, locate, structure, vendor_attribute};
use crate::harness::{Client, Connection, End, Http2, Leaf, Options, PATIENCE, Server, World, eventually};

/// The duration of each attack.
const SPAN: Duration = Duration::from_secs(20);

/// The memory of bodies and answers, in MiB, and the most that the server may grow in addition.
const LIMIT: (usize, usize) = (256, 64);

const LOGIN: &str = "/api/v1/auth/jwt-auth/login";

fn options(more: &[(&str, &str)]) -> Options {
    let limit = LIMIT.0.to_string();
    let all = [("KMS_LOG", "info"), ("KMS_CLIENT_CERT", "optional"), ("KMS_MEMORY_LIMIT", &limit)];
    let environment = all.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Options { environment, arguments: vec!["--probe-address=127.0.0.1:0".to_owned()], ..Options::default() }
}

fn client(server: &Server, name: &str) -> Client {
    server.client(&server.place.authority.issue(&Leaf::client(name)))
}

/// Creates 64 times `times` keys for a caller.
fn make_keys(client: &Client, times: usize) {
    let mut connection = client.connect().unwrap();
    for _ in 0..times {
        let answer = connection.kmip(&message(&[], &vec![create("AES", 256, &[]); 64]));
        assert_eq!(answer.status, 200);
        assert!(!answer.json().to_string().contains("ResultReason"));
    }
}

/// Creates a few objects for a caller whose list is as large as an answer may be.
fn make_large(client: &Client) {
    let mut connection = client.connect().unwrap();
    for _ in 0..14 {
        let value = "x".repeat(16_000);
        let attributes: Vec<Value> =
            (0..31).map(|number| vendor_attribute("x", &format!("a{number}"), &value)).collect();
        connection.new_key(&create("AES", 256, &attributes));
    }
}

/// A caller who only encrypts.
struct Victim {
    client: Client,
    kept: Connection,
    id: String,
}

impl Victim {
    fn new(server: &Server) -> Self {
        let client = server.bob();
        let mut kept = client.connect().unwrap();
        let id = kept.aes();
        Self { client, kept, id }
    }

    /// Works for at least this time, on the kept-alive connection and sometimes on a new one. Returns the 99th
    /// percentile of the requests' times.
    fn work(&mut self, span: Duration) -> Duration {
        let began = Instant::now();
        let mut times = Vec::new();
        while began.elapsed() < span || times.len() < 300 {
            let request = encrypt(&self.id, b"as ever");
            let sent = Instant::now();
            let answer = if times.len() % 50 == 49 {
                self.client.connect().unwrap().kmip(&request)
            } else {
                self.kept.kmip(&request)
            };
            times.push(sent.elapsed());
            assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        }
        times.sort();
        times[times.len() * 99 / 100]
    }
}

/// Whether an attack has begun, and whether it must end.
struct Signals {
    begun: AtomicBool,
    stop: AtomicBool,
    /// Whatever else fails, it ends after [`PATIENCE`] and a little.
    since: Instant,
}

impl Signals {
    fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.since.elapsed() > 2 * PATIENCE
    }
}

/// Lets the victim work during an attack, until the signal to stop. Returns by how many MiB the server grew. Because
/// other processes can disturb the measurement, it is repeated up to three times.
fn meanwhile(what: &str, server: &Server, victim: &mut Victim, mut attack: impl FnMut(&Signals) + Send) -> usize {
    let mut grown = 0;
    let is_quick = (0..3).any(|_| {
        let quiet = victim.work(Duration::ZERO);
        let before = server.resident();
        // The peak is counted from here on (proc(5), /proc/pid/clear_refs).
        server.reset_peak();
        let signals = Signals { begun: AtomicBool::default(), stop: AtomicBool::default(), since: Instant::now() };
        let busy = thread::scope(|scope| {
            let (attack, signals) = (&mut attack, &signals);
            scope.spawn(move || {
                attack(signals);
                signals.begin();
            });
            let _end = End(&signals.stop);
            eventually(what, || signals.begun.load(Ordering::Relaxed).then_some(()));
            victim.work(SPAN)
        });
        grown = server.peak().saturating_sub(before) >> 20;
        eprintln!("{what}: p99 {busy:?}, quiet {quiet:?}; {grown} MiB more");
        assert!(grown < LIMIT.0 + LIMIT.1, "{what}: the server grew by {grown} MiB");
        busy < (20 * quiet).max(Duration::from_millis(250))
    });
    assert!(is_quick, "{what}: the others wait");
    grown
}

/// Sends a request again and again, and closes the connection during one.
fn insist(client: &Client, method: &str, path: &str, body: &[u8], signals: &Signals) {
    let headers = [("Content-Type", "application/json")];
    while !signals.is_over() {
        let Ok(mut connection) = client.connect() else { continue };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{}: {}\r\n", headers[0].0, headers[0].1);
        let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
        while !signals.is_over() {
            if connection.stream.write_all(&[head.as_bytes(), body].concat()).is_err() {
                break;
            }
            signals.begin();
            connection.tcp().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            let mut first = [0];
            let answered = || match connection.tcp().peek(&mut first) {
                Ok(_) => true,
                Err(error) => !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
            };
            if !std::iter::repeat_with(answered).any(|answered| answered || signals.is_over()) {
                return;
            }
            if signals.is_over() {
                return;
            }
            connection.tcp().set_read_timeout(Some(PATIENCE)).unwrap();
            let Ok(answer) = connection.read_answer() else { break };
            assert!([200, 429, 503].contains(&answer.status), "{}", answer.status);
        }
    }
}

/// The server stops working for clients that have closed their connections: it is almost idle long before it could have
/// finished.
fn ends(server: &Server) {
    let left = server.cpu();
    eventually("the work ends", || {
        let (began, before) = (Instant::now(), server.cpu());
        thread::park_timeout(Duration::from_millis(300));
        (server.cpu() - before < began.elapsed() / 5).then_some(())
    });
    let worked = server.cpu().saturating_sub(left);
    assert!(worked < Duration::from_secs(10), "{worked:?}");
}

#[test]
fn with_searches_lists_and_answers_that_are_not_read() {
    let server = Server::start_with(&options(&[]));
    let mut victim = Victim::new(&server);
    let [mallory, trudy] = ["mallory", "trudy"].map(|name| client(&server, name));
    make_keys(&mallory, 6);
    make_large(&trudy);
    victim.work(Duration::ZERO);

    let locates = message(&[], &vec![locate(&[], &[]); 64]).to_string();
    meanwhile("30 messages of 64 searches", &server, &mut victim, |signals| {
        thread::scope(|scope| {
            for _ in 0..30 {
                scope.spawn(|| insist(&mallory, "POST", "/kmip/2_1", locates.as_bytes(), signals));
            }
        });
    });
    ends(&server);

    meanwhile("lists of all objects", &server, &mut victim, |signals| {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| insist(&mallory, "GET", "/access/owned", b"", signals));
            }
        });
    });

    meanwhile("120 answers that are not read", &server, &mut victim, |signals| {
        let mut deaf: Vec<(Instant, Http2)> = Vec::new();
        // The server holds as much memory for her as she may have. Connections whose answers are not read are closed
        // after a while, and she connects again. The former ones stay open for the time that the server may need to
        // make the answers.
        let refused = eventually("a refusal", || {
            let is_waiting = deaf.last().is_some_and(|(since, _)| since.elapsed() < Duration::from_secs(10));
            if deaf.len() < 2 || !is_waiting {
                let mut connection = Http2::connect(&trudy);
                for _ in 0..60 {
                    connection.request("GET", "/access/owned", &[], true);
                }
                deaf.push((Instant::now(), connection));
            }
            let answer = trudy.get("/access/owned");
            (answer.status == 429).then_some(answer)
        });
        assert_eq!(refused.header("retry-after"), Some("1"));
        signals.begin();
        while !signals.is_over() {
            thread::park_timeout(Duration::from_millis(20));
        }
    });
    eventually("what she left is given back", || (trudy.get("/access/owned").status == 200).then_some(()));
    assert!(!server.log().contains("panicked"));
}

#[test]
fn with_logins_that_strangers_do_not_finish() {
    let server = Server::start_with(&options(&[]));
    let mut victim = Victim::new(&server);
    victim.work(Duration::ZERO);
    let nobody = server.nobody();
    let sent = AtomicUsize::new(0);
    meanwhile("120 strangers", &server, &mut victim, |signals| {
        let part = vec![b' '; 60_000];
        let headers = [("content-type", "application/json"), ("content-length", "200000")];
        let mut all = Vec::new();
        for _ in 0..120 {
            let mut stranger = Http2::connect(&nobody);
            let streams: Vec<u32> = (0..32).map(|_| stranger.request("POST", LOGIN, &headers, false)).collect();
            all.push((stranger, streams.into_iter().map(|stream| (stream, 0)).collect::<Vec<_>>()));
        }
        while !signals.is_over() {
            for (stranger, streams) in &mut all {
                stranger.listen(Duration::from_millis(1));
                for (stream, done) in streams.iter_mut().filter(|(_, done)| *done < part.len()) {
                    let more = stranger.body(*stream, &part[*done..], false);
                    *done += more;
                    sent.fetch_add(more, Ordering::Relaxed);
                }
            }
            signals.begin();
        }
    });
    assert!(sent.into_inner() > 1 << 20, "the strangers did not even begin");
    // They do not use the memory of later callers.
    eventually("a login is answered", || {
        let answer = server.nobody().post(LOGIN, &json!({ "identityId": "x", "jwt": "x" }));
        assert!((400..500).contains(&answer.status), "{answer:?}");
        (answer.status != 429).then_some(())
    });
}

#[test]
fn with_all_the_connections_that_one_certificate_gets() {
    let server = Server::start_with(&options(&[("KMS_MAX_CONNECTIONS", "256")]));
    let mut victim = Victim::new(&server);
    victim.work(Duration::ZERO);
    let mallory = client(&server, "mallory");
    meanwhile("as many connections as she gets", &server, &mut victim, |signals| {
        let mut all = std::collections::VecDeque::new();
        while !signals.is_over() {
            if let Ok(mut connection) = mallory.connect()
                && connection.try_request("GET", "/whoami", &[], b"").is_ok()
            {
                all.push_back(connection);
            }
            if all.len() > 256 {
                signals.begin();
                all.pop_front();
            }
        }
    });
    let began = Instant::now();
    let mut all: Vec<Connection> = Vec::new();
    for _ in 0..300 {
        let Ok(mut connection) = mallory.connect() else { continue };
        if connection.try_request("GET", "/whoami", &[], b"").is_ok_and(|answer| answer.status == 200) {
            all.push(connection);
        }
        // Others connect as usual.
        assert_eq!(server.alice().get("/whoami").status, 200);
        if all.len() == 60 {
            // A share of the connections of authenticated callers, and a few that are being closed.
            let open = || all.iter().filter(|own| own.tcp().peek_is_open()).count();
            eventually("the oldest make room", || (open() <= 16).then_some(()));
            assert!(began.elapsed() < Duration::from_secs(50), "they were idle for too long");
        }
    }
    victim.work(Duration::ZERO);
    assert_eq!(all.len(), 300, "newer ones are served, too");
    assert!(all.last_mut().unwrap().get("/whoami").status == 200, "the newest one is served");
}

/// Whether the other side has closed it, as far as this is known without reading.
trait PeekIsOpen {
    fn peek_is_open(&self) -> bool;
}

impl PeekIsOpen for std::net::TcpStream {
    fn peek_is_open(&self) -> bool {
        self.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let mut some = [0; 256];
        let open = match self.peek(&mut some) {
            // The data may be the alert that announces the end (RFC 8446 section 6.1).
            Ok(_) => false,
            Err(error) => matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
        };
        self.set_read_timeout(Some(PATIENCE)).unwrap();
        open
    }
}

#[test]
fn with_more_requests_than_one_caller_may_have_under_way() {
    let server = Server::start_with(&options(&[]));
    let mut victim = Victim::new(&server);
    let mallory = client(&server, "mallory");
    let headers = [("content-type", "application/json"), ("content-length", "1000")];
    let mut all: Vec<Http2> = (0..14).map(|_| Http2::connect(&mallory)).collect();
    let refused = eventually("a refusal", || {
        for connection in &mut all {
            while connection.answers.len() < 64 {
                connection.request("POST", "/kmip/2_1", &headers, false);
            }
            connection.listen(Duration::from_millis(5));
        }
        let statuses = all.iter().flat_map(|own| own.answers.values()).filter_map(|answer| answer.status);
        let statuses: Vec<u16> = statuses.collect();
        (!statuses.is_empty()).then_some(statuses)
    });
    assert!(refused.iter().all(|status| *status == 429), "{refused:?}");
    meanwhile("as many requests as she gets", &server, &mut victim, |signals| {
        signals.begin();
        while !signals.is_over() {
            for connection in &mut all {
                let open = connection.answers.values().filter(|answer| !answer.ended && !answer.reset).count();
                if open < 64 && !connection.is_closed {
                    connection.request("POST", "/kmip/2_1", &headers, false);
                }
                connection.listen(Duration::from_millis(5));
            }
        }
    });
    // By her name, from any address and with any connection.
    let answer = mallory.get("/whoami");
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
    drop(all);
    eventually("her places are free again", || (mallory.get("/whoami").status == 200).then_some(()));
}

#[test]
fn with_bodies_that_wait_for_room() {
    let server = Server::start_with(&options(&[]));
    let mut victim = Victim::new(&server);
    let mallory = client(&server, "mallory");
    victim.work(Duration::ZERO);
    let headers = [("content-type", "application/json"), ("content-length", "8000000")];
    let part = vec![b' '; 256 << 10];
    let statuses = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let grown = meanwhile("bodies of which the first part arrives", &server, &mut victim, |signals| {
        while !signals.is_over() {
            let mut all: Vec<(Http2, Vec<(u32, usize)>)> = Vec::new();
            for _ in 0..12 {
                let mut connection = Http2::connect(&mallory);
                let streams: Vec<u32> =
                    (0..60).map(|_| connection.request("POST", "/kmip/2_1", &headers, false)).collect();
                all.push((connection, streams.into_iter().map(|stream| (stream, 0)).collect()));
            }
            let round = Instant::now();
            while !signals.is_over() && round.elapsed() < Duration::from_secs(8) {
                for (connection, streams) in &mut all {
                    connection.listen(Duration::from_millis(1));
                    for (stream, done) in streams.iter_mut().filter(|(_, done)| *done < part.len()) {
                        *done += connection.body(*stream, &part[*done..], false);
                    }
                    let answered = connection.answers.values().filter_map(|answer| answer.status);
                    statuses.lock().unwrap().extend(answered);
                }
                signals.begin();
            }
        }
    });
    let statuses = statuses.into_inner().unwrap();
    assert!(statuses.contains(&429) && statuses.iter().all(|status| [408, 429].contains(status)), "{statuses:?}");
    // The memory that a caller may hold, and that of the connections.
    assert!(grown < LIMIT.0 / 8 + LIMIT.1, "the server grew by {grown} MiB");
}

#[test]
fn with_requests_that_take_longer_than_they_may() {
    let server = Server::start_with(&options(&[]));
    let id = server.bob().connect().unwrap().aes();
    make_keys(&client(&server, "mallory"), 8);
    let (place, _) = server.stop();
    let server = Server::start_at(place, &options(&[("KMS_REQUEST_TIMEOUT", "1")]));
    let mallory = client(&server, "mallory");
    let locates = message(&[], &vec![locate(&[], &[]); 64]);
    let answer = eventually("a request that takes too long", || {
        // On any machine, a message over this many keys takes longer than a second; if keys are made faster, there are
        // more.
        mallory.connect().unwrap().kmip(&message(&[], &vec![create("AES", 256, &[]); 64]));
        let began = Instant::now();
        let answer = mallory.connect().unwrap().kmip(&locates);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        (answer.status != 200).then_some(answer)
    });
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert!(answer.detail().contains("longer than 1 s"), "{answer:?}");
    ends(&server);
    let mut bob = server.bob().connect().unwrap();
    eventually("another caller's request is done", || (bob.kmip(&encrypt(&id, b"x")).status == 200).then_some(()));
    let mut half = mallory.connect().unwrap();
    let rest = half.begin(&[], &encrypt("x", b"too late"));
    assert_eq!(half.read_answer().unwrap().status, 408);
    drop(rest);
    // A key pair may take longer. Its time is random.
    let usage = |tag: &str, mask| structure(tag, &[integer("CryptographicUsageMask", mask)]);
    let common = [enumeration("CryptographicAlgorithm", "RSA"), integer("CryptographicLength", 3072)];
    let pair =
        [structure("CommonAttributes", &common), usage("PrivateKeyAttributes", 1), usage("PublicKeyAttributes", 2)];
    eventually("a pair takes longer", || {
        let began = Instant::now();
        mallory.connect().unwrap().ok(&structure("CreateKeyPair", &pair));
        (began.elapsed() > Duration::from_secs(1)).then_some(())
    });
}

#[test]
fn a_list_that_is_too_large_is_given_in_parts() {
    let server = Server::start_with(&options(&[]));
    let trudy = client(&server, "trudy");
    make_large(&trudy);
    make_large(&trudy);
    let (mut found, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let answer = trudy.get(&format!("/access/owned?{after}"));
        assert_eq!(answer.status, 200);
        let page = answer.json();
        let Some(last) = page.as_array().unwrap().last() else { break };
        // A page is 4 MiB and an object.
        assert!(answer.body.len() < 5 << 20, "{}", answer.body.len());
        after = format!("after={}", last["object_id"].as_str().unwrap());
        found.extend(page.as_array().unwrap().iter().map(|own| own["object_id"].as_str().unwrap().to_owned()));
        pages += 1;
    }
    let all: std::collections::BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!((found.len(), all.len()), (28, 28));
    assert!(pages >= 4, "{pages}");
    for offset in [0, 5, 27, 28] {
        let page = trudy.get(&format!("/access/owned?offset={offset}&limit=5")).json();
        let ids: Vec<&str> = page.as_array().unwrap().iter().map(|own| own["object_id"].as_str().unwrap()).collect();
        assert_eq!(ids, found[offset..found.len().min(offset + 5)], "{offset}");
    }
    assert_eq!(trudy.get("/access/owned?limit=0").status, 400);
    assert_eq!(trudy.get("/access/owned?limit=1001").status, 400);
}

#[test]
fn with_logins_of_one_address_that_do_not_end() {
    let world = World::with(
        "[policies.none]\npolicy_type = \"deny\"\noperations = [\"*\"]\nresources = [\"*\"]\n",
        &["--probe-address=127.0.0.1:0"],
    );
    let server = &world.server;
    let nobody = server.nobody();
    let headers = [("content-type", "application/json"), ("content-length", "100")];
    let mut held: Vec<Http2> = Vec::new();
    let refused = |all: &mut Vec<Http2>| {
        all.iter_mut().for_each(|own| own.listen(Duration::from_millis(5)));
        all.iter().flat_map(|own| own.answers.values()).any(|answer| answer.status == Some(429))
    };
    eventually("the address has all it gets", || {
        let mut connection = Http2::connect(&nobody);
        for _ in 0..30 {
            let stream = connection.request("POST", LOGIN, &headers, false);
            connection.body(stream, b"{", false);
        }
        held.push(connection);
        refused(&mut held).then_some(())
    });
    assert_eq!(nobody.post(LOGIN, &json!({"identityId": "x", "jwt": "x"})).status, 429);
    // Callers of the same address, which may be that of a load balancer: with a new token, with a certificate, and with
    // neither.
    for name in ["carol", "dora"] {
        let mut caller = world.token(name, &Value::Null);
        let answer = caller.send("GET", "/whoami", None);
        assert_eq!((answer.status, &answer.json()["username"]), (200, &json!(name)));
    }
    assert_eq!(server.alice().get("/whoami").status, 200);
    assert_eq!(nobody.get("/health").status, 200);
    // Clients that do not continue are refused long before other requests.
    let began = Instant::now();
    eventually("the logins end", || {
        held.iter_mut().for_each(|own| own.listen(Duration::from_millis(5)));
        held.iter().flat_map(|own| own.answers.values()).any(|answer| answer.status == Some(408)).then_some(())
    });
    assert!(began.elapsed() < Duration::from_secs(28), "{:?}", began.elapsed());
    eventually("a login is answered", || {
        (nobody.post(LOGIN, &json!({"identityId": "x", "jwt": "x"})).status != 429).then_some(())
    });
}
