//! `claviger audit` with a server: key, head, lines, and the changes that the verification finds and cannot find.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::harness::cli::{TAMPERED, UNSIGNED};
use crate::harness::kmip::encrypt;
use crate::harness::{Cli, Options, Server, eventually};

/// The time after the last request: a second, with an allowance for a busy machine.
const SOON: Duration = Duration::from_secs(3);

fn options(more: &[&str]) -> Options {
    let arguments = ["--administrators=alice"].iter().chain(more).map(|argument| (*argument).to_owned()).collect();
    Options { arguments, ..Options::default() }
}

/// Returns the head that the server's database records, after the log is signed to its end.
fn head(cli: &Cli, server: &Server) -> String {
    server.place.signed();
    let last = fs::read_to_string(server.place.audit_file()).unwrap().lines().last().unwrap().to_owned();
    // The request itself is a line too, so the end moves. The end from before the request must be in the log.
    let seq = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64().unwrap();
    eventually("the database knows the head", || {
        let told = cli.ok(&["audit", "head"]);
        (seq(&told) >= seq(&last)).then_some(told)
    })
}

#[test]
fn an_idle_log_and_one_that_ended_are_signed_to_the_end() {
    let server = Server::start_with(&options(&[]));
    let cli = Cli::alice(&server);
    cli.quiet(&["audit", "public-key", "-o", "key.pem"]);
    let key = cli.read("key.pem");
    assert_eq!(Cli::bob(&server).ok(&["audit", "public-key"]).as_bytes(), key, "it is everybody's");
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    for _ in 0..20 {
        alice.ok(&encrypt(&id, b"x"));
    }
    let last = Instant::now();
    let log = server.place.audit_file();
    let arguments = ["audit", "verify", "--public-key", "key.pem", log.to_str().unwrap()];
    let used = || fs::read_to_string(&log).unwrap().matches("\"operation\":\"Encrypt\"").count();
    eventually("it is signed", || {
        let status = cli.output(&arguments, b"").status.code().unwrap();
        assert!([0, UNSIGNED].contains(&status));
        (status == 0 && used() == 20).then_some(())
    });
    assert!(last.elapsed() < SOON, "{:?}", last.elapsed());
    let place = server.stop().0;
    let (status, out) = place_verify(&cli, &arguments);
    assert_eq!(status, 0, "{out}");
    assert!(out.starts_with("intact: "), "{out}");

    // One bit of one byte, somewhere in the middle.
    let whole = fs::read(&log).unwrap();
    for at in [0, whole.len() / 3, whole.len() / 2, whole.len() - 2] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&log, &changed).unwrap();
        let (status, out) = place_verify(&cli, &arguments);
        assert_eq!(status, TAMPERED, "byte {at}: {out}");
    }
    drop(place);
}

fn place_verify(cli: &Cli, arguments: &[&str]) -> (i32, String) {
    let output = cli.output(arguments, b"");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[test]
fn lines_and_head_are_for_those_who_administer() {
    let server = Server::start_with(&options(&[]));
    let (alice, bob) = (Cli::alice(&server), Cli::bob(&server));
    let id = alice.create(&[]);
    let found = alice.json(&["audit", "search", "--object", &id]);
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert_eq!((&found[0]["operation"], &found[0]["version"]), (&"Create".into(), &1.into()));
    let tail = alice.json(&["audit", "tail", "-n", "3"]);
    assert!((1..=3).contains(&tail.as_array().unwrap().len()), "{tail}");
    let refused_before = alice.json(&["audit", "search", "--outcome", "refused"]);
    assert_eq!(refused_before.as_array().unwrap().len(), 0);
    for arguments in [&["audit", "head"][..], &["audit", "tail"], &["audit", "search", "--caller", "alice"]] {
        bob.fails_with(arguments, &["may not audit"]);
    }
    for (path, status) in [("/audit/head", 403), ("/audit/public-key", 200)] {
        assert_eq!(server.bob().get(path).status, status, "{path}");
    }
    let refused = alice.json(&["audit", "search", "--outcome", "refused"]);
    let refused = refused.as_array().unwrap();
    assert_eq!(refused.len(), 4, "{refused:?}");
    assert!(refused.iter().all(|line| line["user"] == "bob" && line["operation"] == "ReadAudit"), "{refused:?}");
    // Reading it is recorded, too.
    let own = alice.json(&["audit", "search", "--caller", "alice"]);
    assert!(own.as_array().unwrap().iter().any(|line| line["operation"] == "ReadAudit"), "{own}");
}

#[test]
fn a_log_that_was_cut_back_is_found_by_a_head_and_by_the_server() {
    let server = Server::start_with(&options(&[]));
    server.keep_audit_key();
    let cli = Cli::alice(&server);
    let mut alice = server.alice().connect().unwrap();
    let kept = alice.aes();
    server.place.signed();
    let earlier = fs::read(server.place.audit_file()).unwrap();
    let lost = alice.aes();
    cli.write("head.jsonl", head(&cli, &server).as_bytes());
    let place = Arc::clone(&server.place);
    assert!(server.stop().1.success());
    let whole = fs::read(place.audit_file()).unwrap();
    assert!(whole.starts_with(&earlier) && whole.len() > earlier.len());
    let log = [place.audit_file()];
    assert_eq!(place.verify(Some(&cli.path("head.jsonl")), &log).0, 0);

    fs::write(place.audit_file(), &earlier).unwrap();
    assert_eq!(place.verify(None, &log).0, 0, "by itself it is as it was");
    let (status, said) = place.verify(Some(&cli.path("head.jsonl")), &log);
    assert_eq!(status, TAMPERED, "{said}");
    let Err(said) = Server::try_start_at(Arc::clone(&place), &options(&[])) else { panic!("it started") };
    let said = said.lines().last().unwrap();
    assert!(said.contains("but the database knows line") && said.contains("--audit-accept-loss"), "{said}");
    assert_eq!(fs::read(place.audit_file()).unwrap(), earlier, "and is left alone");

    let server = Server::start_at(Arc::clone(&place), &options(&["--audit-accept-loss"]));
    let mut alice = server.alice().connect().unwrap();
    for id in [&kept, &lost] {
        alice.ok(&encrypt(id, b"x"));
    }
    place.signed();
    let (_, said) = place.verify(None, &log);
    assert!(said.contains("lost lines"), "{said}");
    let lines = place.audit_lines();
    let accepted: Vec<_> = lines.iter().filter(|line| line["event"] == "loss-accepted").collect();
    assert_eq!(accepted.len(), 1);
    // It is logged once.
    let server = server.restart();
    let server = Server::start_at(server.stop().0, &options(&[]));
    assert_eq!(server.place.audit_lines().iter().filter(|line| line["event"] == "loss-accepted").count(), 1);
}
