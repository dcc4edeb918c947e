//! The HSM misbehaves under load: nothing that was acknowledged is lost, no answer is wrong, and what cannot be done is refused.

mod load;

use std::env;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use claviger_pkcs11_shim::{Deed, Fault};

use crate::harness::{End, Options, Shim, eventually};
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

/// Values that say that something was lost, or that the device fails.
const LOSSES: [(&str, u64); 10] = [
    ("KEY_HANDLE_INVALID", 0x60),
    ("OBJECT_HANDLE_INVALID", 0x82),
    ("SESSION_HANDLE_INVALID", 0xb3),
    ("SESSION_CLOSED", 0xb0),
    ("USER_NOT_LOGGED_IN", 0x101),
    ("TOKEN_NOT_PRESENT", 0xe0),
    ("DEVICE_REMOVED", 0x32),
    ("DEVICE_ERROR", 0x30),
    ("FUNCTION_FAILED", 0x06),
    ("DEVICE_MEMORY", 0x31),
];

/// How long a fault is on.
fn while_on() -> Duration {
    let seconds = env::var("CLAVIGER_TEST_FAULT_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(2))
}

/// What happened with one fault.
#[derive(Debug)]
struct Row {
    name: String,
    hits: usize,
    refused: usize,
    wrong: usize,
    recovery: Duration,
    /// How often health was "ok" while the fault was on, and how often it was not.
    health: (usize, usize),
    /// How often it was "ok" right after a request was refused, and how often it was not.
    afterwards: (usize, usize),
}

impl Row {
    fn print(&self) {
        let Self { name, hits, refused, wrong, recovery, health: (ok, away), afterwards } = self;
        eprintln!(
            "| {name} | {hits} | {refused} | {wrong} | {:.1} | {ok} ok, {away} away | {} of {} |",
            recovery.as_secs_f64(),
            afterwards.0,
            afterwards.0 + afterwards.1
        );
    }
}

/// One fault under the load.
fn try_fault(shim: &Shim, load: &Load, name: &str, fault: &Fault) -> Row {
    let (refused, wrong) = (load.refused.load(Ordering::SeqCst), load.wrong.lock().unwrap().len());
    shim.set(name, fault);
    let began = Instant::now();
    let (mut health, mut afterwards) = ((0, 0), (0, 0));
    let alice = shim.server.alice();
    while began.elapsed() < while_on() {
        let before = load.refused.load(Ordering::SeqCst);
        let is_ok = alice.get("/health").status == 200;
        let count = |(ok, away): (usize, usize)| if is_ok { (ok + 1, away) } else { (ok, away + 1) };
        health = count(health);
        if before > refused {
            afterwards = count(afterwards);
        }
        thread::park_timeout(Duration::from_millis(50));
    }
    shim.clear(name);
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
    let row = Row {
        name: name.to_owned(),
        hits: shim.hits(name),
        refused: load.refused.load(Ordering::SeqCst) - refused,
        wrong: load.wrong.lock().unwrap().len() - wrong,
        recovery: well.max(last_refusal).saturating_duration_since(cleared),
        health,
        afterwards,
    };
    row.print();
    row
}

/// The faults one after the other, under a load that goes on all the time; and nothing is lost, also after a restart.
fn under_load(options: &Options, faults: &[(String, Fault)]) -> Vec<Row> {
    let shim = Shim::start(options);
    let load = Load::new(CLIENTS);
    let mut clients: Vec<_> = (0..CLIENTS).map(|number| load.client(&shim.server, number)).collect();
    let rows = thread::scope(|scope| {
        let _end = End(&load.done);
        for client in &mut clients {
            let load = &load;
            scope.spawn(move || load.run(client));
        }
        eprintln!(
            "| fault | done | refused | wrong | recovery, s | health | ok after a refusal |\n|---|---|---|---|---|---|---|"
        );
        faults.iter().map(|(name, fault)| try_fault(&shim, &load, name, fault)).collect::<Vec<_>>()
    });
    let wrong = load.wrong.lock().unwrap();
    assert!(wrong.is_empty(), "{} wrong answers: {:#?}", wrong.len(), &wrong[..wrong.len().min(10)]);
    assert!(load.kept() > 20, "{}", load.kept());
    assert_eq!(load.lost(&shim.server), <[String; 0]>::default());
    let server = shim.server.restart();
    assert_eq!(load.lost(&server), <[String; 0]>::default());
    let log = server.log();
    assert!(!log.contains("panicked") && !log.contains("ROW REFUSED"), "{log}");
    for row in &rows {
        assert!(row.hits > 0, "{row:?}: the fault was never done");
    }
    rows
}

/// Each value for all uses of keys.
#[test]
fn with_answers_that_go_on() {
    let faults = LOSSES.map(|(name, value)| (format!("{name} always"), Fault::new(Deed::Answer(value), &USES)));
    under_load(&Options::default(), &faults);
}
