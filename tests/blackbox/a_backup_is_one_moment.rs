//! `clavigerd --backup DIR`: a copy of one moment, taken while the server runs.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection as Database;
use rustix::fs::{FlockOperation, fcntl_lock};
use serde_json::json;

use crate::batches::{items, outcomes};
use crate::harness::backup::{backup, restored};
use crate::harness::cli::UNSIGNED;
use crate::harness::kmip::{Sealed, create, encrypt, find, named, register, revoke, string};
use crate::harness::message::message;
use crate::harness::server::{Place, run};
use crate::harness::token::{PIN, write_private};
use crate::harness::{Connection, End, Options, Server, Token, directory, eventually};
use crate::root_keys_are_not_made_again::TURNED_BACK;

/// Connections that make keys while a backup is taken.
const CLIENTS: usize = 6;

/// Keys that one request makes.
const BATCH: usize = 16;

/// The number of backups under load. One of them must end in time.
const TRIES: usize = 5;

/// Keys in the database before the first backup.
const KEYS: usize = 1_000;

/// What a backup that succeeds says.
#[track_caller]
fn taken(place: &Place, directory: &Path) -> String {
    let (status, out, err) = run(&mut backup(place, &quiet(), directory));
    assert!(status.success(), "{out}{err}");
    assert!(!(out.clone() + &err).contains(PIN));
    out
}

/// What a backup that is refused says.
#[track_caller]
fn refused(command: &mut Command) -> String {
    let (status, out, err) = run(command);
    assert!(!status.success() && out.is_empty(), "{out}{err}");
    err
}

/// Files rotate while they are copied.
fn quiet() -> Options {
    Options {
        arguments: vec!["--audit-rotate-size=200000".to_owned()],
        environment: vec![("KMS_LOG".to_owned(), "warn".to_owned())],
        ..Options::default()
    }
}

/// The backup and incomplete backups at its place.
fn siblings(directory: &Path) -> Vec<String> {
    let name = directory.file_name().unwrap().to_str().unwrap();
    let entries = fs::read_dir(directory.parent().unwrap()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|own| own.starts_with(name)).collect()
}

/// Runs `--check-store` on a backup with the live HSM token, which must find nothing, and verifies the log.
#[track_caller]
fn sound(backup: &Path, live: &Place) -> String {
    let place = restored(backup, live, false);
    let (is_clean, said) = place.check_store(&quiet());
    assert!(is_clean && said.contains(": 0 findings"), "{said}");
    let (status, verified) = place.verify(None, &place.audit_files());
    assert!([0, UNSIGNED].contains(&status), "{verified}");
    said
}

/// Makes this many keys by one request.
fn new_keys(alice: &mut Connection) -> Vec<String> {
    let made = items(alice, &message(&[], &vec![create("AES", 256, &[]); BATCH]));
    let payloads = made.iter().map(|item| json!({"value": find(item, "ResponsePayload")}));
    payloads.map(|payload| string(&payload, "UniqueIdentifier")).collect()
}

/// The answers that clients got while the server was under load.
#[derive(Default)]
struct Load {
    done: AtomicBool,
    made: AtomicUsize,
    told: Mutex<ResourceEntry>,
}

#[derive(Default, Clone)]
struct ResourceEntry {
    ids: Vec<String>,
    /// Ciphertexts by some of the keys.
    sealed: Vec<Sealed>,
}

impl Load {
    /// Makes keys until `enough`; one of the clients also makes and destroys keys in the HSM token.
    fn client(&self, server: &Server, number: usize) {
        let mut alice = server.alice().connect().unwrap();
        for turn in 0.. {
            if self.done.load(Ordering::Relaxed) {
                return;
            }
            if number == 0 {
                let id = alice.new_key(&register("HMACSHA256", &[7; 35], &[]));
                alice.ok(&revoke(&id, "Superseded"));
                alice.ok(&named("Destroy", &id));
            }
            let made = new_keys(&mut alice);
            let sealed = alice.seal(&made[turn % BATCH], b"data");
            let mut told = self.told.lock().unwrap();
            told.sealed.push(sealed);
            told.ids.extend(made);
            self.made.store(told.ids.len(), Ordering::Relaxed);
        }
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }
}

