//! SIGTERM lets the requests in progress finish. SIGHUP reloads certificate and authorities, and keeps the old ones if
//! the new ones are invalid.

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::server::P12_PASSWORD;
use crate::harness::{Authority, Client, Connection, Leaf, Server, eventually, kmip};

/// Less than the 17 s that requests in progress have, so that the test fails if the server waits without reason.
const PROMPT: Duration = Duration::from_secs(12);

/// The server's listener is closed.
fn is_closed(server: &Server) -> bool {
    TcpStream::connect(server.address).is_err()
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start();
        let mut alice = server.alice().connect().unwrap();
        // The server has accepted this connection, so the next request on it is in progress.
        assert_eq!(alice.get("/whoami").status, 200);
        let rest = alice.begin(&[], &kmip::create("AES", 256, &[]));
        let told = server.log().len();
        // The server has read the beginning of the request before anything else.
        assert_eq!(server.alice().get("/whoami").status, 200);
        assert!(server.log().len() > told);
        server.signal(signal);
        eventually("nobody new gets in", || is_closed(&server).then_some(()));
        let answer = alice.end(&rest).unwrap();
        assert_eq!(answer.status, 200);
        let id = kmip::string(&answer.json(), "UniqueIdentifier");
        assert_eq!(answer.header("connection"), Some("close"));
        let status = server.wait();
        assert_eq!(status.code(), Some(0), "SIG{signal}: {status}");
        let mut end = Vec::new();
        assert!(matches!(alice.stream.read_to_end(&mut end), Ok(0)), "the connection was cut");
        // Acknowledged keys exist.
        let place = std::sync::Arc::clone(&server.place);
        drop(server);
        let server = Server::start_at(place, &crate::harness::Options::default());
        assert_eq!(server.alice().connect().unwrap().export(&id).len(), 32);
    }
}

#[test]
fn connections_without_a_request_do_not_hold_the_end_up() {
    let mut server = Server::start();
    let mut used: Vec<Connection> = (0..20).map(|_| server.alice().connect().unwrap()).collect();
    for connection in &mut used {
        assert_eq!(connection.get("/whoami").status, 200);
    }
    // These have completed the handshake and sent no request, in either protocol.
    let unused: Vec<Connection> = (0..20).map(|_| server.alice().connect().unwrap()).collect();
    let h2 = Client::tls_with(server.address, &server.place.authority.certificate, Some(&server.place.alice), |b| {
        b.set_alpn_protos(b"\x02h2").unwrap();
    });
    let h2: Vec<Connection> = (0..20).map(|_| h2.connect().unwrap()).collect();
    let silent: Vec<TcpStream> = (0..20).map(|_| server.alice().tcp().unwrap()).collect();
    let began = Instant::now();
    server.signal("TERM");
    let status = server.wait();
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
    drop((used, unused, h2, silent));
}

/// Returns the serial number of the server's certificate on a new connection.
fn shown(client: &Client) -> Vec<u8> {
    let connection = client.connect().unwrap();
    let certificate = connection.ssl().peer_certificate().unwrap();
    certificate.serial_number().to_bn().unwrap().to_vec()
}

/// Sends SIGHUP and waits for its line in the log.
fn hang_up(server: &Server, told: &str) -> String {
    let before = server.log().len();
    server.signal("HUP");
    // The server may have detected and logged the change of a file without the signal.
    let is_meant = |line: &&str| line.contains(told) && line.contains("SIGHUP");
    eventually(told, || server.log()[before..].lines().find(is_meant).map(str::to_owned))
}

