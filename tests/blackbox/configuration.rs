//! For each option, a flag takes precedence over the environment, the environment over the file, and the file over the
//! default. `--check-config` changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use openssl::sha::sha256;
use serde_json::json;

use crate::harness::server::{P12_PASSWORD, Place, run};
use crate::harness::token::PIN;
use crate::harness::{Client, Leaf, Options, Server, kmip};

/// Returns the output of `--check-config`.
fn checked(command: &mut Command) -> String {
    let (status, out, error) = run(command.arg("--check-config"));
    assert!(status.success(), "{error}");
    out
}

/// An option in the three sources, and the output of a check for its value.
struct Case {
    option: &'static str,
    flag: &'static str,
    environment: &'static str,
    file: &'static str,
    shown: fn(&str) -> String,
    default: &'static str,
}

const CASES: [Case; 5] = [
    Case {
        option: "hostname",
        flag: "127.0.0.2",
        environment: "127.0.0.3",
        file: "\"127.0.0.4\"",
        shown: |value| format!("http://{value}:"),
        default: "127.0.0.1",
    },
    Case {
        option: "port",
        flag: "1001",
        environment: "1002",
        file: "1003",
        shown: |value| format!(":{value}\n"),
        default: "9998",
    },
    Case {
        option: "default-username",
        flag: "flag",
        environment: "environment",
        file: "\"file\"",
        shown: |value| format!("all as {value}\n"),
        default: "admin",
    },
    Case {
        option: "hsm-token-label",
        flag: "flag",
        environment: "environment",
        file: "\"file\"",
        shown: |value| format!("token: {value:?}"),
        default: "claviger",
    },
    Case {
        option: "sqlite-path",
        flag: "flag.db",
        environment: "environment.db",
        file: "\"file.db\"",
        shown: |value| format!("database: {value} "),
        default: "./claviger.db",
    },
];

#[test]
fn the_nearer_place_wins_option_by_option() {
    let place = Place::new();
    for label in ["flag", "environment", "file"] {
        place.token.add(label);
    }
    let file = place.path("config.toml");
    let program = || {
        let mut program = place.program();
        program.env("KMS_HSM_PIN", PIN).env("KMS_CONFIG", &file);
        program
    };
    // All options together, in each number of sources.
    for places in 0..4 {
        let mut command = program();
        let mut text = String::new();
        for case in &CASES {
            if places > 0 {
                text.push_str(&format!("{} = {}\n", case.option, case.file));
            }
            if places > 1 {
                command.env(variable(case.option), case.environment);
            }
            if places > 2 {
                command.arg(format!("--{}={}", case.option, case.flag));
            }
        }
        fs::write(&file, text).unwrap();
        let out = checked(&mut command);
        for case in &CASES {
            let value = [case.default, case.file.trim_matches('"'), case.environment, case.flag][places];
            assert!(out.contains(&(case.shown)(value)), "{places} {}: {out}", case.option);
        }
    }
    // Each option in another source than its neighbours.
    for turn in 0..4 {
        let mut command = program();
        let mut text = String::new();
        for (number, case) in CASES.iter().enumerate() {
            match (number + turn) % 4 {
                1 => text.push_str(&format!("{} = {}\n", case.option, case.file)),
                2 => {
                    command.env(variable(case.option), case.environment);
                }
                3 => {
                    command.arg(format!("--{}", case.option)).arg(case.flag);
                }
                _ => {}
            }
        }
        fs::write(&file, text).unwrap();
        let out = checked(&mut command);
        for (number, case) in CASES.iter().enumerate() {
            let value = [case.default, case.file.trim_matches('"'), case.environment, case.flag][(number + turn) % 4];
            assert!(out.contains(&(case.shown)(value)), "{turn} {}: {out}", case.option);
        }
    }
}

fn variable(option: &str) -> String {
    format!("KMS_{}", option.to_uppercase().replace('-', "_"))
}

#[test]
fn a_switch_can_be_turned_off_nearer_by() {
    let place = Place::new();
    let file = place.path("config.toml");
    let is_forced = |text: &str, environment: Option<&str>, flag: Option<&str>| {
        let more = format!(
            "https-p12-file = {:?}\nhttps_p12_password = {P12_PASSWORD:?}\nauthority-cert-file = {:?}\nhsm_pin_file = {:?}\n{text}",
            place.path("server.p12"),
            place.path("ca.pem"),
            place.token.pin_file,
        );
        fs::write(&file, more).unwrap();
        let mut program = place.program();
        program.arg("--config").arg(&file);
        program.envs(environment.map(|value| ("KMS_FORCE_DEFAULT_USERNAME", value))).args(flag);
        let out = checked(&mut program);
        assert!(
            out.contains("would listen on https://0.0.0.0:9998") && out.contains("identity: CN=localhost"),
            "{out}"
        );
        out.contains("all as admin")
    };
    assert!(!is_forced("", None, None));
    assert!(is_forced("force-default-username = true", None, None));
    assert!(is_forced("force_default_username = true", None, None));
    assert!(!is_forced("force-default-username = true", Some("false"), None));
    assert!(is_forced("force-default-username = false", Some("true"), None));
    assert!(!is_forced("", Some("true"), Some("--force-default-username=false")));
    assert!(is_forced("force-default-username = false", Some("false"), Some("--force-default-username")));
}

