//! If the HSM token is unavailable under load, requests that need it are 503, and health says so. Afterwards everything
//! works again without a restart, and no key is lost.

use std::fs;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use crate::harness::kmip::{Sealed, create, encrypt, octets, register, string};
use crate::harness::server::run;
use crate::harness::token::LABEL;
use crate::harness::{Answer, Connection, End, Hsm, Options, Server, again, eventually};

/// The answers that clients got during a test.
#[derive(Default)]
struct ResourceEntry {
    keys: Mutex<Vec<Sealed>>,
    good: AtomicUsize,
    away: AtomicUsize,
}

/// Returns the answer; `None` if the HSM token is unavailable. Any status except 200 and 503 is a failure.
fn ask(connection: &mut Connection, told: &ResourceEntry, request: &Value) -> Option<Value> {
    let answer: Answer = connection.kmip(request);
    let shown = String::from_utf8_lossy(&answer.body);
    match answer.status {
        200 => {
            told.good.fetch_add(1, Ordering::Relaxed);
            Some(answer.json())
        }
        503 => {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert!(answer.detail().contains("the HSM is not available"), "{shown}");
            told.away.fetch_add(1, Ordering::Relaxed);
            None
        }
        other => panic!("{other}: {request}\n{shown}"),
    }
}

fn seal(connection: &mut Connection, told: &ResourceEntry, id: &str) -> Option<Sealed> {
    ask(connection, told, &encrypt(id, b"data")).map(|answer| Sealed::of(id, &answer))
}

/// A client, and its keys from the beginning, when the HSM token is available.
struct Worker {
    alice: Connection,
    own: String,
    cold: Vec<String>,
}

impl Worker {
    fn new(server: &Server) -> Self {
        let mut alice = server.alice().connect().unwrap();
        let own = alice.aes();
        let cold = (0..20).map(|_| alice.aes()).collect();
        Self { alice, own, cold }
    }
}

/// Creates, registers, encrypts and decrypts, new keys and old ones.
fn work(worker: Worker, told: &ResourceEntry, done: &AtomicBool, number: usize) {
    let Worker { mut alice, own, cold } = worker;
    let mut turn = 0;
    while !done.load(Ordering::Relaxed) {
        turn += 1;
        if let Some(sealed) = seal(&mut alice, told, &own)
            && let Some(opened) = ask(&mut alice, told, &sealed.decrypt())
        {
            assert_eq!(octets(&opened, "Data"), b"data");
        }
        seal(&mut alice, told, &cold[turn % cold.len()]);
        let made = match (number, turn % 4) {
            // A secret that is a token object.
            (0, 0) => {
                ask(&mut alice, told, &register("HMACSHA256", &[7; 33], &[]));
                None
            }
            _ => ask(&mut alice, told, &create("AES", 256, &[])),
        };
        if let Some(made) = made {
            let id = string(&made, "UniqueIdentifier");
            if let Some(sealed) = seal(&mut alice, told, &id) {
                told.keys.lock().unwrap().push(sealed);
            }
        }
    }
}

fn health(server: &Server) -> (u16, Value) {
    let answer = server.alice().get("/health");
    (answer.status, answer.json())
}

fn grows(counter: &AtomicUsize, by: usize) {
    let from = counter.load(Ordering::Relaxed);
    eventually("the clients go on", || (counter.load(Ordering::Relaxed) >= from + by).then_some(()));
}

fn goes_and_comes_back(options: &Options) {
    let server = Server::start_with(options);
    let mut alice = server.alice().connect().unwrap();
    let before = alice.aes();
    let before = alice.seal(&before, b"data");
    let (told, done) = (ResourceEntry::default(), AtomicBool::new(false));
    let workers: Vec<Worker> = (0..4).map(|_| Worker::new(&server)).collect();
    let tokens = &server.place.token.tokens;
    let aside = server.place.path("aside");
    thread::scope(|scope| {
        let _end = End(&done);
        for (number, worker) in workers.into_iter().enumerate() {
            let (told, done) = (&told, &done);
            scope.spawn(move || work(worker, told, done, number));
        }
        for _ in 0..3 {
            grows(&told.good, 100);
            fs::rename(tokens, &aside).unwrap();
            eventually("health says that the token is away", || (health(&server).0 == 503).then_some(()));
            let (_, body) = health(&server);
            assert_eq!(
                body,
                serde_json::json!({"process": "ok", "store": "ok", "token": "unavailable", "audit": "ok"})
            );
            grows(&told.away, 100);
            fs::rename(&aside, tokens).unwrap();
            eventually("the token is back", || (health(&server).0 == 200).then_some(()));
            assert_eq!(health(&server).1["token"], "ok");
            assert_eq!(alice.open(&before), b"data");
        }
        grows(&told.good, 100);
    });
    let keys = told.keys.into_inner().unwrap();
    assert!(keys.len() > 20, "{}", keys.len());
    let check = |server: &Server| {
        let mut alice = server.alice().connect().unwrap();
        for sealed in keys.iter().chain([&before]) {
            assert_eq!(alice.open(sealed), b"data", "{}", sealed.id);
        }
    };
    check(&server);
    let log = server.log();
    assert!(!log.contains("panicked") && !log.contains("ROW REFUSED"));
    assert!(log.matches("the token is back").count() >= 3);
    let server = server.restart();
    check(&server);
}

