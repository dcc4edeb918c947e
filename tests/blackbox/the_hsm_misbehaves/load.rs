//! Clients that make all kinds of requests, record the answers, and check them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::Value;

use crate::harness::kmip::{self, Sealed, create, encrypt, locate, named, octets, revoke, string};
use crate::harness::pairs::{pair, sign, verify};
use crate::harness::{Connection, Server};

/// What all the clients report.
pub struct Load {
    pub done: AtomicBool,
    pub good: AtomicUsize,
    pub refused: AtomicUsize,
    pub last_refusal: Mutex<Option<Instant>>,
    /// Answers that are neither right nor a refusal.
    pub wrong: Mutex<Vec<String>>,
    /// The number of consecutive rounds without a refusal, by client.
    pub clean: Vec<AtomicUsize>,
    kept: Mutex<Kept>,
}

/// The data that the server acknowledged.
#[derive(Default)]
struct Kept {
    keys: HashMap<String, Sealed>,
    secrets: HashMap<String, Versions>,
}

/// The value that was acknowledged last, and the values of later refused writes, which may or may not have been
/// performed.
#[derive(Default)]
struct Versions {
    acknowledged: Option<Vec<u8>>,
    refused: Vec<Vec<u8>>,
}

impl Versions {
    fn is_one(&self, value: &[u8]) -> bool {
        self.acknowledged.as_deref() == Some(value) || self.refused.iter().any(|own| own == value)
    }
}

/// One client with keys from before the load.
pub struct Client {
    connection: Connection,
    number: usize,
    turn: usize,
    own: Sealed,
    cold: Vec<Sealed>,
    signing: (String, String),
    passing: Vec<String>,
}

const DATA: &[u8] = b"thirty-two bytes of some message";

impl Load {
    pub fn new(clients: usize) -> Self {
        Self {
            done: AtomicBool::new(false),
            good: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            last_refusal: Mutex::default(),
            wrong: Mutex::default(),
            clean: (0..clients).map(|_| AtomicUsize::new(0)).collect(),
            kept: Mutex::default(),
        }
    }

    pub fn client(&self, server: &Server, number: usize) -> Client {
        let mut connection = server.alice().connect().unwrap();
        let mut sealed = || {
            let id = connection.aes();
            let sealed = connection.seal(&id, DATA);
            self.keep(&sealed);
            sealed
        };
        let (own, cold) = (sealed(), (0..20).map(|_| sealed()).collect());
        let signing = pair(&mut connection, "EC", 256);
        Client { connection, number, turn: 0, own, cold, signing, passing: Vec::new() }
    }

    fn keep(&self, sealed: &Sealed) {
        self.kept.lock().unwrap().keys.insert(sealed.id.clone(), sealed.clone());
    }

    /// Runs rounds until `done`.
    pub fn run(&self, client: &mut Client) {
        while !self.done.load(Ordering::SeqCst) {
            let before = client.refusals(self);
            client.turn(self);
            let clean = &self.clean[client.number];
            if client.refusals(self) == before {
                clean.fetch_add(1, Ordering::SeqCst);
            } else {
                clean.store(0, Ordering::SeqCst);
            }
        }
    }

    fn complain(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    fn expect(&self, is_right: bool, what: impl FnOnce() -> String) {
        if !is_right {
            self.complain(what());
        }
    }

    fn note(&self, status: u16, what: impl FnOnce() -> String) -> bool {
        match status {
            200 | 201 | 204 => drop(self.good.fetch_add(1, Ordering::SeqCst)),
            503 => {
                self.refused.fetch_add(1, Ordering::SeqCst);
                *self.last_refusal.lock().unwrap() = Some(Instant::now());
            }
            _ => self.complain(format!("{status} {}", what())),
        }
        (200..300).contains(&status)
    }

    /// Returns the acknowledged data that the server does not have.
    pub fn lost(&self, server: &Server) -> Vec<String> {
        let mut alice = server.alice().connect().unwrap();
        let mut lost = Vec::new();
        let kept = self.kept.lock().unwrap();
        for (id, sealed) in &kept.keys {
            let answer = alice.kmip(&sealed.decrypt());
            if answer.status != 200 || octets(&answer.json(), "Data") != DATA {
                lost.push(format!("key {id}: {} {}", answer.status, String::from_utf8_lossy(&answer.body)));
            }
        }
        for (path, versions) in kept.secrets.iter().filter(|(_, versions)| versions.acknowledged.is_some()) {
            let answer = alice.get(path);
            if answer.status != 200 || !versions.is_one(&answer.body) {
                lost.push(format!("{path}: {}", answer.status));
            }
        }
        lost
    }

    pub fn kept(&self) -> usize {
        let kept = self.kept.lock().unwrap();
        kept.keys.len() + kept.secrets.len()
    }
}

impl Client {
    fn refusals(&self, load: &Load) -> usize {
        // Of all clients, because a device that refuses one of them does not work.
        load.refused.load(Ordering::SeqCst)
    }