/// Returns every file below a directory with the hash of its content, except the file in which SoftHSM records logins,
/// and the shared memory of the database.
fn tree(directory: &Path) -> BTreeMap<PathBuf, [u8; 32]> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(tree(&path));
        } else if !path.ends_with("token.object") && path.extension().is_none_or(|kind| kind != "db-shm") {
            let hash = sha256(&fs::read(&path).unwrap());
            all.insert(path, hash);
        }
    }
    all
}

#[test]
fn a_check_says_what_would_run_and_changes_nothing() {
    let place = Arc::new(Place::new());
    let before = tree(place.directory.path());
    let out = checked(&mut place.command(&Options::default()));
    for text in ["https://127.0.0.1:0", "client certificates of ", "ca.pem", "CN=localhost", "\"claviger\"", "(new)"] {
        assert!(out.contains(text), "{text:?} is not in: {out}");
    }
    assert_eq!(tree(place.directory.path()), before, "without a database");
    // With a running server.
    let server = Server::start_at(Arc::clone(&place), &Options::default());
    let sealed = {
        let mut alice = server.alice().connect().unwrap();
        let id = alice.aes();
        alice.seal(&id, b"before")
    };
    let out = checked(&mut place.command(&Options::default()));
    assert!(out.contains("root keys found in the HSM token"), "{out}");
    assert_eq!(server.alice().connect().unwrap().open(&sealed), b"before");
    let (_, status) = server.stop();
    assert!(status.success());
    let before = tree(place.directory.path());
    let out = checked(&mut place.command(&Options::default()));
    assert!(out.contains("root keys found in the HSM token"), "{out}");
    assert_eq!(tree(place.directory.path()), before, "with a database");
    let server = Server::start_at(place, &Options::default());
    assert_eq!(server.alice().connect().unwrap().open(&sealed), b"before");
}

#[test]
fn a_check_looks_at_the_port_the_database_and_the_key_of_the_api_token() {
    let place = Arc::new(Place::new());
    let (_, id) = place.api_token();
    let check = |arguments: &[&str]| run(place.command(&Options::default()).args(arguments).arg("--check-config"));
    let (status, out, error) = check(&["--api-token-id", &id]);
    assert!(status.success() && out.contains(&format!("the API token of key {id}")), "{out}{error}");
    assert!(!out.contains("now"), "{out}");

    let server = Server::start_at(Arc::clone(&place), &Options::default());
    let port = server.address.port().to_string();
    // Another program has the ports of the KMIP socket and of the probe.
    let others = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [kmip_port, probe_port] = others.each_ref().map(|own| own.local_addr().unwrap().port().to_string());
    let (status, out, error) = check(&["--kmip-hostname=127.0.0.1", "--kmip-port", &kmip_port]);
    assert!(status.success() && out.contains(&format!("\nkmip: 127.0.0.1:{kmip_port} (in use now)\n")), "{out}{error}");
    for (option, value) in [("kmip-port", port.clone()), ("probe-address", format!("127.0.0.1:{port}"))] {
        let expected = format!("--port and --{option} both listen on port {port}: give them different ports");
        for more in [&["--check-config"][..], &[]] {
            let mut command = place.program();
            command.arg("--hsm-pin-file").arg(&place.token.pin_file).arg("--sqlite-path").arg(place.database());
            command.arg("--https-p12-file").arg(place.path("server.p12")).args(["--https-p12-password", P12_PASSWORD]);
            command.arg("--authority-cert-file").arg(place.path("ca.pem")).args([
                "--hostname=0.0.0.0",
                "--port",
                &port,
            ]);
            let (status, _, error) = run(command.arg(format!("--{option}={value}")).args(more));
            assert!(!status.success() && error.contains(&expected), "{more:?}: {error}");
        }
    }
    let command = || {
        let mut command = place.program();
        command.args(["--hostname=127.0.0.1", "--port", &port, "--probe-address", &format!("127.0.0.1:{probe_port}")]);
        command.arg("--hsm-pin-file").arg(&place.token.pin_file).arg("--sqlite-path").arg(place.database());
        command
    };
    let out = checked(&mut command());
    assert!(out.contains(&format!("would listen on http://127.0.0.1:{port} (in use now)")), "{out}");
    assert!(out.contains("\nkmip: off: it needs --https-p12-file"), "{out}");
    assert!(out.contains(&format!("probe: 127.0.0.1:{probe_port} (in use now)")), "{out}");
    assert!(out.contains("another server has it open now"), "{out}");
    // The running server is not affected; a start would be.
    assert_eq!(server.alice().get("/whoami").status, 200);
    let (status, _, error) = run(&mut command());
    assert!(!status.success() && error.contains("claviger.db"), "{error}");

    // With the message of the start.
    let mut admin = server.client(&place.authority.issue(&Leaf::client("admin"))).connect().unwrap();
    let later = admin.new_key(&kmip::create("AES", 256, &[kmip::date("ActivationDate", "2999-01-01T00:00:00Z")]));
    admin.ok(&kmip::revoke(&id, "CessationOfOperation"));
    drop(admin);
    // A revoked key does not prevent the start.
    let (status, out, _) = check(&["--api-token-id", &id]);
    assert!(status.success() && out.contains(&format!("not the API token of key {id}, which is Deactivated")), "{out}");
    let refused = |id: &str| {
        let (status, _, error) = check(&["--api-token-id", id, "--log=error"]);
        assert_eq!(status.code(), Some(1), "{id}");
        assert!(error.contains(&format!("--api-token-id {id}: ")), "{error}");
        error
    };
    let errors = [later.as_str(), "nobody's key"].map(refused);
    server.stop();
    for (id, error) in [later.as_str(), "nobody's key"].into_iter().zip(errors) {
        assert_eq!(refused(id), error, "with and without a server");
        let started = run(place.command(&Options::default()).args(["--api-token-id", id, "--log=error"]));
        assert_eq!((started.0.code(), started.2), (Some(1), error));
    }
    // The state of an earlier version, without the later columns.
    let earlier = Arc::new(Place::new());
    let (_, of_earlier) = earlier.api_token();
    let change = "ALTER TABLE object DROP COLUMN grants; PRAGMA user_version = 1";
    let (status, _, error) = run(Command::new("sqlite3").arg(earlier.database()).arg(change));
    assert!(status.success(), "{error}");
    checked(earlier.command(&Options::default()).args(["--api-token-id", &of_earlier]));

    let nowhere = Place::new();
    let mut command = nowhere.command(&Options::default());
    let (status, _, error) = run(command.args(["--api-token-id", &id, "--check-config"]));
    assert!(!status.success() && error.contains("--api-token-id"), "{error}");
}