#[test]
fn with_wrapped_keys() {
    goes_and_comes_back(&Options::default());
}

#[test]
fn with_keys_in_the_token() {
    let arguments = vec!["--placement".to_owned(), "token".to_owned()];
    goes_and_comes_back(&Options { arguments, ..Options::default() });
}

#[test]
fn and_nothing_is_said_to_be_gone_meanwhile() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.new_key(&create("AES", 256, &[crate::harness::kmip::name("n")]));
    let server = server.restart();
    let mut alice = server.alice().connect().unwrap();
    let aside = server.place.path("aside");
    fs::rename(&server.place.token.tokens, &aside).unwrap();
    eventually("health says that the token is away", || (health(&server).0 == 503).then_some(()));
    let locate = crate::harness::kmip::locate(&[crate::harness::kmip::name("n")], &[]);
    for request in [encrypt(&id, b"x"), crate::harness::kmip::named("GetAttributes", &id), locate.clone()] {
        assert_eq!(alice.kmip(&request).status, 503, "{request}");
    }
    // Another HSM token came back, so it is still unavailable.
    fs::create_dir(&server.place.token.tokens).unwrap();
    server.place.token.add("claviger");
    eventually("the server looks at the other token", || {
        server.log().contains("does not hold the root keys").then_some(())
    });
    assert_eq!(health(&server).0, 503);
    assert_eq!(server.place.token.objects(), 0);
    fs::remove_dir_all(&server.place.token.tokens).unwrap();
    fs::rename(&aside, &server.place.token.tokens).unwrap();
    eventually("the token is back", || (health(&server).0 == 200).then_some(()));
    assert_eq!(alice.located(&locate).0, [id]);
}

/// Programs that initialise an HSM token set its PIN in a second step. Between the two steps the server has tried no
/// PIN.
#[test]
fn or_another_one_without_a_pin_is_in_its_place() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let sealed = alice.aes();
    let sealed = alice.seal(&sealed, b"data");
    let (token, aside) = (&server.place.token, server.place.path("aside"));
    fs::rename(&token.tokens, &aside).unwrap();
    fs::create_dir(&token.tokens).unwrap();
    let mut made = Command::new("pkcs11-tool");
    made.env(Hsm::chosen().variable(), &token.configuration).arg("--module").arg(again::module());
    made.args(["--init-token", "--slot-index", "0", "--label", LABEL, "--so-pin", "so-pin-0815"]);
    let (status, out, error) = run(&mut made);
    assert!(status.success(), "{out}{error}");
    let told = "not back yet error=the token has no user PIN yet";
    eventually("the server looks at the other token", || server.log().contains(told).then_some(()));
    fs::remove_dir_all(&token.tokens).unwrap();
    fs::rename(&aside, &token.tokens).unwrap();
    eventually("the token is back", || (health(&server).0 == 200).then_some(()));
    assert_eq!(alice.open(&sealed), b"data");
}

#[test]
fn or_only_its_objects_may() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let sealed = alice.seal(&id, b"data");
    let files = server.place.token.object_files();
    let aside = |file: &std::path::Path| server.place.path(file.file_name().unwrap().to_str().unwrap());
    for file in &files {
        fs::rename(file, aside(file)).unwrap();
    }
    eventually("health says that the token is away", || (health(&server).0 == 503).then_some(()));
    assert_eq!(alice.kmip(&create("AES", 256, &[])).status, 503);
    for file in &files {
        fs::rename(aside(file), file).unwrap();
    }
    eventually("the token is back", || (health(&server).0 == 200).then_some(()));
    assert_eq!(alice.open(&sealed), b"data");
    let id = alice.aes();
    alice.seal(&id, b"data");
}