#[test]
fn taken_under_load_it_ends_and_is_whole() {
    let server = Server::start_with(&quiet());
    server.keep_audit_key();
    let place = Arc::clone(&server.place);
    let mut alice = server.alice().connect().unwrap();
    for _ in 0..KEYS.div_ceil(BATCH) {
        new_keys(&mut alice);
    }
    let idle = [1, 2].map(|number| {
        let began = Instant::now();
        taken(&place, &place.path(&format!("idle-{number}")));
        began.elapsed()
    });
    let idle = *idle.iter().min().unwrap();
    sound(&place.path("idle-1"), &place);

    let load = Load::default();
    let (before, dest) = thread::scope(|scope| {
        let _end = End(&load.done);
        for client in 0..CLIENTS {
            let (load, server) = (&load, &server);
            scope.spawn(move || load.client(server, client));
        }
        eventually("keys are made", || (load.made() >= 300).then_some(()));
        // Clients get answers for many keys at one time, so a backup may end before an answer, and the machine may be
        // busy. A backup that waits for writers would never end.
        for number in 0..TRIES {
            let dest = place.path(&format!("backup-{number}"));
            let (before, count, began) = (load.told.lock().unwrap().clone(), load.made(), Instant::now());
            taken(&place, &dest);
            let (took, meanwhile) = (began.elapsed(), load.made() - count);
            eprintln!("{took:?} and {meanwhile} creates meanwhile, {idle:?} idle");
            if meanwhile > 0 && took <= idle * 3 + Duration::from_secs(2) {
                return (before, dest);
            }
        }
        panic!("the server waits for the backup, or the backup for the server");
    });
    sound(&dest, &place);

    // The original is lost.
    let lost = server.kill();
    fs::remove_dir_all(&lost.token.tokens).unwrap();
    let server = Server::start_at(Arc::new(restored(&dest, &lost, true)), &quiet());
    let mut alice = server.alice().connect().unwrap();
    assert!(before.ids.len() >= 300 && before.sealed.len() >= CLIENTS);
    for sealed in &before.sealed {
        assert_eq!(alice.open(sealed), b"data", "{}", sealed.id);
    }
    for ids in before.ids.chunks(64) {
        let uses: Vec<_> = ids.iter().map(|id| encrypt(id, b"x")).collect();
        assert_eq!(outcomes(&items(&mut alice, &message(&[], &uses))), vec!["Success"; ids.len()]);
    }
    let id = alice.aes();
    alice.seal(&id, b"and it goes on");
}

/// Stops backups while they copy the HSM token: they wait for the lock of each file, as SoftHSM does.
struct Hold {
    _locked: File,
}

impl Hold {
    fn new(place: &Place) -> Self {
        let token = fs::read_dir(&place.token.tokens).unwrap().next().unwrap().unwrap().path();
        let file = File::create(token.join("held")).unwrap();
        fcntl_lock(&file, FlockOperation::LockExclusive).unwrap();
        Self { _locked: file }
    }

    /// A backup that has copied the database and waits.
    fn start(&self, place: &Place, dest: &Path) -> Child {
        let mut command = backup(place, &quiet(), dest);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Blocked ones are marked by an arrow (proc_locks(5)).
        let pid = format!(" {} ", child.id());
        let waits = |line: &str| line.contains("-> POSIX") && line.contains(&pid);
        eventually("the backup waits", || fs::read_to_string("/proc/locks").unwrap().lines().any(waits).then_some(()));
        child
    }
}

/// Adds a key that is an object of the HSM token, because key wrap does not preserve 35 bytes.
fn in_token(alice: &mut Connection, byte: u8) -> String {
    alice.new_key(&register("HMACSHA256", &[byte; 35], &[]))
}

fn destroy(alice: &mut Connection, id: &str) {
    alice.ok(&revoke(id, "Superseded"));
    alice.ok(&named("Destroy", id));
}

