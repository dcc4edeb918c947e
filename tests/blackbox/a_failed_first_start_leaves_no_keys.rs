//! Root keys cannot be removed from the HSM token, so the server checks everything else that can fail before it makes
//! them.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;

use crate::harness::server::{Place, run};
use crate::harness::{Options, ROOT_OBJECTS, Server};

/// The command fails with these words, and the HSM token has no objects.
#[track_caller]
fn fails(place: &Place, command: &mut Command, words: &[&str]) {
    let (status, out, error) = run(command);
    assert_eq!(status.code(), Some(1), "{out}{error}");
    let last = error.lines().last().unwrap();
    assert!(words.iter().all(|word| last.contains(word)), "{words:?}: {error}");
    assert_eq!(place.token.objects(), 0, "{error}");
}

/// The same command, run by a shell with other commands before it.
fn after(first: &str, own: &Command) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{first}; exec \"$0\" \"$@\"")]).arg(own.get_program()).args(own.get_args());
    command
        .env_clear()
        .envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("PATH", "/usr/bin:/bin");
    command.current_dir(own.get_current_dir().unwrap());
    command
}

#[test]
fn whatever_fails() {
    let place = Arc::new(Place::new());
    let with = |arguments: &[&str]| {
        let arguments = arguments.iter().map(|&own| own.to_owned()).collect();
        place.command(&Options { arguments, ..Options::default() })
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut on_taken = place.program();
    on_taken.args(["--hostname", "127.0.0.1", "--port", &port]).arg("--hsm-pin-file").arg(&place.token.pin_file);
    on_taken.arg("--sqlite-path").arg(place.database());
    fails(&place, &mut on_taken, &["cannot listen on", &port]);
    fails(&place, &mut with(&[&format!("--probe-address=127.0.0.1:{port}")]), &["cannot listen on", &port]);
    fails(&place, &mut with(&["--probe-address=192.0.2.1:1"]), &["cannot listen on", "192.0.2.1:1"]);
    fails(&place, &mut with(&["--api-token-id=none"]), &["--api-token-id", "none"]);
    fails(&place, &mut with(&["--audit-file=."]), &["audit log"]);
    fails(&place, &mut with(&["--audit-file=no/such/folder"]), &["audit log"]);
    let jwt = ["--jwt-issuer-uri=https://a.example", "--jwks-uri=https://a.example/keys", "--client-cert=optional"];
    fails(&place, &mut with(&[&jwt[..], &["--jwks-ca-file=no-such-file"]].concat()), &["--jwks-ca-file"]);
    fs::write(place.path("bad.toml"), "roles = 7").unwrap();
    fails(&place, &mut with(&["--policy-file=bad.toml"]), &["bad.toml"]);
    fs::write(place.path("rubbish"), "rubbish").unwrap();
    fails(&place, &mut with(&["--crl-file=rubbish"]), &["rubbish"]);
    // A log of another database under this one's name.
    let other = Server::start();
    other.alice().connect().unwrap().aes();
    let (other, _) = other.stop();
    fs::copy(other.audit_file(), place.audit_file()).unwrap();
    fails(&place, &mut with(&[]), &["another database"]);
    fs::remove_file(place.audit_file()).unwrap();
    // A database that has its schema, and no room for anything more.
    let (status, _, _) = run(&mut with(&["--api-token-id=none"]));
    assert!(!status.success() && place.database().exists());
    fails(&place, &mut after("ulimit -f 0", &with(&["--audit-file=none"])), &[]);
    drop(taken);
    // After all these failures, a first start works.
    let server = Server::start_at(Arc::clone(&place), &Options::default());
    server.alice().connect().unwrap().aes();
    assert_eq!(place.token.objects(), ROOT_OBJECTS);
}

#[test]
fn a_second_server_that_loses_the_race_makes_none() {
    let place = Arc::new(Place::new());
    let server = Server::start_at(Arc::clone(&place), &Options::default());
    let (status, _, error) = run(&mut place.command(&Options::default()));
    assert!(!status.success() && error.contains("in use by another clavigerd"), "{error}");
    assert_eq!(place.token.objects(), ROOT_OBJECTS);
    drop(server);
}
