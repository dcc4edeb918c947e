//! Measures the server's CPU time for a request, in turn for another build of the program and for this one:
//! `scripts/bench compare BASE [ROUNDS]`. Other load of the machine affects both builds alike, and the median of the
//! rounds' ratios is not affected by a disturbance of single rounds.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bare::Bare;
use crate::harness::caller::Caller;
use crate::harness::server::Place;
use crate::harness::usage::cpu;
use crate::harness::{Client, Connection, Options, Server, conjur, hanzo, kmip};
use crate::median;

/// The approximate CPU time of one build in one round. The kernel counts it in steps of 10 ms.
const ROUND: Duration = Duration::from_millis(400);

/// A request, and the number of connections that send it at the same time.
struct Work {
    name: &'static str,
    connections: usize,
    ask: fn(&Shop) -> Ask,
}

/// One request.
struct Ask {
    method: &'static str,
    path: String,
    body: Vec<u8>,
}

const WORKS: [Work; 8] = [
    Work { name: "/version", connections: 1, ask: |_| Ask::get("/version") },
    Work { name: "/version", connections: 16, ask: |_| Ask::get("/version") },
    Work { name: "Encrypt 32 B", connections: 1, ask: |shop| Ask::kmip(&kmip::encrypt(&shop.key, &[7; 32])) },
    Work { name: "Encrypt 32 B", connections: 16, ask: |shop| Ask::kmip(&kmip::encrypt(&shop.key, &[7; 32])) },
    Work { name: "GetAttributes", connections: 16, ask: |shop| Ask::kmip(&kmip::named("GetAttributes", &shop.key)) },
    Work { name: "Get", connections: 16, ask: |shop| Ask::kmip(&kmip::named("Get", &shop.key)) },
    Work { name: "Create", connections: 16, ask: |_| Ask::kmip(&kmip::create("AES", 256, &[])) },
    Work { name: "secret read", connections: 16, ask: |_| Ask::get(SECRET) },
];

const SECRET: &str = "/secrets/acme/variable/db%2Fpassword";

impl Ask {
    fn get(path: &str) -> Self {
        Self { method: "GET", path: path.to_owned(), body: Vec::new() }
    }

    fn kmip(request: &Value) -> Self {
        Self { method: "POST", path: kmip::PATH.to_owned(), body: request.to_string().into_bytes() }
    }

    fn of(&self, connection: &mut Connection) {
        let headers: &[_] = if self.body.is_empty() { &[] } else { &[("Content-Type", "application/json")] };
        let answer = connection.try_request(self.method, &self.path, headers, &self.body).unwrap();
        assert_eq!(answer.status, 200, "{} {}", self.path, String::from_utf8_lossy(&answer.body));
    }
}

/// A server with a key and a secret of alice.
struct Shop {
    server: Server,
    key: String,
}

impl Shop {
    fn open(program: &Path) -> Self {
        let place = hanzo::place();
        let mut options = hanzo::options(&[]);
        options.environment.push(("KMS_LOG".to_owned(), "info".to_owned()));
        let server = Server::spawn(Arc::clone(&place), command(program, &place, &options), &options);
        let server = server.unwrap_or_else(|log| panic!("{} did not start:\n{log}", program.display()));
        let mut root = Caller::certificate(&server, "root");
        conjur::define(&mut root, "roles", "lead", &json!({"capabilities": ["*"], "policies": ["all"]}));
        conjur::define(&mut root, "projects", "acme", &json!({"members": {"alice": "lead"}}));
        let mut alice = server.alice().connect().unwrap();
        assert_eq!(alice.try_request("POST", SECRET, &[], b"value").unwrap().status, 201);
        let key = alice.aes();
        Self { server, key }
    }

    fn target(&self, work: &Work) -> Target {
        Target { client: self.server.alice(), pid: self.server.pid(), ask: Arc::new((work.ask)(self)) }
    }
}