#[test]
fn what_is_destroyed_and_made_meanwhile_is_told() {
    let server = Server::start_with(&quiet());
    server.keep_audit_key();
    let place = Arc::clone(&server.place);
    let mut alice = server.alice().connect().unwrap();
    let [kept, gone, former] = [1, 2, 3].map(|byte| in_token(&mut alice, byte));
    let wrapped = alice.aes();
    let sealed = alice.seal(&wrapped, b"data");
    let mac = alice.mac(&kept, b"data");
    destroy(&mut alice, &former);

    let (hold, dest) = (Hold::new(&place), place.path("backup"));
    let running = hold.start(&place, &dest);
    destroy(&mut alice, &gone);
    destroy(&mut alice, &wrapped);
    let later = in_token(&mut alice, 4);
    assert!(!dest.exists() && siblings(&dest).len() == 1, "it appears complete");
    drop(hold);
    let output = running.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let told: Vec<&str> = said.lines().filter(|line| line.contains("destroyed or replaced")).collect();
    assert!(told.len() == 1 && told[0].starts_with(&format!("{gone}: ")), "{said}");
    assert_eq!(siblings(&dest), ["backup"]);

    let said = sound(&dest, &place);
    assert!(said.contains(&format!("note: {gone}: ")) && said.contains("note: the HSM token holds 1 keys"), "{said}");
    let original = restored(&dest, &place, true);
    let server = Server::start_at(Arc::new(original), &quiet());
    let mut alice = server.alice().connect().unwrap();
    assert_eq!((alice.mac(&kept, b"data"), alice.open(&sealed)), (mac, b"data".to_vec()));
    assert_eq!(alice.kmip(&encrypt(&later, b"x")).status, 404);
    alice.refused(&named("Destroy", &former), 409, "Object_Destroyed");
}

#[test]
fn a_killed_one_leaves_nothing_that_looks_complete() {
    let server = Server::start_with(&quiet());
    let place = Arc::clone(&server.place);
    server.alice().connect().unwrap().aes();
    let (hold, dest) = (Hold::new(&place), place.path("backup"));
    let mut killed = hold.start(&place, &dest);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let left = siblings(&dest);
    assert!(left.len() == 1 && left[0].starts_with("backup.partial-"), "{left:?}");
    let private = fs::metadata(place.path(&left[0])).unwrap().permissions().mode() & 0o777;
    assert_eq!(private, 0o700);
    // Another backup to the same place does not remove the directory of a running one.
    let running = hold.start(&place, &dest);
    assert_eq!(siblings(&dest).len(), 1, "what was left is removed");
    let second = hold.start(&place, &dest);
    assert_eq!(siblings(&dest).len(), 2);
    drop(hold);
    let ended = [running, second].map(|child| child.wait_with_output().unwrap());
    assert_eq!(ended.iter().filter(|output| output.status.success()).count(), 1, "{ended:?}");
    assert_eq!(siblings(&dest), ["backup"]);
    assert!(refused(&mut backup(&place, &quiet(), &dest)).contains("is not empty"));
}

fn modes(directory: &Path, found: &mut Vec<(PathBuf, u32)>) {
    for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        let metadata = fs::metadata(&path).unwrap();
        found.push((path.clone(), metadata.permissions().mode() & 0o777));
        if metadata.is_dir() {
            modes(&path, found);
        }
    }
}

