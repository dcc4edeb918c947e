//! `claviger pki` makes certificates that server, command line, curl and Python accept, and leaves no half of a pair.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use openssl::pkey::PKey;
use openssl::x509::X509;
use serde_json::Value;

use crate::harness::cli::{NOT_FOUND, PASSWORD};
use crate::harness::server::{Place, run, run_with};
use crate::harness::terminal::at_a_terminal;
use crate::harness::{Cli, Options, Server, directory, eventually};

/// A directory with an authority in `pki`, whose password is in the environment.
pub fn authority() -> (tempfile::TempDir, Cli) {
    let place = directory();
    let cli = Cli::at(place.path()).with("CLAVIGER_PKI_PASSWORD", PASSWORD);
    cli.json(&["pki", "init"]);
    (place, cli)
}

/// Starts a server with the files of `claviger pki` in the directory `pki` of its place.
fn server(place: &Arc<Place>, arguments: &[&str]) -> Server {
    let options = Options { plain: true, ..Options::default() };
    let files = ["--https-p12-file", "pki/server.p12", "--https-p12-password-file", "pki/server.password"];
    let options = options.with(&files).with(&["--authority-cert-file", "pki/ca.pem"]).with(arguments);
    Server::start_at(Arc::clone(place), &options)
}

/// A caller with the certificate of this name.
fn caller(place: &Place, server: &Server, name: &str) -> Cli {
    let cli = Cli::at(place.directory.path()).with("CLAVIGER_CA_FILE", "pki/ca.pem");
    let cli = cli.with("CLAVIGER_URL", format!("https://localhost:{}", server.address.port()));
    let cli = cli.with("CLAVIGER_CLIENT_P12", format!("pki/{name}.p12"));
    cli.with("CLAVIGER_CLIENT_P12_PASSWORD_FILE", format!("pki/{name}.password"))
}

/// The content of all files of a directory.
fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let file = |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
    entries.filter(|entry| entry.path().is_file()).map(file).collect()
}

pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_server_and_its_callers_use_what_is_made() {
    let place = Arc::new(Place::new());
    let root = place.directory.path();
    let password = root.join("authority.password");
    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let cli = Cli::at(root).with("CLAVIGER_PKI_PASSWORD_FILE", "authority.password");
    fs::set_permissions(&password, Permissions::from_mode(0o644)).unwrap();
    let refused = Cli::at(root).with("CLAVIGER_PKI_PASSWORD", "short").failure(&["pki", "init"]).1;
    assert!(refused.contains("fewer than 12 characters"), "{refused}");
    let told = cli.output(&["pki", "init", "--dir", "exposed"], b"");
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.contains("authority.password is readable by others: run `chmod 600`"), "{told}");
    fs::set_permissions(&password, Permissions::from_mode(0o600)).unwrap();
    let told = cli.output(&["pki", "init", "--dir", "kept"], b"");
    assert!(told.status.success() && told.stderr.is_empty(), "{told:?}");
    let told = cli.ok(&["pki", "init"]);
    assert!(told.contains("pki/ca.key is its key, encrypted"), "{told}");
    let told = cli.ok(&["pki", "server", "server"]);
    assert!(told.contains("localhost, 127.0.0.1, ::1") && told.contains("https-p12-file = \""), "{told}");
    let server = server(&place, &[]);
    let url = format!("https://localhost:{}", server.address.port());
    let told = cli.ok(&["pki", "client", "alice", "--url", &url]);
    cli.ok(&["pki", "client", "web", "--username", "spiffe://example.com/web"]);
    assert!(caller(&place, &server, "alice").ok(&["whoami"]).contains("username: alice\n"));
    assert!(caller(&place, &server, "web").ok(&["whoami"]).contains("username: spiffe://example.com/web\n"));
    // What is printed for the new caller works as it is printed.
    let part = |from: &str, to: &str| told.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
    let claviger = Path::new(env!("CARGO_BIN_EXE_claviger")).parent().unwrap().to_owned();
    for (program, flag, text) in [
        ("sh", "-ec", part("# curl\n", "# claviger\n")),
        ("sh", "-ec", part("# claviger\n", "# Python\n")),
        ("python3", "-c", part("# Python\n", "// Go")),
    ] {
        let mut command = Command::new(program);
        command.args([flag, &text]).env("PATH", format!("{}:{}", claviger.display(), std::env::var("PATH").unwrap()));
        let (status, out, error) = run(command.env("NO_PROXY", "*").env("HOME", root));
        assert!(status.success() && out.contains("alice"), "{program}: {out}{error}");
    }
    for name in ["ca.pem", "ca.key", "alice.p12", "alice.password", "alice.pem", "alice.key", "issued.jsonl"] {
        assert_eq!(mode(&root.join("pki").join(name)), 0o600, "{name}");
    }
    assert_eq!(mode(&root.join("pki")), 0o700);
    let key = fs::read(root.join("pki/ca.key")).unwrap();
    assert!(key.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    assert!(PKey::private_key_from_pem_passphrase(&key, PASSWORD.as_bytes()).is_ok());
    // OpenSSL's strictest checks: the identifiers, and the use of each key.
    for (name, purpose) in [("server", "sslserver"), ("alice", "sslclient")] {
        let mut verify = Command::new("openssl");
        verify.args(["verify", "-x509_strict", "-purpose", purpose, "-CAfile", "pki/ca.pem"]).current_dir(root);
        let (status, out, error) = run(verify.arg(format!("pki/{name}.pem")));
        assert!(status.success(), "{out}{error}");
    }
}

