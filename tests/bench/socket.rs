//! Measures the KMIP socket: Encrypt, compared with HTTPS and JSON; a new connection, compared with the handshake of
//! `openssl s_server`; connections of databases, for minutes; and connections whose clients never finish a message.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use openssl::pkcs12::Pkcs12;
use serde_json::Value;

use crate::compare::command;
use crate::harness::kmip::{create, encrypt, locate, name, named, register, string, structure};
use crate::harness::message::message;
use crate::harness::server::{P12_PASSWORD, Place};
use crate::harness::socket::{Socket, ttlv, with_socket};
use crate::harness::usage::cpu;
use crate::harness::{Client, Leaf, Options, Server};
use crate::{REQUESTS, load};

/// The most that a request on the socket may cost, as a multiple of the cost of the same over HTTPS in JSON.
const OF_HTTPS: f64 = 0.85;

/// The most that a connection with its first answer may cost, as a multiple of the cost of a handshake of `openssl
/// s_server`.
const OF_HANDSHAKE: f64 = 1.5;

/// The number of rounds. The least value of each measurement counts, because other processes can only add time.
const ROUNDS: usize = 3;

/// The number of connections of one measurement of handshakes.
const HANDSHAKES: usize = 2_000;

/// The connections of databases that are open at one time.
const DATABASES: usize = 100;

/// The connections whose messages are not finished.
const UNFINISHED: usize = 1_000;

/// The readers of the database that may be open at one time beyond those of the first connections.
const READERS: usize = 32;

/// The memory that they may take, in bytes.
const MEMORY: usize = 64 << 20;

pub fn measure(seconds: u64) {
    let options = with_socket().with(&["--probe-address", "127.0.0.1:0"]);
    let server =
        Server::start_with(&Options { environment: vec![("KMS_LOG".to_owned(), "info".to_owned())], ..options });
    requests(&server);
    connections(&server);
    unfinished(&server);
    databases(&server, Duration::from_secs(seconds));
}

/// Encrypt of 32 bytes on connections that stay open.
fn requests(server: &Server) {
    let id = server.alice().connect().unwrap().aes();
    let body = encrypt(&id, &[7; 32]);
    let bytes = ttlv(&message(&[], std::slice::from_ref(&body)));
    for connections in [1, 16] {
        let (mut socket, mut https) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..ROUNDS {
            https = https.min(load(&server.alice(), server.pid(), connections, &body).cpu);
            socket = socket.min(on_socket(server, connections, &bytes));
        }
        let ratio = socket / https;
        println!("Encrypt 32 B, {connections} conn.: socket {socket:.1} us, HTTPS {https:.1} us of CPU, {ratio:.2}");
        assert!(ratio <= OF_HTTPS, "a request on the socket costs {ratio:.2} times one over HTTPS");
    }
}

/// Sends Encrypt of 32 bytes on the socket to a server of this program for some seconds, and prints its process id.
pub fn drive(program: &Path, connections: usize, seconds: u64) {
    let place = Arc::new(Place::new());
    let options = with_socket();
    let server = Server::spawn(Arc::clone(&place), command(program, &place, &options), &options);
    let server = server.unwrap_or_else(|log| panic!("{} did not start:\n{log}", program.display()));
    let id = server.alice().connect().unwrap().aes();
    let bytes = ttlv(&message(&[], &[encrypt(&id, &[7; 32])]));
    println!("{}", server.pid());
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(seconds) {
        println!("{:.1} us of CPU time a request", on_socket(&server, connections, &bytes));
    }
}

fn on_socket(server: &Server, connections: usize, bytes: &[u8]) -> f64 {
    let mut open: Vec<Socket> = (0..connections).map(|_| server.socket(&server.place.alice)).collect();
    let ask = |socket: &mut Socket| {
        socket.send(bytes).unwrap();
        assert_eq!(string(&socket.answer().unwrap(), "ResultStatus"), "Success");
    };
    open.iter_mut().for_each(ask);
    let each = REQUESTS / connections;
    let before = cpu(server.pid());
    std::thread::scope(|scope| {
        for mut socket in open {
            scope.spawn(move || (0..each).for_each(|_| ask(&mut socket)));
        }
    });
    (cpu(server.pid()) - before).as_secs_f64() * 1e6 / (each * connections) as f64
}

/// `openssl s_server` with the identity and the authority of the server.
struct Handshakes {
    address: SocketAddr,
    child: Child,
}

