//! If `claviger` cannot reach its server, it prints one line with the reason and what to try.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use openssl::nid::Nid;

use crate::harness::cli::{ACCESS_TOKEN, PASSWORD};
use crate::harness::{Authority, Cli, Leaf, Options, Server};

/// A port of the system on which no program listens.
const NOBODY: &str = "https://127.0.0.1:1";

#[test]
fn who_is_not_known_is_told_why() {
    let server = Server::start();
    let none = Cli::bare(&server, "none").knowing(&server);
    none.fails_with(&["whoami"], &["demands a client certificate: give --client-p12"]);

    // The same names, from another authority.
    let foreign = Authority::new("Test authority").issue(&Leaf::client("alice"));
    Cli::new(&server, "foreign", &foreign).fails_with(
        &["whoami"],
        &["refuses the client certificate: ", "is it issued by an authority that the server trusts"],
    );
    let expired = server.place.authority.issue(&Leaf { not_before: -9, not_after: -1, ..Leaf::client("alice") });
    Cli::new(&server, "expired", &expired)
        .fails_with(&["whoami"], &["refuses the client certificate: ", "still valid?"]);
    let for_servers = server.place.authority.issue(&Leaf::server());
    Cli::new(&server, "for servers", &for_servers).fails_with(&["whoami"], &["refuses the client certificate: "]);

    // It is valid in the handshake, but has no user name.
    let subject = vec![(Nid::ORGANIZATIONNAME, "Example".to_owned())];
    let nameless = server.place.authority.issue(&Leaf { subject, ..Leaf::client("") });
    let nameless = Cli::new(&server, "nameless", &nameless);
    for command in [&["whoami"][..], &["sym", "keys", "create"]] {
        nameless.fails_with(command, &["not authenticated: ", "does the certificate have one CN"]);
    }
}

#[test]
fn who_answers_is_checked() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    fs::write(alice.path("foreign.pem"), Authority::new("Test authority").pem()).unwrap();
    let untrusted = ["is not trusted: ", "give --ca-file with the authority that issued it"];
    for command in [&["whoami"][..], &["sym", "keys", "create"]] {
        alice.fails_with(&[command, &["--ca-file", "foreign.pem"]].concat(), &untrusted);
    }
    Cli::alice(&server).without("CLAVIGER_CA_FILE").fails_with(&["whoami"], &untrusted);
    assert_eq!(alice.locate(&[]), [""; 0]);

    alice.write("text.pem", b"no certificate");
    alice.fails_with(&["whoami", "--ca-file", "text.pem"], &["text.pem is not a list of PEM certificates"]);
    alice.fails_with(&["whoami", "--ca-file", "missing.pem"], &["cannot read the CA file missing.pem: "]);
}

#[test]
fn no_answer_and_other_answers() {
    let server = Server::start();
    let plain = Server::start_with(&Options { plain: true, ..Options::default() });
    let alice = Cli::alice(&server);
    let nobody = Cli::bare(&server, "nobody");
    let running = ["cannot connect to https://127.0.0.1:1", "is the server running, and is --url right?"];
    alice.fails_with(&["sym", "keys", "create", "--url", NOBODY], &running);
    nobody.fails_with(&["whoami", "--url", NOBODY], &running);
    nobody.fails_with(&["whoami", "--url", "https://no-such-host.invalid"], &["no-such-host.invalid", "check --url"]);
    // This program prints its own version also without the server.
    let version = nobody.ok(&["version", "--url", NOBODY]);
    assert!(version.starts_with("claviger 0.") && version.contains("\nserver not reached: "), "{version}");
    let version = nobody.json(&["version", "--url", NOBODY]);
    assert!(version["server"].is_null() && version["reason"].is_string(), "{version}");
    let version = alice.json(&["version"]);
    assert_eq!(version["version"], version["server"]["version"]);

    let (tls, http) = (format!("http://{}", server.address), format!("https://{}", plain.address));
    alice.fails_with(&["whoami", "--url", &tls], &["sent only by https://"]);
    let said = nobody.fails(&["whoami", "--url", &tls]);
    assert!(said.contains("https://"), "{said}");
    nobody.fails_with(&["whoami", "--url", &http], &["does not speak TLS", "http:// if that is meant"]);
    let plain = format!("http://{}", plain.address);
    assert_eq!(nobody.ok(&["whoami", "--url", &plain]), "username: admin\nmethod: default\n");
    // Another path on the right server.
    nobody.fails_with(&["whoami", "--url", &format!("{plain}/nowhere")], &["is this the URL of a Claviger server?"]);

    // The system accepts the connection, but no program answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    nobody.fails_with(&["whoami", "--timeout", "1", "--url", &silent], &["no answer from", "within 1 s", "--timeout"]);
}