#[test]
fn running_again_changes_nothing_and_foreign_files_stay() {
    let (place, cli) = authority();
    let pki = place.path().join("pki");
    cli.json(&["pki", "server", "kms", "kms.example.com", "10.0.0.7"]);
    cli.json(&["pki", "client", "alice"]);
    let before = contents(&pki);
    for arguments in [
        &["pki", "init", "--json"][..],
        &["pki", "server", "kms", "--json"],
        &["pki", "server", "kms", "10.0.0.7", "KMS.example.com", "--json"],
        &["pki", "client", "alice", "--json"],
    ] {
        let output = cli.output(arguments, b"");
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["new"], false, "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("is kept"), "{arguments:?}");
    }
    assert_eq!(contents(&pki), before);
    let status = |arguments: &[&str], status, words: &[&str]| cli.fails_as(status, arguments, words);
    status(&["pki", "server", "kms", "other.example.com"], 1, &["kms.pem", "kms.example.com, 10.0.0.7", "--force"]);
    status(&["pki", "client", "kms"], 1, &["kms.pem", "a certificate for serverAuth"]);
    status(&["pki", "client", "alice", "--username", "bob"], 1, &["alice.pem", "the certificate of CN=alice"]);
    for name in ["", "ca", "crl", "a/b", ".hidden", "../up", "a\u{202e}b", "*", "identity:1", &"x".repeat(65)] {
        assert_eq!(cli.failure(&["pki", "client", name, "--json"]).0, 2, "{name}");
    }
    assert_eq!(cli.failure(&["pki", "client", "a\nb", "--username", "alice", "--json"]).0, 2);
    for host in ["", "10.0.0.300", "https://kms", "kms:9998", "a,DNS:b", "a b"] {
        status(&["pki", "server", "new", host], 2, &["neither a DNS name nor an IP address"]);
    }
    assert_eq!(contents(&pki), before);
    // Files of others, and halves of pairs.
    fs::write(pki.join("web.key"), "mine").unwrap();
    status(&["pki", "client", "web"], 1, &["web.key exists already", "web.pem is missing", "--force"]);
    fs::copy(pki.join("alice.key"), pki.join("kms.key")).unwrap();
    status(&["pki", "server", "kms"], 1, &["kms.key", "is not the private key of kms.pem"]);
    fs::write(pki.join("alice.password"), "another").unwrap();
    status(&["pki", "client", "alice"], 1, &["alice.p12", "alice.password"]);
    assert_eq!(fs::read(pki.join("web.key")).unwrap(), b"mine");
    assert_eq!(cli.json(&["pki", "client", "web", "--force"])["new"], true);
    // Another authority's certificates are not this one's.
    let other = Cli::at(place.path()).with("CLAVIGER_PKI_PASSWORD", PASSWORD).with("CLAVIGER_PKI_DIR", "other");
    other.json(&["pki", "init"]);
    for ending in ["pem", "key", "p12", "password"] {
        fs::copy(pki.join(format!("web.{ending}")), place.path().join(format!("other/web.{ending}"))).unwrap();
    }
    other.fails_as(1, &["pki", "client", "web"], &["web.pem", "of another authority"]);
    fs::remove_file(place.path().join("other/ca.key")).unwrap();
    other.fails_as(1, &["pki", "init"], &["other/ca.key is missing", "--force"]);
    other.json(&["pki", "init", "--force"]);
}

