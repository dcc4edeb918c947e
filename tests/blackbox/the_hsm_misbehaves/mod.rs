//! If the HSM misbehaves under load, no acknowledged change is lost, no answer is wrong, and requests that cannot be
//! performed are refused.

mod kinds;
mod load;

use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use claviger_pkcs11_shim::{Deed, Fault};

use crate::harness::kmip::{Sealed, create};
use crate::harness::{Client, End, Hsm, Options, PATIENCE, Shim, eventually};
use load::Load;

const CLIENTS: usize = 4;

/// Functions that use keys.
const USES: [&str; 9] = [
    "C_EncryptInit",
    "C_Encrypt",
    "C_DecryptInit",
    "C_Decrypt",
    "C_SignInit",
    "C_Sign",
    "C_WrapKey",
    "C_UnwrapKey",
    "C_GenerateKey",
];

/// The first of these functions for each use: they name the key.
const BEGINS: [&str; 5] = ["C_EncryptInit", "C_DecryptInit", "C_SignInit", "C_WrapKey", "C_UnwrapKey"];

/// Return values for a lost object or a failing device.
const LOSSES: [(&str, u64); 12] = [
    ("KEY_HANDLE_INVALID", 0x60),
    ("OBJECT_HANDLE_INVALID", 0x82),
    ("SESSION_HANDLE_INVALID", 0xb3),
    ("SESSION_CLOSED", 0xb0),
    ("USER_NOT_LOGGED_IN", 0x101),
    ("TOKEN_NOT_PRESENT", 0xe0),
    ("DEVICE_REMOVED", 0x32),
    ("DEVICE_ERROR", DEVICE_ERROR),
    ("FUNCTION_FAILED", 0x06),
    ("GENERAL_ERROR", GENERAL_ERROR),
    ("DEVICE_MEMORY", DEVICE_MEMORY),
    ("HOST_MEMORY", 0x02),
];

const LOGIN: &str = "the login is lost";

/// All of them, in turn.
const EACH: &str = "each value now and then";

/// The number of calls between two faults that happen in turn.
const APART: u64 = 60;

const GENERAL_ERROR: u64 = 0x05;
const DEVICE_ERROR: u64 = 0x30;
const DEVICE_MEMORY: u64 = 0x31;
const SESSION_COUNT: u64 = 0xb1;

/// The time in which health must show a fault. Its answer is cached for 0.2 s.
const NOTICED: Duration = Duration::from_millis(500);

/// The time in which everything must work again.
const RECOVERED: Duration = Duration::from_secs(5);

