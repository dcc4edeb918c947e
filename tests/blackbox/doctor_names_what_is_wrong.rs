//! `claviger doctor` connects step by step, and names the first thing that is wrong, with its remedy. The server's log
//! says what it saw of a refused certificate, and what it wanted.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use openssl::nid::Nid;
use serde_json::Value;

use crate::harness::cli::{NOT_AUTHENTICATED, NOT_FOUND, NOT_PERMITTED, PASSWORD, UNAVAILABLE};
use crate::harness::server::{P12_PASSWORD, Place};
use crate::harness::{Authority, Cli, Identity, Leaf, Options, Server, clock, eventually};

/// What a diagnosis must say.
struct Expected<'a> {
    fault: &'a str,
    step: &'a str,
    status: i32,
    /// Words of what is wrong.
    detail: &'a [&'a str],
    /// Words of the remedy.
    remedy: &'a str,
}

/// Runs a diagnosis that must find this fault, for people and for programs.
#[track_caller]
fn finds(cli: &Cli, more: &[&str], expected: &Expected<'_>) {
    let line = [&["doctor"], more].concat();
    let output = cli.output(&[&line[..], &["--json"]].concat(), b"");
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(expected.status), "{told}");
    assert!(output.stderr.is_empty(), "{told}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["fault"], &json["exit_status"]), (&expected.fault.into(), &expected.status.into()), "{json}");
    let steps = json["steps"].as_array().unwrap();
    let (wrong, good) = steps.split_last().unwrap();
    assert!(good.iter().all(|step| step["outcome"] == "ok" || step["outcome"] == "warn"), "{json}");
    assert_eq!((&wrong["outcome"], &wrong["step"]), (&"wrong".into(), &expected.step.into()), "{json}");
    for word in expected.detail {
        assert!(wrong["detail"].as_str().unwrap().contains(word), "{word:?} is not in {json}");
    }
    assert!(json["remedy"].as_str().unwrap().contains(expected.remedy), "{json}");
    let output = cli.output(&line, b"");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), text.lines().count()), (Some(expected.status), steps.len() + 1), "{text}");
    let last: Vec<&str> = text.lines().rev().take(2).collect();
    assert!(
        last[1].starts_with(&format!("wrong  {}", expected.step)) && last[0].trim_start().starts_with("remedy"),
        "{text}"
    );
    assert!(text.contains(expected.remedy), "{text}");
}

/// Starts a server whose certificate is this one.
fn server_with(identity: impl Fn(&Authority) -> Identity) -> Server {
    let place = Place::new();
    fs::write(place.path("server.p12"), identity(&place.authority).pkcs12(P12_PASSWORD)).unwrap();
    Server::start_at(Arc::new(place), &Options::default())
}