#[test]
fn what_ends_soon_is_made_again() {
    let (place, cli) = authority();
    let pki = place.path().join("pki");
    let first = cli.json(&["pki", "server", "kms", "kms.example.com", "--days", "6"]);
    let password = fs::read(pki.join("kms.password")).unwrap();
    let second = cli.json(&["pki", "server", "kms"]);
    assert_eq!((&first["new"], &second["new"]), (&true.into(), &true.into()));
    assert_ne!(first["serial"], second["serial"]);
    // The names stay, and the password, because a running server has read it.
    assert_eq!(second["hosts"], serde_json::json!(["kms.example.com"]));
    assert_eq!(fs::read(pki.join("kms.password")).unwrap(), password);
    assert_eq!(cli.json(&["pki", "list"])["certificates"].as_array().unwrap().len(), 2);
    assert!(cli.ok(&["pki", "list"]).starts_with("NAME  PURPOSE  USER  UNTIL"));
    // A certificate does not outlast its authority.
    cli.json(&["pki", "init", "--force", "--days", "30"]);
    let leaf = cli.json(&["pki", "client", "alice"]);
    let ends = |name: &str| X509::from_pem(&fs::read(pki.join(name)).unwrap()).unwrap().not_after().to_string();
    assert_eq!(ends("alice.pem"), ends("ca.pem"), "{leaf}");
}

#[test]
fn an_interrupted_run_leaves_no_half_of_a_pair() {
    let (place, cli) = authority();
    let pki = place.path().join("pki");
    cli.json(&["pki", "client", "alice"]);
    let pair =
        |name: &str| ["pem", "key", "p12", "password"].map(|ending| fs::read(pki.join(format!("{name}.{ending}"))));
    let former: Vec<Vec<u8>> = pair("alice").into_iter().map(Result::unwrap).collect();
    // Ended before the files were complete: they vanish.
    fs::create_dir(pki.join(".incomplete")).unwrap();
    fs::write(pki.join(".incomplete/alice.key"), "half").unwrap();
    // Ended while complete files were moved: the others follow.
    fs::create_dir(pki.join(".complete")).unwrap();
    fs::write(pki.join(".complete/bob.key"), "whole").unwrap();
    cli.ok(&["pki", "list"]);
    assert_eq!(pair("alice").into_iter().map(Result::unwrap).collect::<Vec<_>>(), former);
    assert_eq!(fs::read(pki.join("bob.key")).unwrap(), b"whole");
    assert!(!pki.join(".incomplete").exists() && !pki.join(".complete").exists());
    // A disk that takes nothing.
    fs::create_dir_all(pki.join("carol.pem/full")).unwrap();
    let (status, _) = cli.failure(&["pki", "client", "carol"]);
    assert_eq!(status, 1);
    assert!(!pki.join("carol.key").exists());
    // Two runs at one time.
    let lock = File::options().write(true).open(pki.join(".lock")).unwrap();
    lock.lock().unwrap();
    cli.fails_as(1, &["pki", "list"], &["another `claviger pki`", "try again later"]);
    // The second waits for the first.
    let waiting = cli.command(&["pki", "list"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(lock);
    assert!(waiting.wait_with_output().unwrap().status.success());
    // Others could replace the files.
    fs::set_permissions(&pki, Permissions::from_mode(0o770)).unwrap();
    cli.fails_as(1, &["pki", "client", "dave"], &["pki can be changed by other users (mode 0770)", "chmod go-w"]);
}

#[test]
fn a_group_may_read_what_a_server_needs() {
    let (place, cli) = authority();
    let pki = place.path().join("pki");
    let group = fs::metadata(&pki).unwrap().gid();
    cli.json(&["pki", "server", "server"]);
    assert_eq!(mode(&pki.join("server.key")), 0o600);
    // An existing certificate is kept, and opened.
    cli.output(&["pki", "server", "server", "--group-readable"], b"");
    let readable = ["server.p12", "server.password", "server.pem", "server.key", "ca.pem"];
    for name in readable {
        assert_eq!((mode(&pki.join(name)), fs::metadata(pki.join(name)).unwrap().gid()), (0o640, group), "{name}");
    }
    assert_eq!((mode(&pki), mode(&pki.join("ca.key")), mode(&pki.join("issued.jsonl"))), (0o750, 0o600, 0o600));
    // Later ones of this name stay readable, others do not become so.
    cli.json(&["pki", "server", "server", "--force"]);
    cli.json(&["pki", "client", "alice"]);
    cli.json(&["pki", "crl"]);
    for (name, expected) in [("server.key", 0o640), ("alice.key", 0o600), ("crl.pem", 0o640)] {
        assert_eq!(mode(&pki.join(name)), expected, "{name}");
    }
    if fs::metadata(&pki).unwrap().uid() == 0 {
        fs::set_permissions(place.path(), Permissions::from_mode(0o711)).unwrap();
        a_container_reads_them(place.path());
        // Only root may give files to a group of others.
        cli.json(&["pki", "client", "alice", "--force", "--group", "10001"]);
        assert_eq!(fs::metadata(pki.join("alice.key")).unwrap().gid(), 10001);
        // A server of another user reads them by this group, and nothing of the authority's key.
        let read = |name: &str| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=10001", "--regid=10001", "--groups=10001", "cat"]).arg(pki.join(name));
            run_with(&mut command, b"").status.success()
        };
        assert!(read("alice.key") && read("alice.p12") && read("ca.pem") && !read("ca.key") && !read("server.key"));
    }
}

/// The server of another user, as in a container with `docker run --group-add GID`, takes the files of `server` when its
/// groups have that of the files. It has no HSM token, which it looks at after the files.
fn a_container_reads_them(root: &Path) {
    let group = fs::metadata(root.join("pki/server.key")).unwrap().gid();
    let starts = |groups: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=10001", "--regid=10001", groups, env!("CARGO_BIN_EXE_clavigerd"), "--check-config"]);
        command.args(["--https-p12-file=pki/server.p12", "--https-p12-password-file=pki/server.password"]);
        command.args(["--authority-cert-file=pki/ca.pem", "--sqlite-path=none/claviger.db"]).current_dir(root);
        let (status, _, error) = run(command.env("KMS_HSM_PIN", "0000"));
        assert_eq!(status.code(), Some(1), "{error}");
        error
    };
    fs::set_permissions(root.join("pki"), Permissions::from_mode(0o751)).unwrap();
    let told = starts("--clear-groups");
    assert!(told.contains("pki/") && told.contains("Permission denied"), "{told}");
    fs::set_permissions(root.join("pki"), Permissions::from_mode(0o750)).unwrap();
    let told = starts(&format!("--groups={group}"));
    assert!(!told.contains("pki/"), "{told}");
}

