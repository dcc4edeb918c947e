//! Clients that keep TLS sessions, connections and unfinished bodies: they can reconnect, and none of these outlives a
//! revocation.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use openssl::ssl::SslVersion;

use crate::harness::server::{Place, run, run_with};
use crate::harness::{
    Authority, Client, Connection, Crl, Identity, KeepingSessions, Leaf, Options, PATIENCE, Server, eventually, kmip,
};

const VERSIONS: [SslVersion; 2] = [SslVersion::TLS1_2, SslVersion::TLS1_3];

/// The number of reconnections of a client.
const TIMES: usize = 40;

/// Writes files for other programs: the certificate, its key, and the authority of the server.
fn write(place: &Place, identity: &Identity) {
    fs::write(place.path("server-ca.pem"), place.authority.pem()).unwrap();
    fs::write(place.path("alice.pem"), identity.certificate.to_pem().unwrap()).unwrap();
    fs::write(place.path("alice.key"), identity.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
}

#[test]
fn clients_that_keep_their_sessions_reconnect() {
    let server = Server::start();
    let place = &server.place;
    write(place, &place.alice);
    for version in VERSIONS {
        let client = KeepingSessions::new(&server, &place.alice, version);
        for _ in 0..TIMES {
            let mut connection = client.connect().unwrap();
            assert_eq!(connection.get("/whoami").json()["username"], "alice");
            assert!(!connection.ssl().session_reused(), "a resumed session skips what a handshake checks");
        }
    }
    by_openssl(&server);
    by_curl(&server);
    by_python(&server);
}

fn by_openssl(server: &Server) {
    let place = &server.place;
    let request = b"GET /whoami HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let identity = ["-cert", "alice.pem", "-key", "alice.key", "-CAfile", "server-ca.pem", "-verify_return_error"];
    for version in ["-tls1_2", "-tls1_3"] {
        for turn in 0..10 {
            let mut client = Command::new("openssl");
            client.current_dir(place.directory.path()).args(["s_client", "-quiet", "-connect"]);
            client.arg(server.address.to_string()).args(identity).args([version, "-sess_out", "session"]);
            if turn > 0 && place.path("session").exists() {
                client.args(["-sess_in", "session"]);
            }
            let output = run_with(&mut client, request);
            let out = String::from_utf8_lossy(&output.stdout);
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(out.contains(r#""username":"alice""#), "{version} {turn}: {out}{error}");
        }
        let _ = fs::remove_file(place.path("session"));
    }
}

fn by_curl(server: &Server) {
    for version in ["1.2", "1.3"] {
        let mut curl = Command::new("curl");
        curl.current_dir(server.place.directory.path()).args(["--no-progress-meter", "--fail", "--noproxy", "*"]);
        curl.args(["--cert", "alice.pem", "--key", "alice.key", "--cacert", "server-ca.pem", "--http1.1"]);
        // Each on its own connection, with the session of the one before.
        curl.args(["--header", "Connection: close", "--tlsv1.2", "--tls-max", version]);
        let url = format!("https://{}/whoami", server.address);
        curl.args(std::iter::repeat_n(&url, TIMES));
        let (status, out, error) = run(&mut curl);
        assert!(status.success(), "{error}");
        assert_eq!(out.matches("alice").count(), TIMES, "{out}");
    }
}

/// Only the standard library: one context, and the last session is offered to each new connection.
const PYTHON: &str = r#"
import socket, ssl, sys
port, version, times = int(sys.argv[1]), ssl.TLSVersion[sys.argv[2]], int(sys.argv[3])
context = ssl.create_default_context(cafile="server-ca.pem")
context.load_cert_chain("alice.pem", "alice.key")
context.minimum_version = context.maximum_version = version
session, known = None, 0
for _ in range(times):
    with socket.create_connection(("127.0.0.1", port), 60) as tcp:
        with context.wrap_socket(tcp, server_hostname="localhost", session=session) as tls:
            tls.sendall(b"GET /whoami HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: tls.recv(4096), b""))
            known += b'"username":"alice"' in answer
            assert not tls.session_reused
            session = tls.session or session
print(known, session is not None)
"#;

fn by_python(server: &Server) {
    for version in ["TLSv1_2", "TLSv1_3"] {
        let mut python = Command::new("python3");
        python.current_dir(server.place.directory.path()).args(["-c", PYTHON]);
        python.args([&server.address.port().to_string(), version, &TIMES.to_string()]);
        let (status, out, error) = run(&mut python);
        assert!(status.success(), "{version}: {error}");
        assert_eq!(out.trim(), format!("{TIMES} True"), "{version}: {error}");
    }
}

/// Starts a server with an empty CRL.
fn with_list(arguments: &[&str], place: Arc<Place>) -> Server {
    fs::write(place.path("list.crl"), Crl::of(&[]).by(&place.authority)).unwrap();
    let mut arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    arguments.push("--crl-file=list.crl".to_owned());
    Server::start_at(place, &Options { arguments, ..Options::default() })
}

/// Writes a file again, sends SIGHUP, and returns the time when the log says that the file was read.
fn reload(server: &Server, file: &str, content: &[u8]) -> Instant {
    let before = server.log().len();
    fs::write(server.place.path(file), content).unwrap();
    server.signal("HUP");
    // The server may have detected and logged the change of the file without the signal.
    let is_meant = |line: &str| line.contains("reloaded") && line.contains("SIGHUP");
    eventually("reloaded", || server.log()[before..].lines().any(is_meant).then(Instant::now))
}

/// Whether one more request is answered. A connection that the server closed counts as a refusal.
fn is_in(connection: &mut Connection) -> bool {
    connection.try_request("GET", "/whoami", &[], b"").is_ok_and(|answer| answer.status == 200)
}

/// Makes requests until one is refused, and returns when the last accepted one had begun. `begun` counts the threads
/// that have begun.
fn last(begun: &AtomicUsize, mut request: impl FnMut() -> bool) -> Instant {
    let (end, mut last) = (Instant::now() + PATIENCE, Instant::now());
    assert!(request(), "it is refused before anything has changed");
    begun.fetch_add(1, Ordering::SeqCst);
    loop {
        let began = Instant::now();
        if !request() {
            return last;
        }
        assert!(began < end, "it is never refused");
        last = began;
    }
}

#[test]
fn a_revoked_certificate_is_refused_at_once_wherever_it_is_in_use() {
    let server = with_list(&[], Arc::new(Place::new()));
    let place = &server.place;
    let sessions = VERSIONS.map(|version| KeepingSessions::new(&server, &place.alice, version));
    let mut kept: Vec<Connection> = sessions.iter().map(|client| client.connect().unwrap()).collect();
    kept.push(server.alice().connect().unwrap());
    assert!(kept.iter_mut().all(is_in));
    let mut bob = server.bob().connect().unwrap();
    let begun = &AtomicUsize::new(0);
    let (told, ended) = std::thread::scope(|scope| {
        let busy: Vec<_> =
            kept.into_iter().map(|mut own| scope.spawn(move || last(begun, || is_in(&mut own)))).collect();
        let newcomers = sessions.iter().map(|client| {
            scope.spawn(|| last(begun, || client.connect().is_ok_and(|mut connection| is_in(&mut connection))))
        });
        let threads: Vec<_> = busy.into_iter().chain(newcomers).collect();
        eventually("all are in", || (begun.load(Ordering::SeqCst) == threads.len()).then_some(()));
        let revoked = Crl::of(&[&place.alice.certificate]).by(&place.authority);
        let told = reload(&server, "list.crl", &revoked);
        (told, threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>())
    });
    // The log is read after it is written: nothing that began after that was answered.
    assert!(ended.iter().all(|last| *last <= told), "{ended:?} {told:?}");
    for client in &sessions {
        assert!(!client.connect().is_ok_and(|mut connection| is_in(&mut connection)));
    }
    assert!(is_in(&mut bob));
}

#[test]
fn a_session_ends_with_the_authority_of_its_certificate() {
    let server = Server::start();
    let place = &server.place;
    let other = Authority::new("Another authority");
    for version in VERSIONS {
        let alice = KeepingSessions::new(&server, &place.alice, version);
        assert!(is_in(&mut alice.connect().unwrap()));
        reload(&server, "ca.pem", &other.pem());
        assert!(!alice.connect().is_ok_and(|mut connection| is_in(&mut connection)));
        reload(&server, "ca.pem", &place.authority.pem());
        assert!(is_in(&mut alice.connect().unwrap()));
    }
}

/// Waits until an authentication must be repeated.
fn hold(began: Instant) {
    eventually("a while", || (began.elapsed() > Duration::from_millis(150)).then_some(()));
}

#[test]
fn whoever_holds_a_body_back_does_not_outlive_a_revocation_by_it() {
    let place = Arc::new(Place::new());
    let (token, id) = place.api_token();
    let server = with_list(&["--client-cert=optional", "--api-token-id", &id], Arc::clone(&place));
    let request = kmip::create("AES", 256, &[]);
    let authorization = format!("Bearer {token}");
    let credential = [("Authorization", authorization.as_str())];

    // The body is held back, and nothing happens meanwhile.
    for (client, headers) in [(server.alice(), &[][..]), (server.nobody(), &credential)] {
        let mut connection = client.connect().unwrap();
        let began = Instant::now();
        let rest = connection.begin(headers, &request);
        hold(began);
        assert_eq!(connection.end(&rest).unwrap().status, 200);
    }

    let mut nobody = server.nobody().connect().unwrap();
    let began = Instant::now();
    let rest = nobody.begin(&credential, &request);
    let owner = place.authority.issue(&Leaf::client("admin"));
    server.client(&owner).connect().unwrap().ok(&kmip::revoke(&id, "KeyCompromise"));
    hold(began);
    assert_eq!(nobody.end(&rest).unwrap().status, 401, "the key of the API token was revoked");

    let mut alice = server.alice().connect().unwrap();
    let began = Instant::now();
    let rest = alice.begin(&[], &request);
    let list = Crl::of(&[&place.alice.certificate]);
    reload(&server, "list.crl", &list.by(&place.authority));
    hold(began);
    assert_eq!(alice.end(&rest).unwrap().status, 401, "the certificate was revoked");
}

/// A pipe, whose reader reaches its end only after a program has written into it.
fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_reload_that_takes_long_keeps_nobody_out_and_the_last_change_wins() {
    let mut server = with_list(&[], Arc::new(Place::new()));
    let place = Arc::clone(&server.place);
    let list = |revoked: &Identity| Crl::of(&[&revoked.certificate]).by(&place.authority);
    let told = || server.log().matches(" reloaded ").count();
    let before = told();
    let (slow, file) = (place.path("slow.crl"), place.path("list.crl"));
    pipe(&slow);
    fs::hard_link(&slow, place.path("kept.crl")).unwrap();
    fs::rename(&slow, &file).unwrap();
    // Opening a pipe for writing waits until a process reads it.
    let mut writer = fs::OpenOptions::new().write(true).open(place.path("kept.crl")).unwrap();
    for _ in 0..20 {
        assert!(is_in(&mut server.alice().connect().unwrap()), "the old rules hold, and connections are accepted");
    }
    // Meanwhile the list changes again.
    fs::write(place.path("new.crl"), list(&place.alice)).unwrap();
    fs::rename(place.path("new.crl"), &file).unwrap();
    server.signal("HUP");
    assert_eq!(told(), before);
    writer.write_all(&list(&place.bob)).unwrap();
    drop(writer);
    eventually("both were read", || (told() >= before + 2).then_some(()));
    eventually("the last one holds", || {
        let in_now = |client: Client| client.connect().is_ok_and(|mut own| is_in(&mut own));
        (!in_now(server.alice()) && in_now(server.bob())).then_some(())
    });

    // It does not delay the end of the server either.
    pipe(&slow);
    fs::rename(&slow, &file).unwrap();
    let writer = fs::OpenOptions::new().write(true).open(&file).unwrap();
    server.signal("TERM");
    assert!(server.wait().success());
    drop(writer);
}
