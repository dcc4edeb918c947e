//! Checks the answers of the server, and measures its resources, while sixteen clients make all kinds of requests at
//! one time: `scripts/bench mixed [MINUTES]`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::caller::change;
use crate::harness::hanzo::{LOGIN, jwt, known, options, place};
use crate::harness::kmip::{Sealed, create, encrypt, enumeration, named, octets, revoke, string};
use crate::harness::pairs::{pair, sign};
use crate::harness::{Answer, End, Hsm, Server, SigningKey};

const CLIENTS: usize = 16;

/// The most memory that may be in use a minute after the load beyond that before it, in MiB, without the memory that
/// SoftHSM keeps.
const BOUND: usize = 64;

/// The most memory at the end beyond that of the first three minutes, in MiB, and the memory that SoftHSM keeps for
/// each key, in bytes. A key is made once and unwrapped twice.
const FLAT: usize = 8;
const KEPT: usize = 3 * 280;

/// The state that the clients share.
struct Load {
    done: AtomicBool,
    requests: AtomicUsize,
    /// The number of keys that the HSM made.
    made: AtomicUsize,
    /// The wrong answers.
    errors: Mutex<Vec<String>>,
    times: Mutex<Vec<Duration>>,
    identity: String,
    jwt: String,
}

pub fn measure(minutes: u64) {
    let mut options = options(&[]);
    options.environment = vec![("KMS_LOG".to_owned(), "warn".to_owned())];
    let server = Server::start_at(place(), &options);
    let key = SigningKey::rsa("one");
    let load = Load {
        done: AtomicBool::new(false),
        requests: AtomicUsize::new(0),
        made: AtomicUsize::new(0),
        errors: Mutex::default(),
        times: Mutex::default(),
        identity: known(&server, &key, &json!({})),
        jwt: jwt(&key, &json!({})),
    };
    let idle = server.resident() >> 20;
    println!("idle: {idle} MiB");
    let third = thread::scope(|scope| {
        let _end = End(&load.done);
        for number in 0..CLIENTS {
            let (server, load) = (&server, &load);
            scope.spawn(move || load.client(server, number));
        }
        let (mut third, began) = (0, Instant::now());
        for minute in 1..=minutes {
            let (before, cpu) = (load.requests.load(Ordering::Relaxed), server.cpu());
            thread::sleep((Duration::from_secs(60) * minute as u32).saturating_sub(began.elapsed()));
            let requests = load.requests.load(Ordering::Relaxed) - before;
            let times = std::mem::take(&mut *load.times.lock().unwrap());
            let (errors, resident) = (load.errors.lock().unwrap().len(), server.resident() >> 20);
            let cpu = (server.cpu() - cpu).as_secs_f64() * 1e6 / requests as f64;
            println!(
                "minute {minute}: {:.0} requests a second, {cpu:.0} us of CPU each, 99 in 100 within {:.1?}; {errors} errors; {resident} MiB",
                requests as f64 / 60.0,
                percentile(times, 99)
            );
            if minute <= 3 {
                third = third.max(resident);
            }
        }
        third
    });
    let last = server.resident() >> 20;
    thread::sleep(Duration::from_secs(60));
    let after = server.resident() >> 20;
    println!("{last} MiB at the end, {after} MiB a minute later");
    let errors = load.errors.into_inner().unwrap();
    assert!(errors.is_empty(), "{} errors: {:?}", errors.len(), &errors[..errors.len().min(10)]);
    let kept = match Hsm::chosen() {
        Hsm::SoftHsm => (load.made.into_inner() * KEPT) >> 20,
        Hsm::Kryoptic => 0,
    };
    println!("of which the HSM's module keeps at most {kept} MiB");
    assert!(last < third + FLAT + kept, "{last} MiB at the end, {third} MiB in the first three minutes");
    assert!(after < idle + BOUND + kept, "{after} MiB a minute later, {idle} MiB before");
}

fn percentile(mut times: Vec<Duration>, percent: usize) -> Duration {
    times.sort();
    times.get(times.len() * percent / 100).copied().unwrap_or_default()
}

impl Load {
    fn client(&self, server: &Server, number: usize) {
        let (mut alice, mut nobody) = (server.alice().connect().unwrap(), server.nobody().connect().unwrap());
        let (private, _) = pair(&mut alice, "EC", 256);
        let digest = [enumeration("DigitalSignatureAlgorithm", "ECDSAWithSHA256")];
        let secret = format!("/secrets/default/variable/{number}");
        while !self.done.load(Ordering::Relaxed) {
            let Some(made) = self.ask("Create", 200, || alice.kmip(&create("AES", 256, &[]))) else { continue };
            let id = string(&made.json(), "UniqueIdentifier");
            self.made.fetch_add(1, Ordering::Relaxed);
            for _ in 0..4 {
                let sealed = self.ask("Encrypt", 200, || alice.kmip(&encrypt(&id, &[7; 1000])));
                if let Some(sealed) = sealed {
                    let decrypt = Sealed::of(&id, &sealed.json()).decrypt();
                    let opened = self.ask("Decrypt", 200, || alice.kmip(&decrypt));
                    if opened.is_some_and(|opened| octets(&opened.json(), "Data") != [7; 1000]) {
                        self.errors.lock().unwrap().push("Decrypt: other data".to_owned());
                    }
                }
                self.ask("Sign", 200, || alice.kmip(&sign(&private, b"data", &digest)));
                self.ask("GetAttributes", 200, || alice.kmip(&named("GetAttributes", &id)));
                self.ask("Get", 200, || alice.kmip(&named("Get", &id)));
            }
            self.ask("a secret's value", 201, || alice.try_request("POST", &secret, &[], b"value").unwrap());
            self.ask("a secret", 200, || alice.try_request("GET", &secret, &[], b"").unwrap());
            let change = change(&id, "bob", &["encrypt"]);
            self.ask("a grant", 200, || alice.post("/access/grant", &change));
            self.ask("taking it back", 200, || alice.post("/access/revoke", &change));
            let login = json!({"identityId": self.identity, "jwt": self.jwt});
            self.ask("a login", 200, || nobody.post(LOGIN, &login));
            self.ask("Revoke", 200, || alice.kmip(&revoke(&id, "Superseded")));
            self.ask("Destroy", 200, || alice.kmip(&named("Destroy", &id)));
        }
    }

    /// Makes a request, and returns the answer if it has the expected status.
    fn ask(&self, what: &str, status: u16, request: impl FnOnce() -> Answer) -> Option<Answer> {
        let began = Instant::now();
        let answer = request();
        self.times.lock().unwrap().push(began.elapsed());
        self.requests.fetch_add(1, Ordering::Relaxed);
        if answer.status == status {
            return Some(answer);
        }
        let text = String::from_utf8_lossy(&answer.body);
        self.errors.lock().unwrap().push(format!("{what}: {} {text}", answer.status));
        None
    }
}
