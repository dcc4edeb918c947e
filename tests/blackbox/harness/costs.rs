//! What requests cost a server that holds few and one that holds many, of their CPU time, so that it does not matter what else the
//! machine does.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::caller::{Caller, change};
use super::kmip::{all, create, enumeration, find, integer, locate, name, named, revoke, tags};
use super::message::message;
use super::usage::Meter;
use super::{Options, Server, eventually};

/// Creates in one message, and connections that send such messages.
const BATCH: usize = 64;
const CONNECTIONS: usize = 8;

/// Measurements of one kind.
const SAMPLES: usize = 21;

/// What many may cost, as a multiple of what few cost.
const BOUND: f64 = 1.5;

/// A server that writes only warnings into its log.
pub fn quiet_server() -> Server {
    Server::start_with(&Options { environment: vec![("KMS_LOG".to_owned(), "warn".to_owned())], ..Options::default() })
}

/// Adds so many objects of alice's, each with two names and four tags.
pub fn fill(server: &Server, count: usize) {
    let request = create("AES", 256, &[name("n0"), name("n1"), tags(&["t0", "t1", "t2", "t3"])]);
    let batches = count.div_ceil(BATCH);
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let request = &request;
            scope.spawn(move || {
                let mut alice = server.alice().connect().unwrap();
                for batch in (connection..batches).step_by(CONNECTIONS) {
                    let mut left = BATCH.min(count - batch * BATCH);
                    // On a busy machine others may have all sessions of the HSM for two seconds: the rest of a message is refused then.
                    eventually("a message of creates is done", || {
                        let answer = alice.kmip(&message(&[], &vec![request.clone(); left])).json().to_string();
                        let failed = answer.matches("OperationFailed").count();
                        assert_eq!(answer.matches("the HSM is not available").count(), failed, "{answer}");
                        left -= answer.matches("\"Success\"").count();
                        (left == 0).then_some(())
                    });
                }
            });
        }
    });
}

pub fn took(run: impl FnOnce()) -> Duration {
    let began = Instant::now();
    run();
    began.elapsed()
}

/// Callers of one name at the server that holds few and at the one that holds many.
pub struct Pair {
    pub callers: [Caller; 2],
    meters: [Meter; 2],
    /// What a request may cost beyond the bound.
    slack: Duration,
    /// How often something was measured: no name is used twice.
    turn: usize,
}

impl Pair {
    pub fn new(servers: [&Server; 2], name: &str, slack: Duration) -> Self {
        let callers = servers.map(|server| Caller::certificate(server, name));
        Self { callers, meters: servers.map(Server::meter), slack, turn: 0 }
    }

    /// Compares the least CPU time that a request costs each of them: what a server does of its own accord is not in all samples.
    #[track_caller]
    pub fn check(&mut self, what: &str, mut run: impl FnMut(&mut Caller, usize, Meter) -> Duration) -> Duration {
        let mut tries = 0;
        loop {
            let mut samples = [Vec::new(), Vec::new()];
            for _ in 0..SAMPLES {
                self.turn += 1;
                for ((caller, meter), samples) in self.callers.iter_mut().zip(self.meters).zip(&mut samples) {
                    samples.push(run(caller, self.turn, meter));
                }
            }
            let [few, many] = samples.map(|samples| samples.into_iter().min().unwrap());
            let ratio = many.as_secs_f64() / few.as_secs_f64();
            eprintln!("{what}: {few:?} with few, {many:?} with many, {ratio:.2} times");
            if many <= few.mul_f64(BOUND) + self.slack {
                return many;
            }
            tries += 1;
            assert!(tries < 5, "{what}: {many:?} with many, {few:?} with few");
        }
    }
}

/// In a test: what a request costs differs by so much from one server to the other.
pub const SLACK: Duration = Duration::from_micros(300);

/// Has a server read so many of alice's objects, which its cache then holds.
pub fn warm(server: &Server, count: usize) {
    let mut alice = server.alice().connect().unwrap();
    for page in 0..count.div_ceil(1000) {
        let offset = integer("OffsetItems", i64::try_from(page * 1000).unwrap());
        let found = alice.ok(&locate(&[], &[offset]));
        let ids: Vec<&str> = all(&found, "UniqueIdentifier").into_iter().map(|id| id.as_str().unwrap()).collect();
        assert!(!ids.is_empty());
        for ids in ids.chunks(BATCH) {
            let reads: Vec<Value> = ids.iter().map(|id| named("GetAttributes", id)).collect();
            assert_eq!(alice.kmip(&message(&[], &reads)).status, 200);
        }
    }
}

/// The most CPU time of a start.
const START: Duration = Duration::from_millis(500);

/// Ends the servers and starts them again: neither may need more than [`START`].
pub fn starts(servers: [Server; 2]) {
    for server in servers {
        let (place, options) = (Arc::clone(&server.place), server.options.clone());
        server.stop();
        let start = || Server::start_at(Arc::clone(&place), &options).cpu();
        let cost = (0..3).map(|_| start()).min().unwrap();
        eprintln!("start: {cost:.2?} of CPU");
        assert!(cost <= START, "a start costs {cost:?} of CPU");
    }
}

/// What must not cost more where there are many objects of one owner.
pub fn objects(servers: [&Server; 2], slack: Duration) {
    let everything = locate(&[], &[]);
    // Of what one has nothing.
    let nothing = Pair::new(servers, "bob", slack).check("another caller's Locate", |bob, _, cpu| {
        cpu.least(|| assert_eq!(find(&bob.ok(&everything), "LocatedItems"), Some(&json!(0))))
    });
    assert!(nothing < Duration::from_millis(5), "another caller's Locate costs {nothing:?}");
    // Pages of one's own, as they come and of what only few objects are.
    let mut alice = Pair::new(servers, "alice", slack);
    for caller in &mut alice.callers {
        caller.key("rare", &[name("rare"), tags(&["rare"])]);
    }
    for (what, criteria) in [
        ("the first page", vec![]),
        ("a page of a tag", vec![tags(&["t1"])]),
        ("a name", vec![name("rare")]),
        ("a name and tags", vec![tags(&["t1"]), name("rare")]),
        ("nothing of a state", vec![name("rare"), enumeration("State", "PreActive")]),
    ] {
        let request = locate(&criteria, &[integer("MaximumItems", 20)]);
        alice.check(what, |alice, _, cpu| cpu.least(|| drop(alice.ok(&request))));
    }
    // What changes one object.
    let key = |alice: &mut Caller, turn: usize| alice.key(&format!("k{turn}"), &[]);
    alice.check("a grant", |alice, turn, cpu| {
        let change = change(&key(alice, turn), "bob", &["encrypt"]);
        cpu.spent(|| drop(alice.done("/access/grant", &change)))
    });
    alice.check("Revoke", |alice, turn, cpu| {
        let revoke = revoke(&key(alice, turn), "Superseded");
        cpu.spent(|| drop(alice.ok(&revoke)))
    });
    alice.check("Destroy", |alice, turn, cpu| {
        let id = key(alice, turn);
        alice.ok(&revoke(&id, "Superseded"));
        cpu.spent(|| drop(alice.ok(&named("Destroy", &id))))
    });
    alice.check("the second value of a secret", |alice, turn, cpu| {
        let path = format!("/secrets/default/variable/{turn}");
        let mut write = || assert_eq!(alice.connection.try_request("POST", &path, &[], b"value").unwrap().status, 201);
        write();
        cpu.spent(write)
    });
}