#[test]
fn of_a_client() {
    let server = Server::start();
    let authority = &server.place.authority;
    let url = format!("https://localhost:{}", server.address.port());
    let alice = Cli::alice(&server);
    let key = alice.create(&["--name", "payroll"]);
    // Nothing is wrong.
    let json = alice.json(&["doctor", "-k", "payroll", "--operation", "encrypt"]);
    assert_eq!((&json["fault"], &json["exit_status"]), (&Value::Null, &0.into()), "{json}");
    let names: Vec<&str> = json["steps"].as_array().unwrap().iter().map(|own| own["step"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["settings", "certificate", "name", "connection", "TLS", "server", "clock", "health", "caller", "key"]
    );
    let told = alice.ok(&["doctor", "-k", &key]);
    for words in ["you are alice by certificate", "you may encrypt, decrypt", "trusted because of CN=Test authority"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    // A wrong authority: of another name, and of the same name with another key.
    for name in ["Another authority", "Test authority"] {
        alice.write("other.pem", &Authority::new(name).pem());
        let detail = ["CN=localhost was issued by CN=Test authority", &format!("other.pem has CN={name}")];
        let expected = Expected { fault: "wrong-ca", step: "TLS", status: 1, detail: &detail, remedy: "--ca-file" };
        finds(&alice, &["--ca-file", "other.pem"], &expected);
    }
    // No certificate where one is required.
    let nobody = Cli::bare(&server, "nobody").knowing(&server);
    let expected = Expected {
        fault: "no-certificate",
        step: "certificate",
        status: NOT_AUTHENTICATED,
        detail: &["the server demands a client certificate"],
        remedy: "--client-p12",
    };
    finds(&nobody, &[], &expected);
    // A certificate of another authority.
    let foreign = Cli::new(&server, "foreign", &Authority::new("Foreign authority").issue(&Leaf::client("alice")));
    let expected = Expected {
        fault: "foreign-certificate",
        step: "certificate",
        status: NOT_AUTHENTICATED,
        detail: &["refuses your certificate CN=alice, issued by CN=Foreign authority", "unknown ca"],
        remedy: "--authority-cert-file",
    };
    finds(&foreign, &[], &expected);
    // A certificate that has expired, is not valid yet, or is for a server.
    for (leaf, fault, detail) in [
        (Leaf { not_before: -9, not_after: -2, ..Leaf::client("alice") }, "certificate-expired", "expired on "),
        (Leaf { not_before: 3, ..Leaf::client("alice") }, "clock", "the clock says"),
        (Leaf { subject: Leaf::client("alice").subject, ..Leaf::server() }, "certificate-purpose", "is for serverAuth"),
    ] {
        let cli = Cli::new(&server, fault, &authority.issue(&leaf));
        let remedy = if fault == "clock" { "set the clock" } else { "claviger pki client" };
        let expected = Expected { fault, step: "certificate", status: 1, detail: &["CN=alice", detail], remedy };
        finds(&cli, &[], &expected);
    }
    // A closed port, and a name without an address.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let expected = Expected {
        fault: "no-connection",
        step: "connection",
        status: UNAVAILABLE,
        detail: &[&closed.to_string(), "refused"],
        remedy: "start the server",
    };
    finds(&alice, &["--url", &format!("https://{closed}")], &expected);
    let expected = Expected {
        fault: "no-address",
        step: "name",
        status: UNAVAILABLE,
        detail: &["kms.invalid cannot be resolved"],
        remedy: "--url",
    };
    finds(&alice, &["--url", "https://kms.invalid:9998"], &expected);
    // Files that are not there.
    let missing = alice.path("missing.pem").display().to_string();
    alice.write("empty.pem", b"");
    alice.write("key.pem", &authority.key.private_key_to_pem_pkcs8().unwrap());
    for (more, detail) in [
        (["--ca-file", &missing], "missing.pem"),
        (["--ca-file", "empty.pem"], "empty.pem is not a list of PEM certificates: it holds no certificate"),
        (["--ca-file", "key.pem"], "it holds no certificate: it holds a \"PRIVATE KEY\" (line 1)"),
        (["--url", "localhost"], "--url: "),
        (["--client-cert-file", "own.pem"], "--client-cert-file"),
    ] {
        let expected = Expected { fault: "settings", step: "settings", status: 1, detail: &[detail], remedy: "--help" };
        finds(&alice, &more, &expected);
    }
    // No permission: on a key that bob does not know, and for an operation that was not granted.
    let bob = Cli::bob(&server);
    let expected = Expected {
        fault: "no-permission",
        step: "key",
        status: NOT_FOUND,
        detail: &[&key],
        remedy: "claviger access-rights grant --user bob",
    };
    finds(&bob, &["-k", &key], &expected);
    finds(&bob, &["-k", "payroll"], &Expected { detail: &["payroll"], remedy: "-k IDENTIFIER encrypt", ..expected });
    alice.quiet(&["access-rights", "grant", "--user", "bob", "-k", &key, "decrypt"]);
    let told = bob.ok(&["doctor", "-k", &key]);
    assert!(told.contains("you may decrypt: by your rights; you may not read the key's attributes"), "{told}");
    let expected = Expected {
        fault: "no-permission",
        step: "key",
        status: NOT_PERMITTED,
        detail: &["you may not encrypt with"],
        remedy: &format!("--user bob -k {key} encrypt"),
    };
    finds(&bob, &["-k", &key, "--operation", "decrypt", "--operation", "encrypt"], &expected);
    // Who has the name of a key that may be found gets a remedy with its identifier.
    alice.quiet(&["access-rights", "grant", "--user", "bob", "-k", &key, "get_attributes"]);
    finds(&bob, &["-k", "payroll", "--operation", "encrypt"], &expected);
    alice.quiet(&["access-rights", "revoke", "--user", "bob", "-k", &key, "get_attributes"]);
    // TLS and plain HTTP are mixed up.
    let plain = url.replace("https", "http");
    let expected = Expected {
        fault: "closed",
        step: "server",
        status: UNAVAILABLE,
        detail: &["closed the connection"],
        remedy: "https://localhost",
    };
    finds(&Cli::bare(&server, "plain").with("CLAVIGER_URL", plain), &[], &expected);
    handshakes_are_told(&server);
}

/// The log of the server about the handshakes of [`of_a_client`].
fn handshakes_are_told(server: &Server) {
    let wanted = "wanted=\"a valid certificate for clientAuth, issued by CN=Test authority\"";
    for words in [
        &["peer did not return a certificate", "seen=\"no certificate\"", wanted][..],
        &["seen=\"CN=alice, issued by CN=Foreign authority, valid from 20", " until 20", ", for clientAuth\"", wanted],
    ] {
        let has = || server.log().lines().any(|line| words.iter().all(|word| line.contains(word))).then_some(());
        eventually(words[0], has);
    }
}

#[test]
fn of_a_key() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    let key = |more: &[&str]| alice.ok(&[&["keys", "create"], more].concat()).lines().next().unwrap().to_owned();
    // An Active key is for what its mask permits.
    let id = key(&[]);
    let told = alice.ok(&["doctor", "-k", &id]);
    assert!(told.contains("you may encrypt, decrypt, revoke, destroy; not sign, "), "{told}");
    assert!(told.contains("its Cryptographic Usage Mask permits only Encrypt, Decrypt\n"), "{told}");
    let is_wrong = |id: &str, operation: &str, why: &str, remedy: &str| {
        let expected = Expected {
            fault: "unusable-key",
            step: "key",
            status: 1,
            detail: &[&format!("you have the right to {operation} with {id}"), why],
            remedy,
        };
        finds(&alice, &["-k", id, "--operation", operation], &expected);
    };
    is_wrong(&id, "sign", "permits only Encrypt, Decrypt", "Sign: claviger keys create --usage");
    is_wrong(&id, "get", "it never leaves the HSM", "--exportable");
    // A Deactivated key still decrypts, which is said with a warning.
    alice.quiet(&["keys", "revoke", "--yes", &id]);
    let json = alice.json(&["doctor", "-k", &id]);
    let steps = json["steps"].as_array().unwrap();
    let [.., good, warning] = steps.as_slice() else { panic!("{json}") };
    assert_eq!((&json["fault"], &good["outcome"], &warning["outcome"]), (&Value::Null, &"ok".into(), &"warn".into()));
    assert!(good["detail"].as_str().unwrap().contains("you may decrypt, "), "{json}");
    assert!(
        warning["detail"].as_str().unwrap().contains("not encrypt, because it is Deactivated: use another"),
        "{json}"
    );
    is_wrong(&id, "encrypt", "it is Deactivated", "claviger keys create");
    assert_eq!(alice.json(&["doctor", "-k", &id, "--operation", "decrypt"])["fault"], Value::Null);
    // A Pre-Active key has no use yet.
    let id = key(&["--pre-active"]);
    let remedy = format!("claviger keys activate {id}");
    is_wrong(&id, "encrypt", "it is PreActive", &remedy);
    let detail = [&*format!("the right to encrypt, decrypt with {id}, but it is PreActive")];
    finds(
        &alice,
        &["-k", &id],
        &Expected { fault: "unusable-key", step: "key", status: 1, detail: &detail, remedy: &remedy },
    );
    // The kind of a pair's half, and an object that is not a key.
    let id = key(&["--type", "ed25519"]);
    is_wrong(&id, "encrypt", "permits only Sign", "Encrypt: claviger keys create --usage");
    alice.write("note", b"data");
    let id = alice.ok(&["opaque", "register", "note"]);
    is_wrong(id.trim_end(), "encrypt", "it is a OpaqueObject, which no operation uses", "name a key");
}