#[test]
fn the_key_of_the_authority_needs_its_password() {
    let place = directory();
    let bare = Cli::at(place.path());
    let with = |password: &str| Cli::at(place.path()).with("CLAVIGER_PKI_PASSWORD", password);
    // There is no terminal to ask at.
    let detached = |cli: &Cli, arguments: &[&str]| {
        let mut line = vec!["--wait", env!("CARGO_BIN_EXE_claviger")];
        line.extend(arguments);
        let mut command = Command::new("setsid");
        let (status, _, error) = run(command.args(line).current_dir(&cli.directory).env_clear());
        (status.code(), error)
    };
    let (status, told) = detached(&bare, &["pki", "init"]);
    assert!(status == Some(1) && told.contains("--password-file") && told.contains("--store-password"), "{told}");
    with("short").fails_as(1, &["pki", "init"], &["fewer than 12 characters"]);
    assert!(!place.path().join("pki/ca.key").exists());
    with(PASSWORD).json(&["pki", "init"]);
    let (status, told) = detached(&bare, &["pki", "client", "alice"]);
    assert!(status == Some(1) && told.contains("CLAVIGER_PKI_PASSWORD"), "{told}");
    with("another password").fails_as(1, &["pki", "client", "alice"], &["the password of pki/ca.key is wrong"]);
    assert!(!place.path().join("pki/alice.pem").exists());
    bare.fails_as(1, &["pki", "client", "alice", "--dir", "none"], &["none has no authority", "claviger pki init"]);
    // `init` may make and store one.
    bare.json(&["pki", "init", "--dir", "stored", "--store-password"]);
    let stored = fs::read_to_string(place.path().join("stored/ca.password")).unwrap();
    assert_eq!((stored.trim().len(), mode(&place.path().join("stored/ca.password"))), (48, 0o600));
    bare.json(&["pki", "client", "alice", "--dir", "stored"]);
}