#[test]
fn a_new_certificate_is_served_to_new_connections() {
    let server = Server::start();
    let alice = server.alice();
    let old = shown(&alice);
    let mut kept = alice.connect().unwrap();
    assert_eq!(kept.get("/whoami").status, 200);
    let identity = server.place.authority.issue(&Leaf::server());
    fs::write(server.place.path("server.p12"), identity.pkcs12(P12_PASSWORD)).unwrap();
    hang_up(&server, "reloaded");
    let new = identity.certificate.serial_number().to_bn().unwrap().to_vec();
    assert_ne!(new, old);
    assert_eq!(shown(&alice), new);
    assert_eq!(kept.get("/whoami").status, 200, "connections go on");

    for (content, why) in [
        (b"not a PKCS#12 file".to_vec(), "is not a PKCS#12 file"),
        (identity.pkcs12("another password"), "wrong password"),
    ] {
        fs::write(server.place.path("server.p12"), content).unwrap();
        let line = hang_up(&server, "reload failed");
        assert!(line.contains(why), "{line}");
        assert!(line.contains("not applied: the server's certificate; applied: authorities and CRLs"), "{line}");
        assert_eq!(shown(&alice), new, "the old stays");
    }
    fs::remove_file(server.place.path("server.p12")).unwrap();
    hang_up(&server, "No such file");
    assert_eq!(shown(&alice), new);
    assert_eq!(alice.get("/whoami").status, 200);
}

#[test]
fn a_new_authority_vouches_for_new_connections() {
    let server = Server::start();
    let authority = Authority::new("Another authority");
    let carol = server.client(&authority.issue(&Leaf::client("carol")));
    let alice = server.alice();
    let may_enter = |client: &Client| client.try_request("GET", "/whoami", &[], b"").is_ok();
    assert!(may_enter(&alice) && !may_enter(&carol));
    let file = server.place.path("ca.pem");
    let own = server.place.authority.pem();

    fs::write(&file, [own.clone(), authority.pem()].concat()).unwrap();
    hang_up(&server, "reloaded");
    assert!(may_enter(&alice) && may_enter(&carol));

    let mut kept = [alice.connect().unwrap(), carol.connect().unwrap()];
    assert!(kept.iter_mut().all(|connection| connection.get("/whoami").status == 200));
    fs::write(&file, authority.pem()).unwrap();
    hang_up(&server, "reloaded");
    assert!(!may_enter(&alice) && may_enter(&carol));
    // A caller who is no longer accepted cannot use an old connection.
    let [of_alice, of_carol] = &mut kept;
    let answer = of_alice.try_request("GET", "/whoami", &[], b"");
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == 401));
    assert_eq!(of_carol.get("/whoami").status, 200);

    // A change is applied as a whole: while the authorities are invalid, the new certificate is not used either.
    let serial = shown(&carol);
    for content in [b"".to_vec(), b"not PEM".to_vec(), server.place.alice.certificate.to_pem().unwrap()] {
        fs::write(&file, content).unwrap();
        let line = hang_up(&server, "reload failed");
        assert!(
            line.contains("not applied: authorities and CRLs, the server's certificate; applied: nothing"),
            "{line}"
        );
        let identity = server.place.authority.issue(&Leaf::server());
        fs::write(server.place.path("server.p12"), identity.pkcs12(P12_PASSWORD)).unwrap();
        hang_up(&server, "reload failed");
        assert!(!may_enter(&alice) && may_enter(&carol));
        assert_eq!(shown(&carol), serial);
    }
    fs::write(&file, own).unwrap();
    hang_up(&server, "reloaded");
    assert!(may_enter(&alice) && !may_enter(&carol));
    assert_ne!(shown(&alice), serial);
}

#[test]
fn a_file_that_changed_is_seen_without_a_signal() {
    let server = Server::start();
    let alice = server.alice();
    let identity = server.place.authority.issue(&Leaf::server());
    fs::write(server.place.path("new.p12"), identity.pkcs12(P12_PASSWORD)).unwrap();
    fs::rename(server.place.path("new.p12"), server.place.path("server.p12")).unwrap();
    let new = identity.certificate.serial_number().to_bn().unwrap().to_vec();
    eventually("the new certificate", || (shown(&alice) == new).then_some(()));
}

#[test]
fn a_server_with_nothing_to_reread_goes_on() {
    let options = crate::harness::Options { plain: true, ..Default::default() };
    let server = Server::start_with(&options);
    hang_up(&server, "nothing to reload");
    assert_eq!(server.nobody().get("/whoami").status, 200);
}
