//! The audit log of each database has the database's name. A log with the former name is renamed only if it belongs to
//! the database.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::harness::server::{Place, run};
use crate::harness::{Leaf, Options, Server, kmip};

/// Starts a server of another database in the same folder, over plain HTTP.
fn beside(place: &Arc<Place>, database: &str) -> Result<Server, String> {
    let mut command = place.program();
    command.args(["--hostname", "127.0.0.1", "--port", "0"]).arg("--hsm-pin-file").arg(&place.token.pin_file);
    command.arg("--sqlite-path").arg(place.path(database));
    Server::spawn(Arc::clone(place), command, &Options { plain: true, ..Options::default() })
}

fn work(server: &Server) {
    let client = if server.options.plain { server.nobody() } else { server.alice() };
    let mut connection = client.connect().unwrap();
    let id = connection.aes();
    let sealed = connection.seal(&id, b"x");
    assert_eq!(connection.open(&sealed), b"x");
}

#[test]
fn two_databases_in_one_folder_have_two_logs() {
    let place = Arc::new(Place::new());
    let names =
        [("one.db", "one.audit.jsonl"), ("two.db", "two.audit.jsonl"), ("keys.sqlite", "keys.sqlite.audit.jsonl")];
    for (database, _) in names {
        let server = beside(&place, database).unwrap();
        work(&server);
        server.stop();
    }
    // In another order, and all at one time.
    let servers: Vec<Server> = names.iter().rev().map(|(database, _)| beside(&place, database).unwrap()).collect();
    for server in &servers {
        work(server);
    }
    for (server, (database, log)) in servers.into_iter().zip(names.iter().rev()) {
        let pem = server.nobody().get("/audit/public-key").body;
        fs::write(place.path("key.pem"), pem).unwrap();
        server.stop();
        let mut verify = crate::harness::audit::claviger();
        verify.args(["audit", "verify", "--public-key"]).arg(place.path("key.pem")).arg(place.path(log));
        let (status, out, error) = run(&mut verify);
        assert!(status.success(), "{database}: {out}{error}");
    }
    assert!(!place.path("audit.jsonl").exists());
}

/// Gives the log and its rotated files their former names.
fn as_formerly(place: &Place) -> usize {
    let files = place.audit_files();
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        fs::rename(file, place.path(name.strip_prefix("claviger.").unwrap())).unwrap();
    }
    files.len()
}

fn check_store(place: &Arc<Place>, options: &Options) -> (bool, String) {
    let mut command = place.command(options);
    let (status, out, error) = run(command.arg("--check-store"));
    (status.success(), out + &error)
}

#[test]
fn the_databases_own_log_is_renamed_with_its_rotated_files() {
    let options = Options { arguments: vec!["--audit-rotate-size=4096".to_owned()], ..Options::default() };
    let server = Server::start_with(&options);
    server.keep_audit_key();
    for _ in 0..12 {
        work(&server);
    }
    let (place, _) = server.stop();
    let count = as_formerly(&place);
    assert!(count > 2, "{count} files");
    let (good, said) = check_store(&place, &options);
    assert!(good, "where it is: {said}");
    let server = Server::start_at(place, &options);
    work(&server);
    let (place, _) = server.stop();
    assert!(place.audit_files().len() >= count);
    let formerly = |entry: &fs::DirEntry| entry.file_name().to_str().unwrap().starts_with("audit.jsonl");
    assert_eq!(
        fs::read_dir(place.directory.path()).unwrap().filter(|entry| formerly(entry.as_ref().unwrap())).count(),
        0
    );
    let (status, said) = place.verify(None, &place.audit_files());
    assert_eq!(status, 0, "{said}");
    let (good, said) = check_store(&place, &options);
    assert!(good, "{said}");
}

/// The log of a database elsewhere.
fn foreign() -> Vec<u8> {
    let server = Server::start();
    work(&server);
    let (place, _) = server.stop();
    fs::read(place.audit_file()).unwrap()
}

#[test]
fn another_log_is_refused() {
    let foreign = foreign();
    let server = Server::start();
    work(&server);
    let (place, _) = server.stop();
    let kept = fs::read(place.audit_file()).unwrap();
    let refused = |words: &[&str]| {
        let said = Server::try_start_at(Arc::clone(&place), &Options::default()).err().unwrap();
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    };
    // With the former name, and with its own.
    fs::remove_file(place.audit_file()).unwrap();
    fs::write(place.path("audit.jsonl"), &foreign).unwrap();
    refused(&["audit.jsonl", "is not the log of this database", "--audit-file", "--audit-accept-loss"]);
    assert!(!place.audit_file().exists() && fs::read(place.path("audit.jsonl")).unwrap() == foreign);
    // Its own log with missing lines is not renamed either.
    let lines: Vec<&str> = std::str::from_utf8(&kept).unwrap().lines().collect();
    fs::write(place.path("audit.jsonl"), lines[..lines.len() - 5].join("\n") + "\n").unwrap();
    refused(&["--audit-accept-loss"]);
    fs::remove_file(place.path("audit.jsonl")).unwrap();
    fs::write(place.audit_file(), &foreign).unwrap();
    refused(&["claviger.audit.jsonl", "--audit-accept-loss"]);
    // If the loss is accepted, a new log begins in the same directory.
    fs::remove_file(place.audit_file()).unwrap();
    fs::write(place.path("audit.jsonl"), &foreign).unwrap();
    let options = Options { arguments: vec!["--audit-accept-loss=true".to_owned()], ..Options::default() };
    let server = Server::start_at(Arc::clone(&place), &options);
    work(&server);
    assert!(fs::read(place.path("audit.jsonl")).unwrap() == foreign);
    assert!(fs::read_to_string(place.audit_file()).unwrap().contains("loss-accepted"));
}

#[test]
fn a_new_database_takes_nobodys_log() {
    let foreign = foreign();
    let place = Arc::new(Place::new());
    fs::write(place.path("audit.jsonl"), &foreign).unwrap();
    let server = Server::start_at(Arc::clone(&place), &Options::default());
    let bob = server.client(&place.authority.issue(&Leaf::client("bob")));
    assert_eq!(bob.connect().unwrap().kmip(&kmip::create("AES", 256, &[])).status, 200);
    server.stop();
    assert!(fs::read(place.path("audit.jsonl")).unwrap() == foreign);
    let own = Place::new();
    let is_own = |path: &Path| path.ends_with("claviger.audit.jsonl");
    assert!(is_own(&own.audit_file()));
    fs::write(own.audit_file(), &foreign).unwrap();
    let said = Server::try_start_at(Arc::new(own), &Options::default()).err().unwrap();
    assert!(said.contains("another database") && said.contains("--audit-accept-loss"), "{said}");
}
