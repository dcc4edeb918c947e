//! The server's calls of the HSM token, recorded by OpenSC's pkcs11-spy between the two.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Instant;

use crate::harness::asymmetric::Kind;
use crate::harness::caller::Caller;
use crate::harness::kmip::{boolean, create, integer, named, register, wrapped};
use crate::harness::spy::{self, Carried, Protection, Watch};
use crate::harness::{Options, Server, again, eventually, reference};

const ENCRYPTS: usize = 200;

/// A server that uses the spy. The report may hold secrets, and is removed with the test's directory.
struct Watched {
    server: Server,
    report: PathBuf,
}

impl Watched {
    fn start() -> Self {
        let place = std::sync::Arc::new(crate::harness::server::Place::new());
        let report = place.path("spy");
        let environment = vec![
            ("PKCS11SPY".to_owned(), again::module().display().to_string()),
            ("PKCS11SPY_OUTPUT".to_owned(), report.display().to_string()),
        ];
        let arguments = vec!["--hsm-module".to_owned(), spy::library().display().to_string()];
        let options = Options { arguments, environment, ..Options::default() };
        Self { server: Server::start_at(place, &options), report }
    }

    fn restart(self) -> Self {
        Self { server: self.server.restart(), ..self }
    }

    /// Returns the present length of the report.
    fn end(&self) -> usize {
        fs::metadata(&self.report).unwrap().len() as usize
    }

    /// Returns the calls since `from`, a length of the report, and the present length.
    fn calls(&self, from: usize) -> (Vec<String>, usize) {
        // The start writes 60 MB, because the spy prints every byte of the tests of large data.
        let mut report = File::open(&self.report).unwrap();
        report.seek(SeekFrom::Start(from as u64)).unwrap();
        let mut content = Vec::new();
        report.read_to_end(&mut content).unwrap();
        let text = String::from_utf8_lossy(&content).into_owned();
        // A call begins with its number and name on a line: "17: C_Encrypt".
        let calls = text.split("\n\n").map(|call| call.trim().to_owned()).filter(|call| name(call).is_some());
        (calls.collect(), from + content.len())
    }
}

fn name(call: &str) -> Option<&str> {
    let (number, name) = call.lines().next()?.split_once(": ")?;
    number.parse::<u64>().ok()?;
    Some(name)
}

/// Counts the calls of each function, without those of the health check of the HSM token each second.
fn counts(calls: &[String]) -> HashMap<&str, usize> {
    let mut counts = all_counts(calls);
    for watch in ["C_GetTokenInfo", "C_OpenSession", "C_CloseSession", "C_GetSessionInfo"] {
        counts.remove(watch);
    }
    counts
}

fn all_counts(calls: &[String]) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for call in calls.iter().filter_map(|call| name(call)) {
        *counts.entry(call).or_default() += 1;
    }
    counts
}

/// Returns the number of calls for requests since `from` and `began`: all except those of the health check, which uses
/// other functions, and of the audit log's signature, which is made at most once a second.
fn asked(watched: &Watched, from: usize, began: Instant) -> usize {
    let (calls, _) = watched.calls(from);
    let mut counts = counts(&calls);
    // The health check reads CKA_ID of a root key.
    counts.remove("C_GetAttributeValue");
    // Two calls, and two more for the MAC that binds it to the database.
    let signatures = 4 * (began.elapsed().as_secs_f64() / 0.8 + 1.0) as usize;
    let asked = counts.values().sum::<usize>();
    eprintln!("{asked} calls: {counts:?}");
    asked.saturating_sub(signatures.min(counts.get("C_Sign").copied().unwrap_or_default() * 2))
}

#[test]
fn a_warm_encryption_takes_two() {
    let watched = Watched::start();
    let mut alice = watched.server.alice().connect().unwrap();
    let id = alice.aes();
    alice.seal(&id, b"warm");
    let from = watched.end();
    let began = Instant::now();
    for _ in 0..ENCRYPTS {
        alice.seal(&id, b"thirty-two bytes of some message");
    }
    let (calls, _) = watched.calls(from);
    let mut counts = counts(&calls);
    let attributes = counts.remove("C_GetAttributeValue").unwrap_or_default();
    assert!(attributes <= ENCRYPTS / 2, "{attributes}");
    // The audit log is signed from time to time, also without requests.
    let signatures = ["C_SignInit", "C_Sign"].map(|name| counts.remove(name).unwrap_or_default());
    // At most once a second: a signature, and a MAC that binds it to the database.
    assert!(signatures[0] as f64 <= 2.0 * (began.elapsed().as_secs_f64() / 0.8 + 1.0), "{signatures:?}");
    assert_eq!(counts, HashMap::from([("C_EncryptInit", ENCRYPTS), ("C_Encrypt", ENCRYPTS)]));
}