    fn ask(&mut self, load: &Load, request: &Value) -> Option<Value> {
        let answer = self.connection.kmip(request);
        let is_good = load.note(answer.status, || format!("{request} {}", String::from_utf8_lossy(&answer.body)));
        is_good.then(|| answer.json())
    }

    fn turn(&mut self, load: &Load) {
        self.turn += 1;
        self.makes_a_key(load);
        let cold = self.cold[self.turn % self.cold.len()].clone();
        for sealed in [self.own.clone(), cold] {
            self.opens(load, &sealed);
            if let Some(answer) = self.ask(load, &encrypt(&sealed.id, DATA)) {
                self.opens(load, &Sealed::of(&sealed.id, &answer));
            }
        }
        self.signs(load);
        self.writes_a_secret(load);
    }

    fn opens(&mut self, load: &Load, sealed: &Sealed) {
        if let Some(opened) = self.ask(load, &sealed.decrypt()) {
            load.expect(octets(&opened, "Data") == DATA, || format!("{} opened to other data", sealed.id));
        }
    }

    /// Makes a key, finds it by its name, uses it, and destroys it unless it is one of those that stay.
    fn makes_a_key(&mut self, load: &Load) {
        let name = kmip::name(&format!("client {} turn {}", self.number, self.turn));
        let Some(made) = self.ask(load, &create("AES", 256, std::slice::from_ref(&name))) else { return };
        let id = string(&made, "UniqueIdentifier");
        if let Some(found) = self.ask(load, &locate(&[name], &[])) {
            load.expect(string(&found, "UniqueIdentifier") == id, || format!("{id} is not found by its name: {found}"));
        }
        if let Some(answer) = self.ask(load, &encrypt(&id, DATA)) {
            let sealed = Sealed::of(&id, &answer);
            self.opens(load, &sealed);
            if self.turn.is_multiple_of(4) {
                load.keep(&sealed);
                return;
            }
        }
        self.passing.push(id);
        if self.passing.len() > 4 {
            let id = self.passing.remove(0);
            if self.ask(load, &revoke(&id, "Superseded")).is_some() && self.ask(load, &named("Destroy", &id)).is_some()
            {
                let status = self.connection.kmip(&encrypt(&id, DATA)).status;
                load.expect([409, 503].contains(&status), || format!("{id} is destroyed and answers {status}"));
            }
        }
    }

    fn signs(&mut self, load: &Load) {
        let (private, public) = self.signing.clone();
        if let Some(answer) = self.ask(load, &sign(&private, DATA, &[])) {
            let signature = octets(&answer, "SignatureData");
            if let Some(answer) = self.ask(load, &verify(&public, DATA, &signature, &[])) {
                let validity = string(&answer, "ValidityIndicator");
                load.expect(validity == "Valid", || format!("a signature of {private} is {validity}"));
            }
        }
    }

    fn writes_a_secret(&mut self, load: &Load) {
        let path = format!("/secrets/default/variable/{}/{}", self.number, self.turn % 3);
        let value = format!("value {} of client {}", self.turn, self.number).into_bytes();
        let written = self.connection.try_request("POST", &path, &[], &value).unwrap();
        let is_good = load.note(written.status, || format!("{path} {}", String::from_utf8_lossy(&written.body)));
        {
            let mut kept = load.kept.lock().unwrap();
            let versions = kept.secrets.entry(path.clone()).or_default();
            if is_good {
                *versions = Versions { acknowledged: Some(value), refused: Vec::new() };
            } else {
                versions.refused.push(value);
            }
        }
        let read = self.connection.get(&path);
        let kept = load.kept.lock().unwrap();
        let versions = &kept.secrets[&path];
        if read.status == 404 && versions.acknowledged.is_none() {
            return;
        }
        if load.note(read.status, || format!("GET {path} {}", String::from_utf8_lossy(&read.body))) {
            load.expect(versions.is_one(&read.body), || format!("{path} has another value"));
        }
    }
}
