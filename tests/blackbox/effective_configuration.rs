//! `--print-config` says what is in force and why, `--check-config` and the log of a start say who may do what and which
//! certificates end.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::Arc;

use crate::harness::server::{P12_PASSWORD, Place, run};
use crate::harness::token::PIN;
use crate::harness::{Authority, Leaf, Options, Root, Server};

/// Returns what `--print-config` prints: the value and the comment of each key, and all of the text.
fn printed(command: &mut Command) -> (BTreeMap<String, (String, String)>, String) {
    let (status, out, error) = run(command.arg("--print-config"));
    assert!(status.success(), "{error}");
    assert!(!out.contains(P12_PASSWORD) && !out.contains(PIN) && error.is_empty(), "{out}{error}");
    let lines = out.lines().filter(|line| !line.starts_with('#'));
    let entry = |line: &str| {
        let (key, rest) = line.split_once(" = ").unwrap();
        let (value, comment) = rest.split_once(" # ").unwrap_or((rest, ""));
        (key.to_owned(), (value.trim().to_owned(), comment.to_owned()))
    };
    (lines.map(entry).collect(), out)
}

#[test]
fn each_value_has_its_source() {
    let place = Place::new();
    let file = "hostname = \"127.0.0.1\"\n# a comment\nport = 4444\nkmip_port = \"off\"\nadministrators = [\"root\", \"a,b\"]\n\
                authority-cert-file = \"ca.pem\"\nhttps-p12-file = \"server.p12\"\nhttps-p12-password = \"";
    fs::write(place.path("own.toml"), format!("{file}{P12_PASSWORD}\"\n")).unwrap();
    let command = || {
        let mut command = place.program();
        command.args(["--config", "own.toml", "--port=5555", "--jwt-issuer-uri=https://a.example"]);
        command.args(["--jwt-issuer-uri=https://b.example", "--jwt-audience=for-b", "--log", "claviger=debug"]);
        command.env("KMS_HSM_PIN", PIN).env("KMS_CRL_FILE", "[one.pem, two.pem]").env("KMS_LOG_FORMAT", "json");
        command
    };
    let (values, out) = printed(&mut command());
    for (key, value, comment) in [
        ("hostname", "\"127.0.0.1\"", "own.toml, line 1"),
        ("port", "5555", "--port"),
        ("kmip-port", "\"off\"", "own.toml, line 4"),
        ("administrators", "[\"root\", \"a,b\"]", "own.toml, line 5"),
        ("authority-cert-file", "[\"ca.pem\"]", "own.toml, line 6"),
        ("crl-file", "[\"one.pem\", \"two.pem\"]", "KMS_CRL_FILE"),
        ("log-format", "\"json\"", "KMS_LOG_FORMAT"),
        ("jwt-audience", "\"[,for-b]\"", "--jwt-audience"),
        (
            "jwks-uri",
            "[\"https://a.example/.well-known/jwks.json\", \"https://b.example/.well-known/jwks.json\"]",
            "default",
        ),
        ("client-cert", "\"required\"", "default"),
        ("sqlite-path", "\"./claviger.db\"", "default"),
        ("audit-file", "\"./claviger.audit.jsonl\"", "default"),
        ("gcm-limit", "4294967296", "default"),
        ("cache-size", "256", "default"),
    ] {
        assert_eq!(values.get(key), Some(&(value.to_owned(), comment.to_owned())), "{key}: {out}");
    }
    for line in ["# https-p12-password is not shown", "# the PIN is not shown", "# policy-file is not set"] {
        assert!(out.lines().any(|own| own.starts_with(line)), "{line}: {out}");
    }
    // Every option of the help has a line.
    let (_, help, _) = run(place.program().arg("--help"));
    let options = help.lines().filter_map(|line| {
        line.trim_start().strip_prefix("--")?.split(|c: char| c != '-' && !c.is_ascii_alphanumeric()).next()
    });
    let commands = ["config", "check-config", "print-config", "check-store", "check-hsm", "backup", "migrate-to"];
    let others = ["migrate-with-findings", "help", "version"];
    for option in options.filter(|option| !commands.contains(option) && !others.contains(option)) {
        let has = |line: &str| line.trim_start_matches("# ").trim_start_matches("--").split(' ').next() == Some(option);
        assert!(out.lines().any(has), "{option}: {out}");
    }
    // The text is a configuration file with the same values.
    fs::write(place.path("again.toml"), &out).unwrap();
    let mut again = place.program();
    again.args(["--config", "again.toml"]).env("KMS_HSM_PIN", PIN).env("KMS_HTTPS_P12_PASSWORD", P12_PASSWORD);
    let only_values = |all: &BTreeMap<String, (String, String)>| -> BTreeMap<String, String> {
        all.iter().map(|(key, (value, _))| (key.clone(), value.clone())).collect()
    };
    let (same, text) = printed(&mut again);
    assert_eq!(only_values(&same), only_values(&values), "{text}");
    // An invalid configuration has no effect to print.
    let (status, out, error) = run(command().args(["--print-config", "--jwt-leeway=60"]).env("KMS_CREATE", "a,b"));
    assert!(status.code() == Some(1) && out.is_empty() && error.contains("KMS_CREATE"), "{out}{error}");
}