#[test]
fn of_a_port_and_of_a_credential() {
    let arguments = ["--kmip-port", "0", "--client-cert=optional", "--probe-address=127.0.0.1:0"];
    let server = Server::start_with(&Options::default().with(&arguments));
    let alice = Cli::alice(&server);
    // The KMIP port, the probe port, and another program.
    let kmip = format!("https://localhost:{}", server.kmip.unwrap().port());
    let not_claviger = |detail, remedy| Expected { fault: "not-claviger", step: "server", status: 1, detail, remedy };
    finds(&alice, &["--url", &kmip], &not_claviger(&["the exchange with"], "this may be the KMIP port"));
    let probe = server.probe_address();
    let bare = Cli::bare(&server, "bare");
    finds(&bare, &["--url", &format!("http://{probe}")], &not_claviger(&["404"], "this may be the probe port"));
    // No credential, and one that is refused.
    let nobody = Cli::bare(&server, "nobody").knowing(&server);
    let expected = Expected {
        fault: "no-certificate",
        step: "certificate",
        status: NOT_AUTHENTICATED,
        detail: &["the server wants a client certificate or a bearer token, and none is given"],
        remedy: "--access-token",
    };
    finds(&nobody, &[], &expected);
    for (name, subject, has) in [
        ("none", vec![(Nid::ORGANIZATIONNAME, "alice".to_owned())], "has no CN"),
        ("two", vec![(Nid::COMMONNAME, "alice".to_owned()), (Nid::COMMONNAME, "bob".to_owned())], "has 2 CNs"),
    ] {
        let cli = Cli::new(&server, name, &server.place.authority.issue(&Leaf { subject, ..Leaf::client("alice") }));
        let expected = Expected {
            fault: "not-authenticated",
            step: "caller",
            status: NOT_AUTHENTICATED,
            detail: &["your certificate", has],
            remedy: "not authenticated",
        };
        finds(&cli, &[], &expected);
    }
}