impl Handshakes {
    fn start(place: &Place) -> Self {
        let identity = Pkcs12::from_der(&fs::read(place.path("server.p12")).unwrap()).unwrap();
        let identity = identity.parse2(P12_PASSWORD).unwrap();
        let pem =
            [identity.cert.unwrap().to_pem().unwrap(), identity.pkey.unwrap().private_key_to_pem_pkcs8().unwrap()];
        fs::write(place.path("s_server.pem"), pem.concat()).unwrap();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-Verify", "1", "-verify_return_error", "-cert"]);
        command.arg(place.path("s_server.pem")).arg("-CAfile").arg(place.path("ca.pem"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.find_map(|line| line.unwrap().strip_prefix("ACCEPT ").map(str::to_owned)).unwrap();
        // What it prints about each connection must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { address: line.trim().parse().unwrap(), child }
    }
}

impl Drop for Handshakes {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// New connections, one after the other: with their first answer, and with the handshake only.
fn connections(server: &Server) {
    let discover = ttlv(&message(&[], &[structure("DiscoverVersions", &[])]));
    let other = Handshakes::start(&server.place);
    let client = Client::tls(other.address, &server.place.authority.certificate, Some(&server.place.alice));
    let each = |pid: u32, connect: &dyn Fn()| {
        let before = cpu(pid);
        (0..HANDSHAKES).for_each(|_| connect());
        (cpu(pid) - before).as_secs_f64() * 1e6 / HANDSHAKES as f64
    };
    let (mut answered, mut handshake) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        handshake = handshake.min(each(other.child.id(), &|| drop(client.connect().unwrap())));
        answered = answered.min(each(server.pid(), &|| {
            let mut socket = server.socket(&server.place.alice);
            socket.send(&discover).unwrap();
            socket.answer().unwrap();
        }));
    }
    let ratio = answered / handshake;
    println!(
        "connect and first answer {answered:.0} us, handshake of openssl s_server {handshake:.0} us of CPU, {ratio:.2}"
    );
    assert!(ratio <= OF_HANDSHAKE, "a connection with its first answer costs {ratio:.2} times a handshake");
}

/// Connections that send a message of 16 KiB byte by byte, and stop somewhere.
fn unfinished(server: &Server) {
    let callers: Vec<_> =
        ["bob", "carol", "dave", "erin"].map(|name| server.place.authority.issue(&Leaf::client(name))).into();
    let bytes = ttlv(&message(&[], &[register("AES", &[7; 32], &[name(&"n".repeat(1000))])]));
    let idle = server.resident();
    server.reset_peak();
    let mut open = Vec::with_capacity(UNFINISHED);
    for at in 0..UNFINISHED {
        let mut socket = server.socket(&callers[at % callers.len()]);
        for byte in &bytes[..1 + at % (bytes.len() - 1)] {
            if socket.send(std::slice::from_ref(byte)).is_err() {
                break;
            }
        }
        open.push(socket);
    }
    let taken = server.peak().saturating_sub(idle);
    println!("{UNFINISHED} connections with unfinished messages: {} KiB over the idle server", taken >> 10);
    assert!(taken <= MEMORY, "they take {taken} bytes");
    // Others are served meanwhile.
    server.socket(&server.place.alice).ok(&structure("Ping", &[]));
}

/// What is to stay the same: file descriptors, the HSM's sessions, and the objects whose keys have handles.
fn held(server: &Server) -> (usize, Vec<String>) {
    let descriptors = fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count();
    let answer = server.probe().get("/metrics");
    let metrics = String::from_utf8(answer.body).unwrap();
    let is_held = |line: &&str| line.starts_with("claviger_hsm_sessions") || line.starts_with("claviger_cache_objects");
    (descriptors, metrics.lines().filter(is_held).map(str::to_owned).collect())
}

/// Each connects, discovers the versions, searches its key, gets it, and disconnects, again and again.
fn databases(server: &Server, time: Duration) {
    for number in 0..DATABASES {
        server.socket(&server.place.alice).ok(&create("AES", 256, &[name(&format!("database {number}"))]));
    }
    let round = |number: usize| {
        let mut socket = server.socket(&server.place.alice);
        socket.ok(&structure("DiscoverVersions", &[]));
        let id = string(&socket.ok(&locate(&[name(&format!("database {number}"))], &[])), "UniqueIdentifier");
        socket.ok(&named("Get", &id));
    };
    let run = |time: Duration| {
        let (rounds, began) = (AtomicUsize::new(0), Instant::now());
        std::thread::scope(|scope| {
            for number in 0..DATABASES {
                let (rounds, round) = (&rounds, &round);
                scope.spawn(move || {
                    while began.elapsed() < time {
                        round(number);
                        rounds.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        rounds.into_inner()
    };
    // So many at one time open readers of the database, which stay.
    let idle = server.resident();
    run(time / 5);
    let (mut before, resident) = (held(server), server.resident());
    crate::harness::eventually("the first connections are closed", || {
        let former = std::mem::replace(&mut before, held(server));
        (former == before).then_some(())
    });
    let spent = cpu(server.pid());
    let count = run(time);
    let spent = cpu(server.pid()) - spent;
    let each = spent.as_secs_f64() * 1e6 / count as f64;
    let last = server.resident();
    println!(
        "{DATABASES} connections for {time:?}: {count} rounds without an error, {each:.0} us of CPU each; memory {} MiB idle, {} MiB after a fifth of it, {} MiB at the end",
        idle >> 20,
        resident >> 20,
        last >> 20
    );
    // A reader of the database that is closed keeps its descriptor for the next one, so there are as many as there ever
    // were readers at one time.
    let most = before.0 + READERS;
    crate::harness::eventually("the connections are closed", || (held(server).0 <= most).then_some(()));
    let after = held(server);
    println!("descriptors, sessions and objects with handles: {before:?}, then {after:?}");
    assert_eq!(after.1, before.1, "sessions or handles were added");
    assert!(last <= resident + (8 << 20), "the memory grows");
}