#[test]
fn a_check_and_a_start_name_who_administers_and_what_ends() {
    let mut place = Place::new();
    place.authority = Authority::of(&Root { not_after: 9, ..Root::new("Ending authority") });
    let gone = Authority::of(&Root { not_before: -9, not_after: -3, ..Root::new("Former authority") });
    fs::write(place.path("ca.pem"), [place.authority.pem(), gone.pem()].concat()).unwrap();
    let expired = place.authority.issue(&Leaf { not_before: -9, not_after: -2, ..Leaf::server() });
    fs::write(place.path("server.p12"), expired.pkcs12(P12_PASSWORD)).unwrap();
    let policy = "administrators = [\"root\"]\ncreate = [\"role:maker\"]\nauditors = [\"audrey\"]\nrecoverers = [\"rita\", \"rolf\"]\n\
                  [roles.maker]\ncapabilities = []\npolicies = []\n";
    fs::write(place.path("policy.toml"), policy).unwrap();
    let options = Options::default().with(&["--policy-file", "policy.toml"]);
    let (status, out, error) = run(place.command(&options).arg("--check-config"));
    assert!(status.success(), "{error}");
    for line in [
        "administrators: root",
        "may create objects: role:maker",
        "auditors: audrey",
        "recoverers: rita, rolf",
        "warning: the server's certificate CN=localhost has expired on ",
        "warning: the authority CN=Ending authority expires on ",
        "warning: the authority CN=Former authority has expired on ",
    ] {
        assert!(out.lines().any(|own| own.starts_with(line)), "{line}: {out}");
    }
    let server = Server::start_at(Arc::new(place), &options);
    let log = server.log();
    for words in [
        &["clavigerd starts version=\"", "pid="][..],
        &["callers by=\"client certificates of ", "ca.pem\""],
        &["administrators: root; may create objects: role:maker; auditors: audrey; recoverers: rita, rolf"],
        &["WARN", "the server's certificate CN=localhost has expired on "],
        &["WARN", "the authority CN=Ending authority expires on "],
        &["WARN", "the authority CN=Former authority has expired on "],
        &["tried the abilities of the token label=\"claviger\"", "lacking="],
    ] {
        assert!(log.lines().any(|line| words.iter().all(|word| line.contains(word))), "{words:?}: {log}");
    }
    // Clients refuse a certificate for another purpose, or without a name.
    let place = Place::new();
    let leaf = Leaf { subject: Leaf::server().subject, ..Leaf::client("localhost") };
    fs::write(place.path("server.p12"), place.authority.issue(&leaf).pkcs12(P12_PASSWORD)).unwrap();
    let (status, out, _) = run(place.command(&Options::default()).arg("--check-config"));
    let expected = [
        "warning: the server's certificate CN=localhost is for clientAuth, so clients refuse it: give one for serverAuth",
        "warning: the server's certificate CN=localhost has no subjectAltName",
    ];
    assert!(status.success() && expected.iter().all(|words| out.contains(words)), "{out}");
    // Without authentication, the default user administers, and certificates that last are not mentioned.
    let place = Place::new();
    let (_, out, _) = run(place.command(&Options { plain: true, ..Options::default() }).arg("--check-config"));
    assert!(out.contains("administrators: admin\n") && !out.contains("warning"), "{out}");
    let (_, out, _) = run(place.command(&Options::default()).arg("--check-config"));
    assert!(out.contains("administrators: none\nmay create objects: every authenticated caller\n"), "{out}");
    assert!(out.contains("identity: CN=localhost, until ") && !out.contains("warning"), "{out}");
}