#[test]
fn the_files_of_the_identity() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    // The last line end is not part of a password.
    for end in ["", "\n", "\r\n"] {
        alice.write("own.password", format!("{PASSWORD}{end}").as_bytes());
        assert_eq!(alice.ok(&["whoami"]), "username: alice\nmethod: certificate\n");
    }
    let wrong = ["wrong password for the PKCS#12 file own.p12", "--client-p12-password-file"];
    for password in ["another", "", &format!("{PASSWORD} "), &format!("{PASSWORD}\n\n")] {
        alice.write("other.password", password.as_bytes());
        alice.fails_with(&["whoami", "--client-p12-password-file", "other.password"], &wrong);
    }
    let alice = alice.without("CLAVIGER_CLIENT_P12_PASSWORD_FILE");
    alice.fails_with(&["whoami"], &wrong);
    alice
        .fails_with(&["whoami", "--client-p12-password-file", "missing"], &["cannot read the password file missing: "]);
    let alice = alice.with("CLAVIGER_CLIENT_P12_PASSWORD", PASSWORD);
    assert_eq!(alice.ok(&["whoami"]), "username: alice\nmethod: certificate\n");

    alice.write("text.p12", b"no PKCS#12");
    alice.fails_with(&["whoami", "--client-p12", "text.p12"], &["text.p12 is not a PKCS#12 file"]);
    alice.fails_with(&["whoami", "--client-p12", "missing.p12"], &["cannot read the PKCS#12 file missing.p12: "]);
    let pem = server.place.alice.certificate.to_pem().unwrap();
    alice.write("only.pem", &pem);
    let alone = ["pkcs12", "-export", "-nokeys", "-in", "only.pem", "-out", "only.p12", "-passout", "pass:p"];
    let made = Command::new("openssl").args(alone).current_dir(&alice.directory).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    alice
        .with("CLAVIGER_CLIENT_P12_PASSWORD", "p")
        .fails_with(&["whoami", "--client-p12", "only.p12"], &["only.p12", "no private key"]);
}

#[test]
fn a_legacy_identity_is_told_apart_and_the_advice_works() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    let identity = &server.place.alice;
    let pem = [identity.key.private_key_to_pem_pkcs8().unwrap(), identity.certificate.to_pem().unwrap()].concat();
    alice.write("own.pem", &pem);
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).current_dir(&alice.directory).output().unwrap();
        output.status.success()
    };
    let password = format!("pass:{PASSWORD}");
    if !openssl(&["pkcs12", "-legacy", "-export", "-in", "own.pem", "-out", "own.p12", "-passout", &password]) {
        eprintln!("this OpenSSL has no legacy provider");
        return;
    }
    let said = alice.fails(&["whoami"]);
    assert!(said.contains("own.p12 is encrypted with a legacy algorithm"), "{said}");
    // The advice is a command line between backticks; this test gives the values that it asks for by options.
    let advice = said.split('`').nth(1).unwrap();
    for command in advice.split(" && ") {
        let words: Vec<_> = command.split(' ').collect();
        match words.split_first().unwrap() {
            (&"openssl", words) => {
                let mut words = words.to_vec();
                words.extend(["-passin", &password]);
                if words.contains(&"-export") {
                    words.extend(["-passout", &password]);
                }
                assert!(openssl(&words), "{words:?}");
            }
            (&"rm", files) => files.iter().for_each(|file| fs::remove_file(alice.path(file)).unwrap()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(alice.ok(&["whoami"]), "username: alice\nmethod: certificate\n");
}

#[test]
fn a_token_goes_to_no_one_in_clear() {
    let server = Server::start();
    let nobody = Cli::bare(&server, "nobody").with("CLAVIGER_ACCESS_TOKEN", ACCESS_TOKEN);
    nobody.fails_with(&["whoami", "--url", "http://192.0.2.1"], &["a credential is sent only by https://"]);
    nobody.fails_with(&["whoami", "--url", "https://127.0.0.1:1"], &["cannot connect to"]);
    let broken = nobody.with("CLAVIGER_ACCESS_TOKEN", format!("{ACCESS_TOKEN}\n"));
    broken.fails_with(&["whoami"], &["the access token is not a token"]);
    // `fails` checks that neither is shown. The help, which shows values of the environment, does not show it either.
    for (help, is_whole) in
        [(&["--help"][..], true), (&["whoami", "--help"], false), (&["sym", "keys", "create", "-h"], false)]
    {
        assert_eq!(broken.ok(help).contains("CLAVIGER_ACCESS_TOKEN"), is_whole, "{help:?}");
    }
}
