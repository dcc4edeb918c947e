//! The server sends the certificate of its PKCS#12 file with the chain to the root, over TLS 1.2 and 1.3, HTTP/1.1 and
//! HTTP/2.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use openssl::nid::Nid;
use openssl::ssl::{SslContextBuilder, SslVersion};
use openssl::x509::X509Ref;

use crate::harness::server::{P12_PASSWORD, Place, run};
use crate::harness::{Authority, Client, Curl, Files, Leaf, Options, Server};

fn common_name(certificate: &X509Ref) -> String {
    let entry = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next().unwrap();
    String::from_utf8(entry.data().as_slice().to_vec()).unwrap()
}

/// Returns the names of the certificates that a server with this PKCS#12 file sends to a client that trusts only
/// `root`.
fn sent(pkcs12: &[u8], root: &Authority) -> Vec<String> {
    let place = Place::new();
    fs::write(place.path("server.p12"), pkcs12).unwrap();
    let server = Server::start_at(Arc::new(place), &Options::default());
    let client = Client::tls(server.address, &root.certificate, Some(&server.place.alice));
    let connection = client.connect().unwrap();
    connection.ssl().peer_cert_chain().unwrap().iter().map(common_name).collect()
}

#[test]
fn a_client_that_knows_the_root_alone_is_sent_what_lies_between() {
    let root = Authority::new("Root");
    let upper = root.subordinate("Upper");
    let lower = upper.subordinate("Lower");
    let mut identity = lower.issue(&Leaf::server());
    let [root_certificate, upper, lower] = [&root, &upper, &lower].map(|authority| authority.certificate.clone());
    let chain = ["localhost", "Lower", "Upper"];
    identity.chain = vec![lower.clone(), upper.clone()];
    assert_eq!(sent(&identity.pkcs12(P12_PASSWORD), &root), chain);
    // A root is useful only to a client that already trusts it.
    identity.chain = vec![lower.clone(), upper.clone(), root_certificate.clone()];
    assert_eq!(sent(&identity.pkcs12(P12_PASSWORD), &root), chain);
    // In TLS each certificate must certify the one before it (RFC 5246 section 7.4.2), whatever the order in the file.
    identity.chain = vec![root_certificate, upper, lower];
    assert_eq!(sent(&identity.pkcs12(P12_PASSWORD), &root), chain);
}

#[test]
fn a_file_by_the_openssl_command_serves_as_well() {
    let root = Authority::new("Root");
    let middle = root.subordinate("Middle");
    let identity = middle.issue(&Leaf::server());
    let files = Files::new(&identity);
    let (chain, p12) = (files.path("chain.pem"), files.path("out.p12"));
    fs::write(&chain, [middle.pem(), root.pem()].concat()).unwrap();
    let mut export = Command::new("openssl");
    export.args(["pkcs12", "-export", "-passout", &format!("pass:{P12_PASSWORD}"), "-out", &p12]);
    export.args(["-inkey", &files.key(), "-in", &files.certificate(), "-certfile", &chain]);
    let (status, _, error) = run(&mut export);
    assert!(status.success(), "{error}");
    assert_eq!(sent(&fs::read(&p12).unwrap(), &root), ["localhost", "Middle"]);
}

fn only(version: SslVersion) -> impl FnOnce(&mut SslContextBuilder) {
    move |builder| {
        // The client's own library must not refuse an old version.
        builder.set_cipher_list("DEFAULT:@SECLEVEL=0").unwrap();
        builder.set_min_proto_version(Some(version)).unwrap();
        builder.set_max_proto_version(Some(version)).unwrap();
    }
}

#[test]
fn tls_1_2_and_1_3_are_served_and_nothing_older() {
    let server = Server::start();
    let client = |version| {
        Client::tls_with(server.address, &server.place.authority.certificate, Some(&server.place.alice), only(version))
    };
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let mut connection = client(version).connect().unwrap();
        assert_eq!(connection.ssl().version2(), Some(version));
        assert_eq!(connection.get("/whoami").status, 200);
    }
    for version in [SslVersion::TLS1, SslVersion::TLS1_1] {
        let Err(error) = client(version).connect() else { panic!("{version:?} was accepted") };
        assert!(error.to_string().contains("alert protocol version"), "{error}");
    }
}

#[test]
fn http_1_1_and_h2_are_agreed_on_by_alpn() {
    let server = Server::start();
    for (offered, agreed) in
        [(&b"\x02h2\x08http/1.1"[..], &b"h2"[..]), (b"\x08http/1.1\x02h2", b"h2"), (b"\x08http/1.1", b"http/1.1")]
    {
        let client = Client::tls_with(
            server.address,
            &server.place.authority.certificate,
            Some(&server.place.alice),
            |builder| builder.set_alpn_protos(offered).unwrap(),
        );
        assert_eq!(client.connect().unwrap().ssl().selected_alpn_protocol(), Some(agreed));
    }
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let body = r#"{"tag":"RNGRetrieve","value":[{"tag":"DataLength","type":"Integer","value":8}]}"#;
        let (out, error) = curl(&server, &[flag, "-w", "\n%{http_version} %{http_code}"], "/whoami");
        assert_eq!(out, format!("{{\"username\":\"alice\",\"method\":\"certificate\"}}\n{version} 200"), "{error}");
        let more = [flag, "-w", "%{http_version} %{http_code}", "-H", "Content-Type: application/json", "-d", body];
        let (out, _) = curl(&server, &more, "/kmip/2_1");
        assert!(out.contains("RNGRetrieveResponse") && out.ends_with(&format!("{version} 200")), "{out}");
    }
}

/// curl as alice; curl keeps TLS sessions for the connections of one run.
fn curl(server: &Server, arguments: &[&str], path: &str) -> (String, String) {
    let output = Curl::new(server, Some(&server.place.alice)).run(arguments, path, b"");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn a_client_that_keeps_its_session_connects_again() {
    let server = Server::start();
    for version in ["1.2", "1.3"] {
        let (out, error) = curl(
            &server,
            &["--http1.1", "--tls-max", version, "-H", "Connection: close", "-w", " %{num_connects}\n"],
            // curl makes three URLs of this.
            "/whoami?[1-3]",
        );
        let answers: Vec<&str> = out.lines().collect();
        assert_eq!(answers, ["{\"username\":\"alice\",\"method\":\"certificate\"} 1"; 3], "TLS {version}: {error}");
    }
    let files = Files::new(&server.place.alice);
    for version in ["-tls1_2", "-tls1_3"] {
        let session = files.path(&format!("session{version}"));
        for round in 0..3 {
            let mut command = format!(
                "printf 'GET /whoami HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' \
                 | openssl s_client -connect {} {version} -CAfile {} -cert {} -key {} -ign_eof -sess_out {session}",
                server.address,
                server.place.path("ca.pem").display(),
                files.certificate(),
                files.key(),
            );
            if round > 0 && fs::exists(&session).unwrap() {
                command.push_str(&format!(" -sess_in {session}"));
            }
            let (_, out, error) = run(Command::new("sh").args(["-c", &command]));
            assert!(out.contains(r#"{"username":"alice","method":"certificate"}"#), "{version} {round}: {out}{error}");
        }
    }
}