#[test]
fn a_check_refuses_as_the_start_would() {
    let place = Place::new();
    let exposed = place.path("exposed");
    fs::write(&exposed, PIN).unwrap();
    fs::write(place.path("notes.txt"), "not a database ".repeat(100)).unwrap();
    let pin = place.token.pin_file.to_str().unwrap();
    for arguments in [
        &["--hsm-pin-file", exposed.to_str().unwrap()][..],
        &["--hsm-pin-file", pin, "--https-p12-file", "/nowhere/server.p12"],
        &["--hsm-pin-file", pin, "--authority-cert-file", "/nowhere/ca.pem"],
        &["--hsm-pin-file", pin, "--hsm-token-label", "another"],
        &["--hsm-pin-file", pin, "--hsm-module", "/nowhere/module.so"],
        &["--hsm-pin-file", pin, "--sqlite-path", "notes.txt"],
        &["--hsm-pin-file", pin, "--config", "/nowhere/config.toml"],
        &["--hsm-pin-file", pin, "--default-username", "*"],
        &[],
        &["--hsm-pin-file", pin, "--hostname", "192.0.2.1"],
        &["--hsm-pin-file", pin, "--probe-address", "192.0.2.1:9"],
    ] {
        let program = || {
            let mut program = place.program();
            program.args(["--port", "0", "--log", "error"]).args(arguments);
            program
        };
        let started = run(&mut program());
        let checked = run(program().arg("--check-config"));
        assert_eq!(started, checked, "{arguments:?}");
        assert_eq!(started.0.code(), Some(1), "{arguments:?}");
    }
}

#[test]
fn without_an_authority_only_this_machine_is_listened_to() {
    let place = Arc::new(Place::new());
    let spawn = |arguments: &[&str]| {
        let mut program = place.program();
        program.args(["--port", "0", "--hsm-pin-file"]).arg(&place.token.pin_file).args(arguments);
        Server::spawn(Arc::clone(&place), program, &Options::default()).unwrap()
    };
    let server = spawn(&[]);
    assert_eq!(server.address.ip().to_string(), "127.0.0.1");
    assert_ne!(server.address.port(), 0);
    assert_eq!(Client::plain(server.address).get("/whoami").json(), json!({"username": "admin", "method": "default"}));
    assert!(server.log().contains("no authentication") && server.log().contains("plain HTTP"), "{}", server.log());
    server.stop();
    // TLS without client certificates does not authenticate callers.
    let identity = ["--https-p12-file", "server.p12", "--https-p12-password", P12_PASSWORD];
    let server = spawn(&identity);
    assert_eq!(server.address.ip().to_string(), "127.0.0.1");
    assert_eq!(server.nobody().get("/whoami").json(), json!({"username": "admin", "method": "default"}));
    server.stop();
    let server = spawn(&[&identity[..], &["--authority-cert-file", "ca.pem"]].concat());
    assert_eq!(server.address.ip().to_string(), "0.0.0.0");
    let near = std::net::SocketAddr::from(([127, 0, 0, 1], server.address.port()));
    let alice = Client::tls(near, &place.authority.certificate, Some(&place.alice));
    assert_eq!(alice.get("/whoami").json(), json!({"username": "alice", "method": "certificate"}));
}