#[test]
fn a_change_of_attributes_costs_no_handle() {
    let watched = Watched::start();
    let mut alice = watched.server.alice().connect().unwrap();
    let ids: Vec<String> = (0..10).map(|_| alice.aes()).collect();
    for id in &ids {
        alice.seal(id, b"warm");
    }
    let mut owner = Caller::certificate(&watched.server, "alice");
    for id in &ids {
        owner.grant(id, "bob", &["encrypt"]);
    }
    let from = watched.end();
    let began = Instant::now();
    for id in &ids {
        alice.seal(id, b"thirty-two bytes of some message");
    }
    assert!(asked(&watched, from, began) <= 2 * ids.len());
}

#[test]
fn a_cold_encryption_takes_five() {
    let watched = Watched::start();
    let mut alice = watched.server.alice().connect().unwrap();
    let ids: Vec<String> = (0..11).map(|_| alice.aes()).collect();
    let watched = watched.restart();
    let mut alice = watched.server.alice().connect().unwrap();
    // The first use of any key since the start is recorded in the database.
    alice.seal(&ids[0], b"data");
    let from = watched.end();
    let began = Instant::now();
    for id in &ids[1..] {
        alice.seal(id, b"thirty-two bytes of some message");
    }
    assert!(asked(&watched, from, began) <= 5 * 10);
}

#[test]
fn rows_are_bound_once() {
    const ROWS: usize = 300;
    let watched = Watched::start();
    let mut alice = watched.server.alice().connect().unwrap();
    for _ in 0..ROWS {
        alice.aes();
    }
    let search = |watched: &Watched| {
        let mut alice = watched.server.alice().connect().unwrap();
        let from = watched.end();
        let began = Instant::now();
        assert_eq!(alice.count(), ROWS);
        asked(watched, from, began)
    };
    let own = search(&watched);
    assert!(own <= 30, "{own} calls for rows that this process has bound");
    let watched = watched.restart();
    let new = search(&watched);
    assert!((ROWS..=2 * ROWS + 30).contains(&new), "{new} calls for {ROWS} rows that were never seen");
    let again = search(&watched);
    assert!(again <= 30, "{again} calls for rows that this process has seen");
}

/// Returns the time of a call in the report, in seconds of the day.
fn moment(call: &str) -> f64 {
    let (_, clock) = call.lines().nth(1).unwrap().split_once(' ').unwrap();
    clock.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap())
}

#[test]
fn an_idle_server_asks_once_a_second() {
    // Token information, the login, four secret keys and two pairs, one after the other.
    const GLANCES: usize = 12;
    const LOOK: [&str; 3] = ["C_GetTokenInfo", "C_GetSessionInfo", "C_GetAttributeValue"];
    let watched = Watched::start();
    let mut alice = watched.server.alice().connect().unwrap();
    let id = alice.aes();
    alice.seal(&id, b"data");
    let from = watched.end();
    // After the last lines are signed, and without other work.
    let glances = eventually("glances at the token, and nothing between them", || {
        let (mut calls, _) = watched.calls(from);
        let looks = calls.iter().rev().take_while(|call| name(call).is_some_and(|name| LOOK.contains(&name))).count();
        (looks > GLANCES).then(|| calls.split_off(calls.len() - GLANCES))
    });
    let counts = all_counts(&glances);
    let took = (moment(&glances[GLANCES - 1]) - moment(&glances[0])).rem_euclid(86_400.0);
    assert!(took >= (GLANCES - 1) as f64 * 0.99, "{counts:?} in {took} s");
    for function in LOOK {
        assert!(counts.contains_key(function), "{counts:?}");
    }
}

#[test]
fn a_new_key_is_made_by_the_token() {
    let watched = Watched::start();
    let mut alice = watched.server.alice().connect().unwrap();
    let from = watched.end();
    let began = Instant::now();
    for _ in 0..10 {
        alice.aes();
    }
    let (calls, _) = watched.calls(from);
    let counts = counts(&calls);
    assert!(asked(&watched, from, began) <= 10 * (11 + 1), "{counts:?}");
    assert_eq!(counts["C_DestroyObject"], 10);
    assert_eq!(counts["C_WrapKey"], 10);
    assert_eq!(counts["C_GenerateKey"], 10);
    for never in ["C_CreateObject", "C_FindObjectsInit", "C_FindObjects", "C_GenerateRandom"] {
        assert!(!counts.contains_key(never), "{counts:?}");
    }
    let reads_value = |call: &&String| call.contains("CKA_VALUE ");
    assert_eq!(calls.iter().filter(reads_value).count(), 0);
}

#[test]
fn the_value_of_a_key_that_is_not_extractable_is_never_read() {
    let watched = Watched::start();
    // The start reads the value of a test key, to see whether the token shows values.
    let from = watched.end();
    let mut alice = watched.server.alice().connect().unwrap();
    let id = alice.new_key(&create("AES", 256, &[boolean("Extractable", false)]));
    let sensitive = alice.new_key(&create("AES", 256, &[boolean("Sensitive", true)]));
    for id in [&id, &sensitive] {
        let sealed = alice.seal(id, b"data");
        assert_eq!(alice.open(&sealed), b"data");
        alice.mac(id, b"data");
        for operation in ["Get", "Export", "GetAttributes"] {
            alice.kmip(&named(operation, id));
        }
    }
    let reads = |calls: &[String]| {
        let is_read = |call: &&String| name(call) == Some("C_GetAttributeValue") && call.contains("CKA_VALUE ");
        calls.iter().filter(is_read).count()
    };
    let (calls, from) = watched.calls(from);
    assert!(counts(&calls).contains_key("C_UnwrapKey"));
    assert_eq!(reads(&calls), 0);
    // The spy shows a value that is read.
    let open = alice.aes();
    alice.export(&open);
    assert!(reads(&watched.calls(from).0) >= 1);
}