/// At a terminal the password is asked for, and what is typed is not shown.
#[test]
fn a_typed_password_is_not_shown() {
    let place = directory();
    let claviger = env!("CARGO_BIN_EXE_claviger");
    let (first, again, other) =
        (format!("{PASSWORD}\u{e9}\u{7f}\n"), format!("{PASSWORD}\n"), "a different password\n");
    let made = [("New password", &*first), ("The same again", &again), ("Password of", &again)];
    let line = format!("{claviger} pki init && {claviger} pki client alice");
    let (status, shown) = at_a_terminal(place.path(), &line, &[], &made);
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("alice.pem is for the user alice") && !shown.contains(PASSWORD), "{shown}");
    let differ = [("New password", &*again), ("The same again", other)];
    let (status, shown) = at_a_terminal(place.path(), &format!("{claviger} pki init --dir other"), &[], &differ);
    assert!(status == Some(1) && shown.contains("the two passwords differ"), "{shown}");
    // Ctrl-C ends the command, and the terminal shows again what is typed.
    let line = format!("{claviger} pki client bob; echo status $?; stty -a");
    let (_, shown) = at_a_terminal(place.path(), &line, &[], &[("Password of", "hidden\u{3}")]);
    assert!(shown.contains("interrupted") && shown.contains("status 130"), "{shown}");
    assert!(shown.contains(" echo ") && !shown.contains("hidden"), "{shown}");
}

#[test]
fn a_revoked_certificate_is_refused_and_can_be_replaced() {
    let place = Arc::new(Place::new());
    let cli = Cli::at(place.directory.path()).with("CLAVIGER_PKI_PASSWORD", PASSWORD);
    for arguments in [&["pki", "init"][..], &["pki", "server", "server"], &["pki", "crl"], &["pki", "client", "alice"]]
    {
        cli.json(arguments);
    }
    let first = cli.json(&["pki", "client", "web"]);
    let first_list = fs::read(place.path("pki/crl.pem")).unwrap();
    cli.json(&["pki", "init", "--dir", "other"]);
    let server = server(&place, &["--crl-file", "pki/crl.pem", "--authority-cert-file", "other/ca.pem"]);
    assert!(server.log().contains("the authority has no CRL, but others have one"), "{}", server.log());
    let (alice, web) = (caller(&place, &server, "alice"), caller(&place, &server, "web"));
    assert!(web.ok(&["whoami"]).contains("web"));
    // Another certificate of the same name takes the place of the first, which can still be revoked.
    for ending in ["p12", "password"] {
        let (from, to) = (format!("pki/web.{ending}"), format!("pki/former.{ending}"));
        fs::copy(place.path(&from), place.path(&to)).unwrap();
    }
    let second = cli.json(&["pki", "client", "web", "--force"]);
    cli.fails_as(NOT_FOUND, &["pki", "revoke", "nobody", "--yes"], &["nobody", "alice, server, web"]);
    cli.fails_as(2, &["pki", "revoke", "web"], &["confirm it with --yes"]);
    let revoked = cli.json(&["pki", "revoke", "web", "--yes"]);
    let mut serials = [first["serial"].clone(), second["serial"].clone()];
    let mut listed = revoked["revoked"].as_array().unwrap().clone();
    serials.sort_by_key(Value::to_string);
    listed.sort_by_key(Value::to_string);
    assert_eq!(listed, serials);
    let is_refused = |cli: &Cli| (!cli.output(&["whoami"], b"").status.success()).then_some(());
    eventually("the list is read", || is_refused(&web));
    eventually("the list is read", || is_refused(&caller(&place, &server, "former")));
    assert!(alice.ok(&["whoami"]).contains("alice"));
    let states: Vec<Value> = cli.json(&["pki", "list"])["certificates"].as_array().unwrap().clone();
    let states: Vec<(&str, bool)> =
        states.iter().map(|own| (own["name"].as_str().unwrap(), own["revoked"] == true)).collect();
    assert_eq!(states, [("server", false), ("alice", false), ("web", true), ("web", true)]);
    // A revoked certificate is made again without --force, and a new list keeps the old entries.
    assert_eq!(cli.json(&["pki", "client", "web"])["new"], true);
    assert!(web.ok(&["whoami"]).contains("web"));
    let again = cli.json(&["pki", "crl"]);
    assert_eq!(again["revoked"].as_array().unwrap().len(), 2, "{again}");
    eventually("both are still revoked", || is_refused(&caller(&place, &server, "former")));
    let (status, out, _) =
        run(Command::new("openssl").args(["crl", "-noout", "-crlnumber", "-in"]).arg(place.path("pki/crl.pem")));
    assert!(status.success() && out.contains("0x03"), "{out}");
    // A list with a smaller number does not replace the one in use.
    fs::write(place.path("pki/crl.pem"), first_list).unwrap();
    let is_kept = || {
        let log = server.log();
        let (_, after) = log.split_once("smaller number than the former one")?;
        after.contains("reloaded cause").then_some(())
    };
    eventually("the list is read", is_kept);
    assert!(is_refused(&caller(&place, &server, "former")).is_some() && alice.ok(&["whoami"]).contains("alice"));
}