/// Answers one request as a server of another version does.
fn other_version(mut stream: TcpStream) {
    let mut head = String::new();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    // The first connection is for the connection only.
    while lines.read_line(&mut head).unwrap_or_default() > 0 && !head.ends_with("\r\n\r\n") {}
    let body = if head.contains("/server-info") { r#"{"version":"9.9.9"}"# } else { "{}" };
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n");
    let _ = stream.write_all(format!("{answer}Connection: close\r\n\r\n{body}").as_bytes());
}

#[test]
fn of_failures_and_versions() {
    let limited = Server::start_with(&Options::default().with(&["--client-cert=optional", "--auth-failure-limit=1"]));
    let expected = Expected {
        fault: "too-many-requests",
        step: "caller",
        status: UNAVAILABLE,
        detail: &["too many failed attempts from this address"],
        remedy: "wait a minute",
    };
    let stranger = Cli::bare(&limited, "stranger").knowing(&limited).with("CLAVIGER_ACCESS_TOKEN", "wrong");
    let is_limited = || stranger.output(&["doctor"], b"").status.code().filter(|status| *status == UNAVAILABLE);
    eventually("the failures are limited", is_limited);
    finds(&stranger, &[], &expected);
    // A server of another version, which then says that it is healthy and that it has no such caller.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        listener.incoming().for_each(|stream| drop(thread::spawn(|| other_version(stream.unwrap()))))
    });
    let output = stranger.without("CLAVIGER_CA_FILE").output(&["doctor", "--url", &url], b"");
    let told = String::from_utf8(output.stdout).unwrap();
    let line = told.lines().find(|line| line.contains("9.9.9")).unwrap_or_else(|| panic!("{told}"));
    assert!(line.starts_with("warn   server") && line.ends_with("use programs of one version"), "{told}");
}