/// Returns the command line of a server of this place, with another program.
pub fn command(program: &Path, place: &Place, options: &Options) -> Command {
    let own = place.command(options);
    let mut command = Command::new(program);
    command.env_clear().args(own.get_args()).current_dir(place.directory.path());
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// The process to measure, and the request to send.
struct Target {
    client: Client,
    pid: u32,
    ask: Arc<Ask>,
}

impl Target {
    /// Sends this many requests, and returns the CPU time of the process for each, in microseconds.
    fn measure(&self, open: &mut [Connection], requests: usize) -> f64 {
        let each = requests.div_ceil(open.len());
        let before = cpu(self.pid);
        std::thread::scope(|scope| {
            for connection in open.iter_mut() {
                scope.spawn(|| (0..each).for_each(|_| self.ask.of(connection)));
            }
        });
        (cpu(self.pid) - before).as_secs_f64() * 1e6 / (each * open.len()) as f64
    }

    fn open(&self, connections: usize) -> Vec<Connection> {
        (0..connections).map(|_| self.client.connect().unwrap()).collect()
    }
}

/// Measures two targets in turn. Returns the medians of both, and the median of the ratios of the second to the first.
fn in_turn(targets: [&Target; 2], connections: usize, rounds: usize) -> [f64; 3] {
    let mut open = targets.map(|target| target.open(connections));
    let mut requests = [0; 2];
    for ((target, open), requests) in targets.iter().zip(&mut open).zip(&mut requests) {
        let each = target.measure(open, 2_000).max(1.0);
        *requests = (ROUND.as_secs_f64() * 1e6 / each) as usize;
    }
    let mut found: [Vec<f64>; 3] = Default::default();
    for round in 0..rounds {
        let mut both = [0.0; 2];
        for own in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            both[own] = targets[own].measure(&mut open[own], requests[own]);
        }
        for (found, value) in found.iter_mut().zip([both[0], both[1], both[1] / both[0]]) {
            found.push(value);
        }
    }
    found.map(median)
}

/// Compares the two builds. Only works whose names begin with `only` are measured.
pub fn measure(base: &Path, rounds: usize, only: &str) {
    let [old, new] = [base, Path::new(env!("CARGO_BIN_EXE_clavigerd"))].map(Shop::open);
    println!(
        "{:<24} {:>8} {:>10} {:>10} {:>8}   {:?}",
        "",
        "conn.",
        "before us",
        "now us",
        "ratio",
        crate::harness::Hsm::chosen()
    );
    let row = |name: &str, connections: usize, [before, now, ratio]: [f64; 3]| {
        println!("{name:<24} {connections:>8} {before:>10.1} {now:>10.1} {ratio:>8.2}");
    };
    for work in WORKS.iter().filter(|work| work.name.starts_with(only)) {
        let targets = [&old, &new].map(|shop| shop.target(work));
        row(work.name, work.connections, in_turn([&targets[0], &targets[1]], work.connections, rounds));
        if work.name == "/version" {
            let bare = Bare::start(&new.server.place);
            let client =
                Client::tls(bare.address, &new.server.place.authority.certificate, Some(&new.server.place.alice));
            let floor = Target { client, pid: bare.pid(), ask: Arc::new(Ask::get("/version")) };
            row("  bare warp, now", work.connections, in_turn([&floor, &targets[1]], work.connections, rounds));
        }
    }
}

/// Sends requests to a server for this many seconds. Prints the process id first, for `perf record -p`.
pub fn load(program: &Path, name: &str, connections: usize, seconds: u64) {
    let shop = Shop::open(program);
    let work = WORKS.iter().find(|work| work.name.starts_with(name)).unwrap();
    let target = shop.target(work);
    let mut open = target.open(connections);
    println!("{}", target.pid);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(seconds) {
        println!("{:.1} us of CPU time a request", target.measure(&mut open, 20_000));
    }
}
