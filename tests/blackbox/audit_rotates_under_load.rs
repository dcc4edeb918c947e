//! While the server works, the log is rotated by size and by another program that moves files. All files together are
//! one log.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::harness::cli::TAMPERED;
use crate::harness::kmip::{create, encrypt, string};
use crate::harness::{Client, Options, Server, eventually};

const CLIENTS: usize = 4;

fn options(more: &[&str]) -> Options {
    Options { arguments: more.iter().map(|argument| (*argument).to_owned()).collect(), ..Options::default() }
}

/// Keys that clients made while they used them.
fn load(client: &Client, creates: usize) -> Vec<String> {
    let made = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut connection = client.connect().unwrap();
                for _ in 0..creates {
                    let id = string(&connection.ok(&create("AES", 256, &[])), "UniqueIdentifier");
                    for _ in 0..10 {
                        connection.ok(&encrypt(&id, b"x"));
                    }
                    made.lock().unwrap().push(id);
                }
            });
        }
    });
    made.into_inner().unwrap()
}

/// Every key has one line of its creation and ten of its use.
fn are_all_there(server: &Server, made: &[String]) {
    let lines = server.place.audit_lines();
    for id in made {
        let of = |operation: &str| {
            lines.iter().filter(|line| line["object"] == id.as_str() && line["operation"] == operation).count()
        };
        assert_eq!((of("Create"), of("Encrypt")), (1, 10), "{id}");
    }
}

#[test]
fn by_size() {
    let options = options(&["--audit-rotate-size=65536"]);
    let server = Server::start_with(&options);
    server.keep_audit_key();
    let made = load(&server.alice(), 20);
    server.place.signed();
    are_all_there(&server, &made);
    let files = server.place.audit_files();
    assert!(files.len() >= 4, "{files:?}");
    for file in &files {
        // A file is closed after the group that filled it.
        assert!(file.metadata().unwrap().len() < 3 * 65_536, "{}", file.display());
    }
    // In any order, but not if one from the middle is missing.
    let mut backwards = files.clone();
    backwards.reverse();
    assert_eq!(server.place.verify(None, &backwards).0, 0);
    let without: Vec<_> = files.iter().enumerate().filter(|(at, _)| *at != 1).map(|(_, file)| file.clone()).collect();
    assert_eq!(server.place.verify(None, &without).0, TAMPERED);
    let server = Server::start_at(server.stop().0, &options);
    server.place.signed();
    assert!(server.place.check_store(&options).1.contains("in use"));
    let place = server.stop().0;
    let (is_clean, said) = place.check_store(&options);
    assert!(is_clean, "{said}");
}

#[test]
fn because_another_program_moves_the_file() {
    let server = Server::start();
    server.keep_audit_key();
    let log = server.place.audit_file();
    let mut made = load(&server.alice(), 3);
    for number in 1..=3 {
        let client = server.alice();
        let moved = log.with_added_extension(number.to_string());
        let during = thread::spawn(move || load(&client, 3));
        fs::rename(&log, &moved).unwrap();
        server.signal("HUP");
        made.extend(during.join().unwrap());
        eventually("there is a new file", || log.exists().then_some(()));
        assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    }
    server.place.signed();
    are_all_there(&server, &made);
    assert_eq!(server.place.audit_files().len(), 4);
    // Moved files need not stay in the server's directory.
    let place = Arc::clone(&server.place);
    assert!(server.stop().1.success());
    for number in 1..=3 {
        fs::remove_file(log.with_added_extension(number.to_string())).unwrap();
    }
    Server::start_at(place, &Options::default());
}

#[test]
fn a_folder_that_is_gone_keeps_nobody_from_working() {
    let place = Arc::new(crate::harness::server::Place::new());
    let (folder, aside) = (place.path("trail"), place.path("aside"));
    fs::create_dir(&folder).unwrap();
    let file = format!("--audit-file={}", folder.join("audit.jsonl").display());
    let server = Server::start_at(place, &options(&[&file, "--audit-rotate-size=4096"]));
    server.keep_audit_key();
    fs::rename(&folder, &aside).unwrap();
    // Neither rotation is possible now: the open file continues to grow.
    server.signal("HUP");
    load(&server.alice(), 3);
    eventually("it is told", || {
        let log = server.log();
        (log.contains("was not reopened") && log.contains("could not be rotated")).then_some(())
    });
    fs::rename(&aside, &folder).unwrap();
    load(&server.alice(), 1);
    let place = server.stop().0;
    let (status, said) = place.verify(None, &[folder.join("audit.jsonl")]);
    assert_eq!(status, 0, "{said}");
}