#[test]
fn it_is_private_and_is_refused_where_it_cannot_be() {
    let server = Server::start_with(&quiet());
    server.keep_audit_key();
    let id = server.alice().connect().unwrap().aes();
    let (place, status) = server.stop();
    assert!(status.success());

    // The backup needs no server, and leaves no other files next to the original.
    let dest = place.path("backup");
    fs::create_dir(&dest).unwrap();
    fs::set_permissions(&dest, fs::Permissions::from_mode(0o755)).unwrap();
    let said = taken(&place, &dest);
    assert!(said.contains("1 objects") && said.contains("claviger.audit.jsonl (to line "), "{said}");
    assert!(!place.path("claviger.db-wal").exists() && !place.path("claviger.db-shm").exists());
    assert_eq!(fs::metadata(&dest).unwrap().permissions().mode() & 0o777, 0o700);
    let mut found = Vec::new();
    modes(&dest, &mut found);
    assert!(found.len() > 10);
    for (path, mode) in found {
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
    sound(&dest, &place);

    let other = place.path("other");
    let at = |path: &Path, options: &Options| refused(&mut backup(&place, options, path));
    assert!(at(&dest, &quiet()).contains("is not empty: name one that does not exist yet"));
    assert!(at(&place.path("server.p12"), &quiet()).contains("is not a directory"));
    assert!(at(&place.path("a/b"), &quiet()).contains("create it"));
    let with = |argument: &str| {
        let mut options = quiet();
        options.arguments.push(argument.to_owned());
        at(&other, &options)
    };
    assert!(with("--check-store").contains("cannot be used with"));
    write_private(&place.path("wrong"), b"wrong-pin-1234");
    let wrong = Token { pin_file: place.path("wrong"), ..restored(&dest, &place, false).token.clone() };
    let wrong = Place::with_token(directory(), wrong);
    assert!(refused(&mut backup(&wrong, &quiet(), &other)).contains("there is no database"));
    fs::copy(place.database(), wrong.database()).unwrap();
    assert!(refused(&mut backup(&wrong, &quiet(), &other)).contains("refused the PIN"));
    // The log of another place, and none.
    let file = format!("--audit-file={}", place.path("moved.jsonl").display());
    assert!(with(&file).contains("does not contain line"));
    fs::write(
        place.path("moved.jsonl"),
        fs::read_to_string(place.audit_file()).unwrap().replace("\"time\":\"2", "\"time\":\"3"),
    )
    .unwrap();
    assert!(with(&file).contains("is not the one that the database knows"));
    assert_eq!(siblings(&other), [""; 0], "nothing is left");

    let (status, out, _) = run(backup(&place, &quiet(), &other).arg("--audit-file=none"));
    assert!(status.success() && out.contains("audit log: not copied"), "{out}");
    let server = Server::start_at(place, &quiet());
    server.alice().connect().unwrap().seal(&id, b"the original is as it was");
}

#[test]
fn on_a_full_disk_it_says_so_and_leaves_nothing() {
    let server = Server::start_with(&Options { arguments: Vec::new(), ..quiet() });
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let place = server.place.clone();
    let dest = place.path("backup");
    let size = |path: PathBuf| fs::metadata(path).unwrap().len();
    taken(&place, &dest);
    let database = size(dest.join("claviger.db"));
    // The log becomes larger than the database.
    let uses = message(&[], &vec![encrypt(&id, b"x"); 64]);
    while size(place.audit_file()) < 2 * database {
        alice.ok(&uses);
    }
    alice.aes();
    let limited = |limit: u64, what: &str| {
        let own = backup(&place, &Options { arguments: Vec::new(), ..quiet() }, &place.path("full"));
        let mut command = Command::new("sh");
        // The limit fails writes half-way, as a full disk does. The signal that comes with it would end the process.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", limit / 512);
        command.args(["-c", &script]).arg(own.get_program()).args(own.get_args());
        command.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let said = refused(command.env("PATH", "/usr/bin:/bin").current_dir(place.directory.path()));
        assert!(said.contains(what) && said.contains("space"), "{said}");
        assert_eq!(siblings(&place.path("full")), [""; 0], "{said}");
    };
    limited(database / 2, "claviger.db");
    limited(database * 3 / 2, "claviger.audit.jsonl");
    alice.seal(&id, b"x");
}

#[test]
fn of_an_older_version_it_can_be_taken_before_the_upgrade() {
    let server = Server::start_with(&quiet());
    server.keep_audit_key();
    server.alice().connect().unwrap().aes();
    let place = server.stop().0;
    // The state that an older version leaves: its schema, and its name of the log.
    Database::open(place.database()).unwrap().execute_batch(TURNED_BACK).unwrap();
    let former = place.path("audit.jsonl");
    fs::rename(place.audit_file(), &former).unwrap();

    let dest = place.path("backup");
    let said = taken(&place, &dest);
    assert!(said.contains("(schema 7, 1 objects)") && said.contains("backup/audit.jsonl (to line "), "{said}");
    let version = |path: PathBuf| -> i64 {
        let database = Database::open(path).unwrap();
        database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    };
    assert_eq!([version(place.database()), version(dest.join("claviger.db"))], [7, 7], "nothing is migrated");
    let (status, said) = place.verify(None, &[dest.join("audit.jsonl")]);
    assert_eq!(status, 0, "{said}");
}