#[test]
fn of_a_server() {
    // Its certificate has expired, or is not valid yet, or is for a client.
    for (leaf, fault, detail, remedy) in [
        (
            Leaf { not_before: -9, not_after: -2, ..Leaf::server() },
            "server-expired",
            "CN=localhost of the server expired on ",
            "claviger pki server",
        ),
        (Leaf { not_before: 3, ..Leaf::server() }, "clock", "CN=localhost of the server begins on ", "set the clock"),
        (Leaf { client: true, server: false, ..Leaf::server() }, "server-purpose", "is for clientAuth", "serverAuth"),
    ] {
        let server = server_with(|authority| authority.issue(&leaf));
        let expected = Expected { fault, step: "TLS", status: 1, detail: &[detail], remedy };
        finds(&Cli::alice(&server), &[], &expected);
    }
    // It is for another name.
    let place = Arc::new(Place::new());
    let cli = Cli::at(place.directory.path()).with("CLAVIGER_PKI_PASSWORD", PASSWORD);
    for arguments in
        [&["pki", "init"][..], &["pki", "server", "server", "kms.example.com", "10.0.0.7"], &["pki", "client", "alice"]]
    {
        cli.json(arguments);
    }
    let options = Options { plain: true, ..Options::default() };
    let files = ["--https-p12-file", "pki/server.p12", "--https-p12-password-file", "pki/server.password"];
    let server = Server::start_at(place, &options.with(&files).with(&["--authority-cert-file", "pki/ca.pem"]));
    let files = [
        "--client-p12",
        "pki/alice.p12",
        "--client-p12-password-file",
        "pki/alice.password",
        "--ca-file",
        "pki/ca.pem",
    ];
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}", server.address.port());
        let expected = Expected {
            fault: "wrong-name",
            step: "TLS",
            status: 1,
            detail: &[&format!("is for kms.example.com, 10.0.0.7, not for {host}")],
            remedy: "--url",
        };
        finds(&cli, &[&files[..], &["--url", &url]].concat(), &expected);
    }
    // It speaks plain HTTP.
    let server = Server::start_with(&options);
    let cli = Cli::alice(&server).with("CLAVIGER_URL", format!("https://localhost:{}", server.address.port()));
    let expected = Expected {
        fault: "plain-http",
        step: "TLS",
        status: 1,
        detail: &["does not speak TLS"],
        remedy: "--https-p12-file",
    };
    finds(&cli, &[], &expected);
}

#[test]
fn of_clocks_and_of_the_hsm() {
    let place = Arc::new(Place::new());
    let server = Server::start_at(Arc::clone(&place), &clock::moved(&place, Options::default()));
    let alice = Cli::alice(&server);
    assert_eq!(alice.json(&["doctor"])["fault"], Value::Null);
    // The HSM token is unavailable.
    let aside = place.path("aside");
    fs::rename(&place.token.tokens, &aside).unwrap();
    let is_unavailable = || alice.output(&["doctor"], b"").status.code().filter(|status| *status == UNAVAILABLE);
    eventually("the HSM token is unavailable", is_unavailable);
    let expected = Expected {
        fault: "hsm-unavailable",
        step: "health",
        status: UNAVAILABLE,
        detail: &["HSM token is unavailable"],
        remedy: "look at the HSM and its PIN",
    };
    finds(&alice, &[], &expected);
    fs::rename(&aside, &place.token.tokens).unwrap();
    eventually("the token is back", || alice.output(&["doctor"], b"").status.success().then_some(()));
    // The clock of one machine is off.
    clock::advance(&place, 3600);
    let expected = Expected {
        fault: "clock",
        step: "clock",
        status: 1,
        detail: &["the clock of this machine is 3", " s behind the server's"],
        remedy: "set both clocks",
    };
    eventually("the server's date moves", || (!alice.output(&["doctor"], b"").status.success()).then_some(()));
    finds(&alice, &[], &expected);
}