#[test]
fn no_call_carries_the_bytes_of_a_sealed_key() {
    let watched = Watched::start();
    let from = watched.end();
    let mut alice = watched.server.alice().connect().unwrap();
    let protected = |sensitive, extractable| [boolean("Sensitive", sensitive), boolean("Extractable", extractable)];
    let kind = Kind::Curve("P256", 256);
    let mut ids = Vec::new();
    for attributes in [protected(true, false), protected(true, true), protected(false, true)] {
        ids.push(alice.new_key(&create("AES", 256, &attributes)));
        ids.push(alice.new_key(&register("AES", &reference::random(32), &attributes)));
        let form = &kind.private(&kind.generate())[0];
        ids.push(alice.new_key(&kind.register("PrivateKey", form, 1, &attributes)));
    }
    let wrapping = alice.new_key(&create("AES", 256, &[integer("CryptographicUsageMask", 0x10)]));
    for id in &ids {
        for operation in ["Get", "Export"] {
            alice.kmip(&named(operation, id));
            alice.kmip(&wrapped(operation, id, &wrapping));
        }
    }
    let text = String::from_utf8(fs::read(&watched.report).unwrap().split_off(from)).unwrap();
    let mut watch = Watch::default();
    text.lines().for_each(|line| watch.line(line));
    let count = |function: &str, protection| {
        let is = |own: &&Carried| own.function == function && own.protection == protection;
        watch.found.iter().filter(is).count()
    };
    let wrong: Vec<&Carried> = watch.found.iter().filter(|own| own.is_wrong).collect();
    assert_eq!(wrong, [] as [&Carried; 0]);
    // What may leave is seen, so that the rest would be: three keys, twice in clear, and the private one for wrapping, too.
    assert!(count("C_GetAttributeValue", Protection::Open) >= 6, "{:?}", watch.found);
    for protection in [Protection::Sealed, Protection::Guarded, Protection::Unknown] {
        assert_eq!(count("C_GetAttributeValue", protection), 0);
    }
    assert!(count("C_CreateObject", Protection::Guarded) >= 6, "{:?}", watch.found);
}

#[test]
fn bytes_that_leave_are_found() {
    let call = |number, name: &str, rest: &str| {
        format!("{number}: {name}\n2026-01-01 00:00:00.000\n{rest}Returned:  0 CKR_OK\n\n")
    };
    let value = "    CKA_VALUE             00007f / 16\n    00000000  50 6D F2 D9 C8 08 DD C4 A5 CE F4 C8 75 B8 D4 57  Pm..........u..W\n";
    let flags = |sensitive, extractable| {
        format!("    CKA_SENSITIVE         {sensitive}\n    CKA_EXTRACTABLE       {extractable}\n")
    };
    let read = format!("[in] hObject = 0x2\n[out] pTemplate[1]: \n{value}");
    for (sensitive, extractable, expected) in
        [("True", "False", [false, true]), ("True", "True", [false, true]), ("False", "True", [false, false])]
    {
        let made = format!("[in] pTemplate[3]: \n{value}{}[out] *phObject = 0x2\n", flags(sensitive, extractable));
        let mut watch = Watch::default();
        // The spy has no name for this mechanism.
        let asked = call(3, "C_GetMechanismInfo", "[in] slotID = 0x1\n[in] type = 0x00002107");
        let text = asked.clone() + &call(1, "C_CreateObject", &made) + &asked + &call(2, "C_GetAttributeValue", &read);
        text.lines().for_each(|line| watch.line(line));
        let wrong = watch.found.iter().map(|own| own.is_wrong).collect::<Vec<_>>();
        assert!(wrong.ends_with(&expected[1..]) && !wrong[0], "{sensitive} {extractable}: {:?}", watch.found);
        assert_eq!(watch.calls, [4, 0]);
    }
    // In another call, and as data that is returned.
    let mut watch = Watch::default();
    let made = format!("[in] pTemplate[3]: \n{value}{}[out] *phObject = 0x2\n", flags("True", "False"));
    let out = "[out] pData[16]\n    00000000  50 6D F2 D9 C8 08 DD C4 A5 CE F4 C8 75 B8 D4 57  Pm..........u..W\n";
    let text =
        call(1, "C_CreateObject", &made) + &call(2, "C_Decrypt", out) + &call(3, "C_WrapKey", "[in] hKey = 0x2\n");
    text.lines().for_each(|line| watch.line(line));
    assert_eq!(watch.found.iter().filter(|own| own.is_wrong).count(), 2, "{:?}", watch.found);
}
