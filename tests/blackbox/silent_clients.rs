//! Clients that send nothing, or not enough, do not affect others, and are disconnected after the deadline.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::{Client, Connection, Server, eventually, kmip};

/// The number in the specification.
const MANY: usize = 300;

/// The server's deadline for a handshake, with an allowance for a busy machine.
const DEADLINE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(20));

/// Opens [`MANY`] connections that send no more than this.
fn silent(server: &Server, sent: &[u8]) -> Vec<TcpStream> {
    let client = server.nobody();
    let open = |_| {
        let mut tcp = client.tcp().unwrap();
        tcp.write_all(sent).unwrap();
        tcp
    };
    (0..MANY).map(open).collect()
}

/// The first bytes of a ClientHello that announces more bytes than are sent.
fn half_a_hello() -> Vec<u8> {
    let mut hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
    hello.resize(200, 7);
    hello
}

/// The two kinds of connections of a client: a kept-alive one, and a new one.
struct Working {
    client: Client,
    kept: Connection,
    id: String,
    times: [Vec<Duration>; 2],
}

impl Working {
    fn new(server: &Server) -> Self {
        let client = server.alice();
        let mut kept = client.connect().unwrap();
        let id = kept.aes();
        Self { client, kept, id, times: [Vec::new(), Vec::new()] }
    }

    fn work(&mut self, record: bool) {
        let began = Instant::now();
        self.kept.seal(&self.id, b"some work");
        let between = Instant::now();
        self.client.connect().unwrap().seal(&self.id, b"some work");
        let ended = Instant::now();
        if record {
            self.times[0].push(between - began);
            self.times[1].push(ended - between);
        }
    }

    fn medians(&mut self) -> [Duration; 2] {
        self.times.each_mut().map(|times| {
            times.sort();
            times[times.len() / 2]
        })
    }
}

/// Returns how many times slower a client is with silent clients at the server: on a kept-alive connection, and on new
/// ones. The test uses two equal servers in turn, one of which has silent clients, so that other processes slow both.
fn slowdown(sent: &[u8]) -> [f64; 2] {
    let (burdened, free) = (Server::start(), Server::start());
    let (mut with, mut without) = (Working::new(&burdened), Working::new(&free));
    for _ in 0..10 {
        with.work(false);
        without.work(false);
    }
    for _ in 0..4 {
        let silent = silent(&burdened, sent);
        let began = Instant::now();
        // While all are connected, long before the deadline.
        for turn in 0..50 {
            if began.elapsed() > Duration::from_secs(2) && turn > 10 {
                break;
            }
            // Neither is always the first.
            if turn % 2 == 0 {
                with.work(true);
                without.work(true);
            } else {
                without.work(true);
                with.work(true);
            }
        }
        drop(silent);
    }
    let (with, without) = (with.medians(), without.medians());
    [0, 1].map(|way| with[way].as_secs_f64() / without[way].as_secs_f64())
}

/// A tenth, in one of a few rounds for each kind of connection, because the machine has other work.
fn costs_at_most_a_tenth(sent: &[u8]) {
    let (mut rounds, mut least) = (Vec::new(), [f64::MAX; 2]);
    for _ in 0..6 {
        rounds.push(slowdown(sent));
        least = [0, 1].map(|way| least[way].min(rounds.last().unwrap()[way]));
        if least.iter().all(|times| *times < 1.1) {
            return;
        }
    }
    panic!("kept and new connections, times slower: {rounds:?}");
}

#[test]
fn three_hundred_that_send_nothing_slow_nobody() {
    costs_at_most_a_tenth(b"");
}

#[test]
fn three_hundred_that_send_one_byte_slow_nobody() {
    costs_at_most_a_tenth(b"\x16");
}

#[test]
fn three_hundred_that_send_half_a_hello_slow_nobody() {
    costs_at_most_a_tenth(&half_a_hello());
}

#[test]
fn they_are_gone_after_the_deadline_and_good_clients_are_not() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let began = Instant::now();
    let mut all = silent(&server, b"");
    all.extend(silent(&server, b"\x16"));
    all.extend(silent(&server, &half_a_hello()));
    // Under load the server may see the first bytes of the silent clients only after alice's, and she is the oldest of the
    // address then.
    eventually("a good client comes through", || server.alice().try_request("GET", "/whoami", &[], b"").ok());
    // Clients that send one byte at a time are disconnected too.
    let mut dripping = server.nobody().tcp().unwrap();
    dripping.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let cut_off = half_a_hello().into_iter().chain(std::iter::repeat(7)).any(|byte| {
        let _ = dripping.write_all(&[byte]);
        // Whether the server has closed the connection; a read that times out shows that it has not.
        match dripping.read(&mut [0; 64]) {
            Ok(read) => read == 0,
            Err(error) => !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
        }
    });
    assert!(cut_off);
    for mut tcp in all {
        // The server sends them nothing. A reset is also an end.
        assert!(matches!(tcp.read(&mut [0; 64]), Ok(0) | Err(_)));
    }
    let took = began.elapsed();
    assert!(DEADLINE.0 <= took && took < DEADLINE.1, "{took:?}");
    assert_eq!(alice.get("/whoami").status, 200, "a connection that came through the handshake stays");
    let log = server.log();
    assert!(log.contains("no handshake within 5 s"), "{log}");
    assert!(log.contains("closed to make room for newer connections"), "they were not bounded");
}

#[test]
fn a_hundred_good_clients_of_one_address_may_come_at_once() {
    let server = Server::start();
    let client = server.alice();
    // The listener's queue is not empty.
    let silent = silent(&server, b"\x16");
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..100).map(|_| scope.spawn(|| client.get("/whoami").status)).collect();
        assert!(clients.into_iter().all(|client| client.join().unwrap() == 200));
    });
    drop(silent);
}

#[test]
fn a_body_that_comes_too_slowly_is_cut_off() {
    let server = Server::start();
    let mut slow = server.alice().connect().unwrap();
    let head =
        "POST /kmip/2_1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n";
    slow.stream.write_all(head.as_bytes()).unwrap();
    let mut alice = server.alice().connect().unwrap();
    slow.tcp().set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let began = Instant::now();
    let mut told = Vec::new();
    while told.is_empty() && began.elapsed() < 3 * DEADLINE.1 {
        let _ = slow.stream.write_all(b" ");
        assert_eq!(alice.get("/whoami").status, 200);
        let mut part = [0; 4096];
        if let Ok(read) = slow.stream.read(&mut part) {
            told.extend_from_slice(&part[..read]);
        }
    }
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.starts_with("HTTP/1.1 408 "), "{told}");
    assert!(began.elapsed() >= Duration::from_secs(25), "{:?}", began.elapsed());
}

#[test]
fn a_client_that_does_not_read_its_answers_hinders_nobody() {
    let server = Server::start();
    let mut deaf = server.alice().connect().unwrap();
    let id = deaf.aes();
    let request = kmip::encrypt(&id, &vec![0; 1 << 20]).to_string();
    let head = format!(
        "POST /kmip/2_1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        request.len()
    );
    deaf.tcp().set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    // More bytes than all buffers hold; the client stops when the server stops reading.
    let sent = (0..100).take_while(|_| {
        deaf.stream.write_all(head.as_bytes()).and_then(|()| deaf.stream.write_all(request.as_bytes())).is_ok()
    });
    assert!(sent.count() < 100, "the server reads on and on");
    let mut alice = server.alice().connect().unwrap();
    for _ in 0..10 {
        alice.seal(&id, b"as ever");
        assert_eq!(server.bob().get("/whoami").status, 200);
    }
}
