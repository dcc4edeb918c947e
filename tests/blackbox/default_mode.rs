//! Without configuration every request runs as the default user, and only from this machine.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::json;

use crate::harness::server::{P12_PASSWORD, Place};
use crate::harness::{Answer, Client, Options, Server, kmip};

fn plain(arguments: &[&str]) -> Server {
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    Server::start_with(&Options { plain: true, arguments, ..Options::default() })
}

#[test]
fn every_request_runs_as_the_default_user() {
    let server = plain(&[]);
    let mut connection = server.nobody().connect().unwrap();
    assert_eq!(connection.get("/whoami").json(), json!({"username": "admin", "method": "default"}));
    let id = connection.aes();
    let sealed = connection.seal(&id, b"by nobody in particular");
    assert_eq!(server.nobody().connect().unwrap().open(&sealed), b"by nobody in particular");
    assert_eq!(server.nobody().post(kmip::PATH, &kmip::encrypt(&id, b"x")).status, 200);
    // No credential is verified here, so none has an effect.
    for value in ["Bearer xyz", "Basic Ym9iOmJvYg=="] {
        let answer = connection.try_request("GET", "/whoami", &[("Authorization", value)], b"").unwrap();
        assert_eq!(answer.json(), json!({"username": "admin", "method": "default"}));
    }
}

#[test]
fn the_default_user_may_be_named() {
    let server = plain(&["--default-username", "jos\u{e9} of the backup"]);
    let answer = server.nobody().get("/whoami").json();
    assert_eq!(answer, json!({"username": "jos\u{e9} of the backup", "method": "default"}));
}

#[test]
fn a_certificate_that_nobody_verifies_names_nobody() {
    let place = Arc::new(Place::new());
    let mut program = place.program();
    program.args(["--port", "0", "--https-p12-file", "server.p12", "--https-p12-password", P12_PASSWORD]);
    program.arg("--hsm-pin-file").arg(&place.token.pin_file);
    let server = Server::spawn(place, program, &Options::default()).unwrap();
    assert_eq!(server.alice().get("/whoami").json(), json!({"username": "admin", "method": "default"}));
    // Behind TLS as well, a page that resolves its name to this machine must not be served.
    let alice = server.alice();
    let answer = alice.try_request("GET", "/whoami", &[("Host", "evil.example")], b"").unwrap();
    assert_eq!(answer.status, 403);
}

#[test]
fn every_authenticated_caller_can_be_made_the_default_user() {
    let arguments = vec!["--force-default-username".to_owned(), "--default-username=team".to_owned()];
    let server = Server::start_with(&Options { arguments, ..Options::default() });
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    for connection in [&mut alice, &mut bob] {
        assert_eq!(connection.get("/whoami").json(), json!({"username": "team", "method": "certificate"}));
    }
    let id = alice.aes();
    let sealed = alice.seal(&id, b"shared");
    assert_eq!(bob.open(&sealed), b"shared");
}

fn send(client: &Client, head: &str) -> Answer {
    let mut connection = client.connect().unwrap();
    connection.stream.write_all(head.as_bytes()).unwrap();
    connection.read_answer().unwrap()
}

#[test]
fn only_the_names_of_this_machine_are_served() {
    let server = plain(&[]);
    let client = server.nobody();
    let with_host = |host: &str| client.try_request("GET", "/whoami", &[("Host", host)], b"").unwrap();
    let port = server.address.port();
    for host in [
        "localhost".to_owned(),
        format!("localhost:{port}"),
        "LocalHost".to_owned(),
        "127.0.0.1".to_owned(),
        format!("127.0.0.1:{port}"),
        "127.0.0.53".to_owned(),
        "[::1]".to_owned(),
        format!("[::1]:{port}"),
    ] {
        assert_eq!(with_host(&host).status, 200, "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:80",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example#localhost",
        "localhost@evil.example",
        "evil.example@localhost@evil.example",
        "10.0.0.1",
        "0.0.0.0",
        "[::]",
        "localhost evil.example",
        "localhost,evil.example",
        "",
    ] {
        let answer = with_host(host);
        assert!([400, 403].contains(&answer.status), "{host}: {answer:?}");
    }
    let answer = with_host("evil.example");
    assert_eq!((answer.status, answer.header("content-type")), (403, Some("application/problem+json")));
    assert!(answer.detail().contains("loopback"), "{answer:?}");
    for head in [
        "GET /whoami HTTP/1.1\r\n\r\n",
        "GET /whoami HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        "GET /whoami HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n",
        "GET http://evil.example/whoami HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET http://localhost/whoami HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET http://evil.example/whoami HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /whoami HTTP/1.0\r\nHost: evil.example\r\n\r\n",
    ] {
        let answer = send(&client, head);
        assert!([400, 403].contains(&answer.status), "{head:?}: {answer:?}");
    }
    assert_eq!(send(&client, "GET http://localhost/whoami HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
}
