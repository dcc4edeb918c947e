//! Rules of HTTP and TLS on which clients rely: HEAD, Host, protocols and groups.

use std::io::{self, Write as _};

use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{SslContextBuilder, SslVersion};

use crate::harness::{Answer, Client, Http2, Identity, Leaf, Options, Server};

/// Paths that serve GET, and one that does not exist.
const PATHS: [(&str, u16); 8] = [
    ("/version", 200),
    ("/health", 200),
    ("/whoami", 200),
    ("/.well-known/jwks.json", 200),
    ("/access/owned", 200),
    ("/access/create", 200),
    ("/access/list/none", 404),
    ("/nowhere", 404),
];

fn raw(client: &Client, request: &str) -> io::Result<Answer> {
    let mut connection = client.connect()?;
    connection.stream.write_all(request.as_bytes())?;
    connection.read_answer()
}

#[test]
fn head_is_answered_by_headers_alone() {
    let server = Server::start();
    let mut second = Http2::connect(&server.alice());
    for (path, status) in PATHS {
        let whole = server.alice().get(path);
        assert_eq!(whole.status, status, "{path}");
        let mut connection = server.alice().connect().unwrap();
        let head = format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        // The next answer follows the headers.
        connection.stream.write_all(head.repeat(2).as_bytes()).unwrap();
        for _ in 0..2 {
            let answer = read_head(&mut connection);
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(answer.header("content-type"), whole.header("content-type"), "{path}");
            assert!(answer.header("content-length").is_some_and(|length| length != "0"), "{path}: {answer:?}");
        }
        let stream = second.request("HEAD", path, &[], true);
        let answer = second.answer(stream);
        assert_eq!((answer.status, answer.data, answer.reset), (Some(status), (0, 0), false), "HEAD {path}");
        let stream = second.request("GET", path, &[], true);
        let answer = second.answer(stream);
        assert_eq!(answer.status, Some(status), "{path}");
        assert!(answer.data.1 > 0, "GET {path}");
    }
    let refused = server.alice().try_request("DELETE", "/version", &[], b"").unwrap();
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
    let stream = second.request("HEAD", "/kmip/2_1", &[], true);
    assert_eq!(second.answer(stream).status, Some(405));
}

/// Reads an answer that has no body, whatever its headers say.
fn read_head(connection: &mut crate::harness::Connection) -> Answer {
    use std::io::Read as _;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(connection.stream.read(&mut byte).unwrap(), 1);
        head.push(byte[0]);
    }
    let text = String::from_utf8(head).unwrap();
    assert!(text.starts_with("HTTP/1.1 "), "{text}");
    let headers = text.lines().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Answer { status: text[9..12].parse().unwrap(), headers, body: Vec::new() }
}

#[test]
fn a_request_says_once_and_in_good_form_for_whom_it_is() {
    let server = Server::start_with(&Options { plain: true, ..Options::default() });
    let client = server.nobody();
    for good in ["localhost", "LOCALHOST", "localhost:1", "localhost:", "127.0.0.1", "[::1]:9998"] {
        let answer = raw(&client, &format!("GET /version HTTP/1.1\r\nHost: {good}\r\n\r\n")).unwrap();
        assert_eq!(answer.status, 200, "{good}");
    }
    for bad in
        ["", "a b", "user@localhost", "localhost:port", "localhost:+1", "localhost:65536", "[::1", "::1", "a/b", "a?b"]
    {
        let answer = raw(&client, &format!("GET /version HTTP/1.1\r\nHost: {bad}\r\n\r\n")).unwrap();
        assert_eq!(answer.status, 400, "{bad:?}");
    }
    for head in ["", "Host: localhost\r\nHost: localhost\r\n"] {
        let answer = raw(&client, &format!("GET /version HTTP/1.1\r\n{head}\r\n")).unwrap();
        assert_eq!(answer.status, 400, "{head:?}");
        assert!(answer.detail().contains("Host"), "{answer:?}");
    }
}

#[test]
fn the_host_of_http_2_is_its_authority() {
    let server = Server::start();
    let mut connection = Http2::connect(&server.alice());
    let mut status = |headers: &[(&str, &str)]| {
        let stream = connection.request("GET", "/version", headers, true);
        let answer = connection.answer(stream);
        answer.status.or(answer.reset.then_some(0))
    };
    assert_eq!(status(&[]), Some(200));
    assert_eq!(status(&[("host", "localhost")]), Some(200));
    assert_eq!(status(&[("host", "LocalHost:443")]), Some(200), "the port of the scheme");
    assert_eq!(status(&[(":authority", ""), ("host", "localhost")]), Some(200), "from HTTP/1.1");
    for bad in ["elsewhere", "localhost:1", "a b", "user@localhost"] {
        assert_eq!(status(&[("host", bad)]), Some(400), "{bad}");
    }
    assert_eq!(status(&[("host", "localhost"), ("host", "localhost")]), Some(400));
}

fn connect(server: &Server, settings: impl FnOnce(&mut SslContextBuilder)) -> io::Result<Answer> {
    connect_as(server, &server.place.alice, settings)
}

fn connect_as(
    server: &Server,
    identity: &Identity,
    settings: impl FnOnce(&mut SslContextBuilder),
) -> io::Result<Answer> {
    let client = Client::tls_with(server.address, &server.place.authority.certificate, Some(identity), settings);
    client.try_request("GET", "/version", &[], b"")
}

#[test]
fn protocols_and_groups_of_tls_are_ours() {
    let server = Server::start();
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let pinned = |builder: &mut SslContextBuilder| {
            builder.set_min_proto_version(Some(version)).unwrap();
            builder.set_max_proto_version(Some(version)).unwrap();
        };
        let by_protocols = |protocols: &[u8]| {
            connect(&server, |builder| {
                pinned(builder);
                builder.set_alpn_protos(protocols).unwrap();
            })
        };
        assert_eq!(by_protocols(b"\x08http/1.1").unwrap().status, 200);
        assert_eq!(by_protocols(b"\x03foo\x08http/1.1").unwrap().status, 200);
        let refused = by_protocols(b"\x03foo").unwrap_err().to_string();
        assert!(refused.contains("no application protocol"), "{version:?}: {refused}");
        let by_groups = |groups: &str| {
            connect(&server, |builder| {
                pinned(builder);
                builder.set_groups_list(groups).unwrap();
            })
        };
        // In TLS 1.2 the list must also have the curve of the server's certificate (RFC 8422 section 5.1).
        let also = if version == SslVersion::TLS1_2 { ":P-256" } else { "" };
        for group in ["X25519", "P-256", "P-384", "P-521"] {
            // OpenSSL refuses a list that names a group twice.
            let groups = if group == "P-256" { group.to_owned() } else { format!("{group}{also}") };
            assert_eq!(by_groups(&groups).unwrap().status, 200, "{version:?} {group}");
        }
        assert!(by_groups("X448").is_err(), "{version:?}");
        // In TLS 1.2 the curve of a client's certificate must be one of the server's groups (RFC 8422 section 5.1.1).
        for curve in [Nid::X9_62_PRIME256V1, Nid::SECP384R1, Nid::SECP521R1] {
            let key = PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(curve).unwrap()).unwrap()).unwrap();
            let alice = server.place.authority.issue(&Leaf { key: Some(key), ..Leaf::client("alice") });
            assert_eq!(connect_as(&server, &alice, pinned).unwrap().status, 200, "{version:?} {curve:?}");
        }
    }
    assert_eq!(connect(&server, |_| {}).unwrap().status, 200, "no protocols are offered");
}
