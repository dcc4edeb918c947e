//! Key and certificate in PEM files, for server and command line: as cert-manager, step and Vault write them, and as
//! Kubernetes replaces them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::symm::Cipher;

use crate::harness::cli::Cli;
use crate::harness::server::Place;
use crate::harness::{Authority, Client, Identity, Leaf, Options, Server, eventually};

fn options() -> Options {
    Options { pem: true, ..Options::default() }
}

/// Writes the two files of a server's identity, the key for its owner only.
fn write(directory: &Path, certificate: &[u8], key: &[u8]) {
    fs::write(directory.join("server.pem"), certificate).unwrap();
    fs::write(directory.join("server.key"), key).unwrap();
    fs::set_permissions(directory.join("server.key"), Permissions::from_mode(0o600)).unwrap();
}

fn place_with(certificate: &[u8], key: &[u8]) -> Arc<Place> {
    let place = Arc::new(Place::new());
    write(place.directory.path(), certificate, key);
    place
}

fn certificate(identity: &Identity) -> Vec<u8> {
    identity.certificate.to_pem().unwrap()
}

/// The private key in the forms in which programs write it.
fn forms(key: &PKey<Private>) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![("PKCS#8", key.private_key_to_pem_pkcs8().unwrap())];
    if let Ok(ec) = key.ec_key() {
        forms.push(("SEC 1", ec.private_key_to_pem().unwrap()));
    }
    if let Ok(rsa) = key.rsa() {
        forms.push(("PKCS#1", rsa.private_key_to_pem().unwrap()));
    }
    forms
}

#[test]
fn every_form_of_a_key_is_read_and_the_chain_is_sent() {
    let root = Authority::new("Root");
    let middle = root.subordinate("Middle");
    let rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    for leaf in [Leaf::server(), Leaf { key: Some(rsa), ..Leaf::server() }] {
        let identity = middle.issue(&leaf);
        for (form, key) in forms(&identity.key) {
            let chain = [certificate(&identity), middle.pem(), root.pem()].concat();
            // In another order, and with the key among the certificates.
            let mixed = [&key, &middle.pem()[..], &certificate(&identity)].concat();
            for (certificates, key) in [(&chain, &key), (&mixed, &mixed)] {
                let place = place_with(certificates, key);
                let server = Server::start_at(place, &options());
                let client = Client::tls(server.address, &root.certificate, Some(&server.place.alice));
                let mut connection = client.connect().unwrap_or_else(|error| panic!("{form}: {error}"));
                assert_eq!(connection.ssl().peer_cert_chain().unwrap().len(), 2, "{form}");
                assert_eq!(connection.get("/whoami").json()["username"], "alice");
            }
        }
    }
}

#[test]
fn files_that_are_no_identity_are_refused_by_name() {
    let place = Arc::new(Place::new());
    let directory = place.directory.path();
    let [own, other] = [0, 1].map(|_| place.authority.issue(&Leaf::server()));
    let (own_certificate, own_key) = (certificate(&own), own.key.private_key_to_pem_pkcs8().unwrap());
    let other_key = other.key.private_key_to_pem_pkcs8().unwrap();
    let encrypted = own.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"secret").unwrap();
    let former = own.key.ec_key().unwrap().private_key_to_pem_passphrase(Cipher::aes_128_cbc(), b"secret").unwrap();
    let damaged = String::from_utf8(own_key.clone()).unwrap().replacen("MI", "AA", 1).into_bytes();
    let two_keys = [&own_key[..], &other_key].concat();
    for (certificates, key, expected) in [
        (&own_certificate, &other_key, ["server.pem", "none of the certificates is of the private key"]),
        (&own_certificate, &encrypted, ["server.key", "is encrypted"]),
        (&own_certificate, &former, ["server.key", "is encrypted"]),
        (&own_certificate, &damaged, ["server.key", "cannot be read"]),
        (&own_certificate, &own_certificate, ["server.key", "no private key"]),
        (&own_certificate, &two_keys, ["server.key", "several private keys"]),
        (&own_certificate, &b"text".to_vec(), ["server.key", "no private key"]),
        (&own_key, &own_key, ["server.pem", "no certificate"]),
        (&b"-----BEGIN CERTIFICATE-----\n".to_vec(), &own_key, ["server.pem", "has no end"]),
    ] {
        write(directory, certificates, key);
        let told = Server::refused_at(&place, &options());
        assert!(expected.iter().all(|part| told.contains(part)), "{expected:?}: {told}");
        assert!(!told.contains("PRIVATE KEY-----"), "{told}");
    }
    write(directory, &own_certificate, &own_key);
    for (mode, expected) in [(0o644, "readable by others"), (0o666, "readable by others"), (0o660, "who can change it")]
    {
        fs::set_permissions(directory.join("server.key"), Permissions::from_mode(mode)).unwrap();
        let told = Server::refused_at(&place, &options());
        assert!(told.contains("server.key") && told.contains(expected), "{told}");
    }
    fs::remove_file(directory.join("server.key")).unwrap();
    assert!(Server::refused_at(&place, &options()).contains("server.key"));
    for (arguments, expected) in [
        (&["--https-cert-file=server.pem"][..], "exclude each other"),
        (&["--https-key-file=server.key"][..], "exclude each other"),
    ] {
        let told = Server::refused_at(&place, &Options::default().with(arguments));
        assert!(told.contains("--https-p12-file") && told.contains(expected), "{told}");
    }
    let plain = Options { plain: true, ..Options::default() };
    for (half, other) in [("--https-cert-file", "--https-key-file"), ("--https-key-file", "--https-cert-file")] {
        let told = Server::refused_at(&place, &plain.with(&[&format!("{half}=server.pem")]));
        assert!(told.contains(&format!("{half} needs {other}")), "{told}");
    }
}