/// The duration of a fault.
fn while_on() -> Duration {
    let seconds = env::var("CLAVIGER_TEST_FAULT_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(2))
}

/// The results of one fault.
#[derive(Debug)]
struct Row {
    name: String,
    hits: usize,
    good: usize,
    refused: usize,
    wrong: usize,
    recovery: Duration,
    /// How often health was "ok" during the fault, and how often it was not.
    health: (usize, usize),
    /// The same, from [`NOTICED`] after the first refused request.
    afterwards: (usize, usize),
}

impl Row {
    fn print(&self) {
        let Self { name, hits, good, refused, wrong, recovery, health: (ok, away), afterwards } = self;
        eprintln!(
            "| {name} | {hits} | {good} | {refused} | {wrong} | {:.1} | {ok} ok, {away} unavailable | {} of {} |",
            recovery.as_secs_f64(),
            afterwards.0,
            afterwards.0 + afterwards.1
        );
    }
}

/// Runs one fault, or several with one name, under the load.
fn try_faults(shim: &Shim, load: &Load, name: &str, faults: &[Fault]) -> Row {
    let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
    let (good, refused, wrong) = (count(&load.good), count(&load.refused), load.wrong.lock().unwrap().len());
    let names: Vec<String> = (0..faults.len()).map(|number| format!("{name} {number}")).collect();
    for (name, fault) in names.iter().zip(faults) {
        shim.set(name, fault);
    }
    let began = Instant::now();
    let (mut health, mut afterwards, mut first_refusal) = ((0, 0), (0, 0), None);
    let alice = shim.server.alice();
    let is_done = || names.iter().all(|name| shim.hits(name) > 0);
    // On a busy machine health may answer rarely.
    let is_seen = |(ok, away): (usize, usize), refused: Option<Instant>| refused.is_none() || ok + away > 2;
    while began.elapsed() < while_on()
        || (began.elapsed() < PATIENCE && !(is_done() && is_seen(afterwards, first_refusal)))
    {
        if count(&load.refused) > refused {
            first_refusal.get_or_insert_with(Instant::now);
        }
        let is_noticed = first_refusal.is_some_and(|first: Instant| first.elapsed() > NOTICED);
        let is_ok = alice.get("/health").status == 200;
        let add = |(ok, away): (usize, usize)| if is_ok { (ok + 1, away) } else { (ok, away + 1) };
        health = add(health);
        if is_noticed {
            afterwards = add(afterwards);
        }
        thread::park_timeout(Duration::from_millis(50));
    }
    for name in &names {
        shim.clear(name);
    }
    let recovery = recovers(&alice, load);
    let row = Row {
        name: name.to_owned(),
        hits: names.iter().map(|name| shim.hits(name)).min().unwrap(),
        good: count(&load.good) - good,
        refused: count(&load.refused) - refused,
        wrong: load.wrong.lock().unwrap().len() - wrong,
        recovery,
        health,
        afterwards,
    };
    row.print();
    row
}

/// Returns the time from now until health is "ok" and no request is refused.
fn recovers(alice: &Client, load: &Load) -> Duration {
    let cleared = Instant::now();
    for clean in &load.clean {
        clean.store(0, Ordering::SeqCst);
    }
    let mut well = cleared;
    eventually("everything works again", || {
        if alice.get("/health").status != 200 {
            well = Instant::now();
            return None;
        }
        load.clean.iter().all(|clean| clean.load(Ordering::SeqCst) > 1).then_some(())
    });
    let last_refusal = load.last_refusal.lock().unwrap().unwrap_or(cleared);
    well.max(last_refusal).saturating_duration_since(cleared)
}

/// Runs the faults one after the other under a continuous load. Nothing is lost, also after a restart.
fn under_load(options: &Options, faults: &[(String, Vec<Fault>)], check: impl Fn(&Row)) {
    let shim = Shim::start(options);
    let load = Load::new(CLIENTS);
    let mut clients: Vec<_> = (0..CLIENTS).map(|number| load.client(&shim.server, number)).collect();
    let rows = thread::scope(|scope| {
        let _end = End(&load.done);
        for client in &mut clients {
            let load = &load;
            scope.spawn(move || load.run(client));
        }
        eprintln!("| fault | done | good | refused | wrong | recovery, s | health | ok after a refusal |");
        eprintln!("|---|---|---|---|---|---|---|---|");
        faults.iter().map(|(name, faults)| try_faults(&shim, &load, name, faults)).collect::<Vec<_>>()
    });
    let wrong = load.wrong.lock().unwrap();
    assert!(wrong.is_empty(), "{} wrong answers: {:#?}", wrong.len(), &wrong[..wrong.len().min(10)]);
    assert!(load.kept() > 20, "{}", load.kept());
    assert_eq!(load.lost(&shim.server), <[String; 0]>::default());
    for row in &rows {
        assert!(row.hits > 0, "{row:?}: the fault was never done");
        assert!(row.recovery <= RECOVERED, "{row:?}");
        check(row);
    }
    let server = shim.server.restart();
    assert_eq!(load.lost(&server), <[String; 0]>::default());
    let log = server.log();
    assert!(!log.contains("panicked") && !log.contains("ROW REFUSED"), "{log}");
}

/// A lost handle, session or login is replaced, and the call is repeated, unless it makes a token object. A call with
/// two faults is refused; so are all calls while a recovery that met a fault waits. All calls wait for a new login, on
/// a busy machine without success.
fn hardly_refuses(row: &Row) {
    let allowed = match row.name.as_str() {
        EACH => row.good,
        LOGIN => 2 * CLIENTS * row.hits + row.good / 50,
        _ => row.hits + row.good / 50,
    };
    assert!(row.refused <= allowed, "{row:?}");
}

fn named(name: &str, fault: Fault) -> (String, Vec<Fault>) {
    (name.to_owned(), vec![fault])
}

/// The faults of a token that loses objects.
fn lost_every(calls: u64) -> Vec<(String, Vec<Fault>)> {
    let fault = |name, deed, at: &[&str]| named(name, Fault::new(deed, at).every(calls));
    vec![
        fault("objects vanish", Deed::LoseObject, &BEGINS),
        fault("sessions are closed", Deed::LoseSession, &USES),
        fault(LOGIN, Deed::LoseLogin, &USES),
    ]
}

/// The same faults, and those of a full or slow token.
fn losses() -> Vec<(String, Vec<Fault>)> {
    // In turn, because a call with two faults is not repeated again.
    let answers = (0..).zip(LOSSES).map(|(number, (_, value))| {
        // If damaged data is the usual reason for a value, it is assumed to be the reason if the device decrypts other
        // data immediately afterwards.
        let is_of_data = |name: &&str| match value {
            GENERAL_ERROR => ["C_Decrypt", "C_UnwrapKey"].contains(name),
            DEVICE_ERROR => *name == "C_UnwrapKey" && Hsm::chosen() == Hsm::Kryoptic,
            _ => false,
        };
        let at: Vec<&str> = USES.into_iter().filter(|name| !is_of_data(name)).collect();
        Fault::new(Deed::Answer(value), &at).after(number * APART).every(LOSSES.len() as u64 * APART)
    });
    let mut losses = vec![(EACH.to_owned(), answers.collect())];
    losses.extend(lost_every(200));
    losses.extend([
        named("room for 12 objects", Fault::new(Deed::MostObjects(12, DEVICE_MEMORY), &[])),
        // Open sessions stay open, so there is no room to replace a lost one.
        (
            "room for 2 sessions".to_owned(),
            vec![
                Fault::new(Deed::MostSessions(2, SESSION_COUNT), &[]),
                Fault::new(Deed::LoseSession, &["C_EncryptInit"]).every(60),
            ],
        ),
        named("5 ms a call", Fault::new(Deed::Wait(Duration::from_millis(5)), &USES)),
    ]);
    losses
}

/// Each value for all uses of keys: the requests are refused, and health says so.
#[test]
fn with_answers_that_go_on() {
    let faults = LOSSES.map(|(name, value)| named(&format!("{name} always"), Fault::new(Deed::Answer(value), &USES)));
    under_load(&Options::default(), &faults, |row| {
        assert!(row.refused > 0 && row.afterwards.1 > 0, "{row:?}");
        assert_eq!(row.afterwards.0, 0, "{row:?}: health is \"ok\" while keys fail");
    });
}

#[test]
fn with_losses() {
    under_load(&Options::default(), &losses(), hardly_refuses);
}

/// Handles of token objects are found again, and nothing is made twice.
#[test]
fn with_losses_of_keys_in_the_token() {
    let arguments = vec!["--placement".to_owned(), "token".to_owned()];
    // A scan of all the objects belongs to each recovery.
    let faults = lost_every(400);
    under_load(&Options { arguments, ..Options::default() }, &faults, hardly_refuses);
}

/// If one key fails, its requests are refused. The others work, and the health of the device does not change.
#[test]
fn with_one_key() {
    let shim = Shim::start(&Options::default());
    let mut alice = shim.server.alice().connect().unwrap();
    let [bad, good] = [(); 2].map(|()| {
        let id = alice.aes();
        alice.seal(&id, b"data")
    });
    shim.set("bad", &Fault::new(Deed::Answer(0x60), &["C_EncryptInit", "C_DecryptInit"]).first_key());
    assert_eq!(alice.kmip(&bad.decrypt()).status, 503);
    let began = Instant::now();
    while began.elapsed() < while_on() {
        assert_eq!(alice.kmip(&bad.decrypt()).status, 503);
        assert_eq!(alice.open(&good), b"data");
        let health = alice.get("/health");
        assert_eq!(health.status, 200, "{}", String::from_utf8_lossy(&health.body));
    }
    assert!(!shim.server.log().contains("the token is unavailable"));
    shim.clear("bad");
    assert_eq!(alice.open(&bad), b"data");
    // Damaged data comes from callers: the call is not repeated, and does not affect the health, unless the device
    // decrypts no data.
    let damaged = Sealed { tag: vec![0; 16], ..good.clone() };
    shim.set("once", &Fault::new(Deed::Answer(GENERAL_ERROR), &["C_Decrypt"]).first_key());
    alice.refused(&damaged.decrypt(), 422, "Cryptographic_Failure");
    assert_eq!(shim.hits("once"), 1);
    shim.clear("once");
    alice.refused(&damaged.decrypt(), 422, "Cryptographic_Failure");
    shim.set("all", &Fault::new(Deed::Answer(GENERAL_ERROR), &["C_Decrypt"]));
    assert_eq!(alice.kmip(&good.decrypt()).status, 503);
    eventually("health says that the token is away", || (alice.get("/health").status == 503).then_some(()));
    shim.clear("all");
    eventually("the token is back", || (alice.get("/health").status == 200).then_some(()));
    assert_eq!(alice.open(&good), b"data");
}

/// A token object is not made again after an error, because it may exist; other keys are.
#[test]
fn with_keys_that_are_made() {
    for (placement, status) in [("wrapped", 200), ("token", 503)] {
        let arguments = vec!["--placement".to_owned(), placement.to_owned()];
        let shim = Shim::start(&Options { arguments, ..Options::default() });
        let mut alice = shim.server.alice().connect().unwrap();
        let objects = shim.server.place.token.objects();
        shim.set("once", &Fault::new(Deed::Answer(0x30), &["C_GenerateKey"]).times(1));
        assert_eq!(alice.kmip(&create("AES", 256, &[])).status, status);
        assert_eq!(shim.hits("once"), 1);
        assert_eq!(shim.server.place.token.objects(), objects);
        let id = alice.aes();
        alice.seal(&id, b"data");
    }
}

/// The option keeps the number of objects below the room of the HSM token.
#[test]
fn with_little_room_that_is_known() {
    let arguments = vec!["--hsm-max-objects".to_owned(), "10".to_owned()];
    let shim = Shim::start(&Options { arguments, ..Options::default() });
    // In addition to the kept keys, a few are made, wrapped and destroyed.
    shim.set("full", &Fault::new(Deed::MostObjects(14, DEVICE_MEMORY), &[]));
    let mut alice = shim.server.alice().connect().unwrap();
    let keys: Vec<Sealed> = (0..40)
        .map(|_| {
            let id = alice.aes();
            alice.seal(&id, b"data")
        })
        .collect();
    for key in keys.iter().chain(&keys) {
        assert_eq!(alice.open(key), b"data");
    }
    assert_eq!(shim.hits("full"), 0);
}