/// Kubernetes mounts a Secret as links to files in a directory, which is itself behind a link that it replaces.
#[test]
fn a_replaced_link_loses_no_request() {
    let pem = |version: &Path, _: usize, identity: &Identity| {
        write(version, &certificate(identity), &identity.key.private_key_to_pem_pkcs8().unwrap());
    };
    replace_links(&options(), &["server.pem", "server.key"], pem);
    // Each PKCS#12 file has a password of its own: both files are replaced by one link.
    let p12 = |version: &Path, number: usize, identity: &Identity| {
        let password = format!("password {number}");
        fs::write(version.join("tls.p12"), identity.pkcs12(&password)).unwrap();
        fs::write(version.join("password"), password).unwrap();
        fs::set_permissions(version.join("password"), Permissions::from_mode(0o600)).unwrap();
    };
    let plain = Options { plain: true, ..Options::default() };
    let options =
        plain.with(&["--https-p12-file=tls.p12", "--https-p12-password-file=password", "--authority-cert-file=ca.pem"]);
    replace_links(&options, &["tls.p12", "password"], p12);
}

/// Replaces the files of a server's identity by swapping a link, under load. `write` writes the files of a version.
fn replace_links(options: &Options, names: &[&str], write: impl Fn(&Path, usize, &Identity)) {
    let place = Arc::new(Place::new());
    let directory = place.directory.path().to_owned();
    let versions: Vec<Identity> = (0..4).map(|_| place.authority.issue(&Leaf::server())).collect();
    for (number, identity) in versions.iter().enumerate() {
        let version = directory.join(format!("..version-{number}"));
        fs::create_dir(&version).unwrap();
        write(&version, number, identity);
    }
    symlink("..version-0", directory.join("..data")).unwrap();
    for name in names {
        symlink(format!("..data/{name}"), directory.join(name)).unwrap();
    }
    let server = Server::start_at(place, options);
    let (ended, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let shown = || {
        let connection = server.alice().connect().unwrap();
        connection.ssl().peer_certificate().unwrap().to_der().unwrap()
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    // A new connection each time: the handshake takes the certificate.
                    assert_eq!(server.alice().get("/whoami").status, 200);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for (number, identity) in versions.iter().enumerate().skip(1) {
            let next = directory.join("..data_tmp");
            symlink(format!("..version-{number}"), &next).unwrap();
            fs::rename(&next, directory.join("..data")).unwrap();
            let der = identity.certificate.to_der().unwrap();
            eventually("the new certificate is sent", || (shown() == der).then_some(()));
        }
        ended.store(true, Ordering::Relaxed);
    });
    assert!(done.load(Ordering::Relaxed) > 8, "there was no load");
    assert!(!server.log().contains(" ERROR "), "{}", server.log());
}

#[test]
fn the_command_line_has_a_certificate_in_pem() {
    let server = Server::start();
    let cli = Cli::bare(&server, "pem").knowing(&server);
    let alice = &server.place.alice;
    cli.write("alice.pem", &certificate(alice));
    cli.write("bob.key", &server.place.bob.key.private_key_to_pem_pkcs8().unwrap());
    for (form, key) in forms(&alice.key) {
        cli.write("alice.key", &key);
        let cli = Cli::bare(&server, "pem").knowing(&server);
        let cli = cli.with("CLAVIGER_CLIENT_CERT_FILE", "alice.pem").with("CLAVIGER_CLIENT_KEY_FILE", "alice.key");
        assert!(cli.ok(&["whoami"]).contains("alice"), "{form}");
        cli.with("CLAVIGER_CLIENT_KEY_FILE", "bob.key")
            .fails_with(&["whoami"], &["alice.pem", "none of the certificates"]);
    }
    cli.fails_with(&["whoami", "--client-cert-file", "alice.pem"], &["belong together"]);
    // A flag beats the other form in the environment, with its password.
    let bob = Cli::bob(&server);
    bob.write("alice.pem", &certificate(alice));
    bob.write("alice.key", &alice.key.private_key_to_pem_pkcs8().unwrap());
    let files = ["whoami", "--client-cert-file", "alice.pem", "--client-key-file", "alice.key"];
    assert!(bob.ok(&files).contains("alice"));
    assert!(bob.with("CLAVIGER_CLIENT_P12_PASSWORD", "x").ok(&files).contains("alice"));
    let by_environment = Cli::bob(&server);
    let by_environment = by_environment.with("CLAVIGER_CLIENT_CERT_FILE", "alice.pem");
    let by_environment = by_environment.with("CLAVIGER_CLIENT_KEY_FILE", "alice.key");
    by_environment.fails_with(&["whoami"], &["--client-p12", "--client-cert-file", "give one"]);
    assert!(by_environment.ok(&["whoami", "--client-p12", "own.p12"]).contains("bob"));
}
