//! Known faults of other servers, one row for each case: the request, and the answer of this server. If a row names a
//! module, that module tests the behaviour in full.

use std::fs;
use std::sync::Arc;

use data_encoding::BASE64;
use openssl::ssl::SslVersion;
use serde_json::{Value, json};

use crate::harness::forged::forged;
use crate::harness::jwks::Document;
use crate::harness::jwt::{but, claims, key_set};
use crate::harness::server::Place;
use crate::harness::subject::{BMP, CN, O, T61, UTF8, name};
use crate::harness::{
    Authority, Client, Connection, Crl, Identity, Jwks, KeepingSessions, Leaf, Options, Server, SigningKey, eventually,
    kmip,
};

const A: &str = "https://a.example/";
const B: &str = "https://b.example/";
const AUDIENCE: &str = "claviger";

/// The request: a certificate or none, headers, and a KMIP request, or otherwise `/whoami`.
struct Row {
    fault: &'static str,
    certificate: Option<Identity>,
    headers: Vec<(&'static str, String)>,
    request: Option<Vec<u8>>,
    gets: Gets,
}

/// The expected outcome.
enum Gets {
    /// The handshake fails.
    NoConnection,
    /// This status.
    Status(u16),
    /// The caller is this user.
    User(&'static str),
}

/// One server with everything at once.
struct Gate {
    server: Server,
    two: Authority,
    a: SigningKey,
    b: SigningKey,
    of_a: Jwks,
    of_b: Jwks,
    api_token: String,
    api_key: String,
    revoked: Identity,
    rows: Vec<Row>,
}

impl Gate {
    fn new() -> Self {
        let place = Arc::new(Place::new());
        let (api_token, api_key) = place.api_token();
        let two = Authority::new("Two");
        fs::write(place.path("two.pem"), two.pem()).unwrap();
        let revoked = place.authority.issue(&Leaf { serial: Some(4711), ..Leaf::client("alice") });
        fs::write(place.path("list.crl"), Crl::of(&[&revoked.certificate]).by(&place.authority)).unwrap();
        // Both issuers have a key of this id.
        let (a, b) = (SigningKey::rsa("shared"), SigningKey::rsa("shared"));
        let (of_a, of_b) = (Jwks::start(&place.authority, &key_set(&[a.jwk()])), keys(&place, &b));
        let mut arguments: Vec<String> = [
            "--client-cert=optional",
            "--username-prefix=",
            "--authority-cert-file=two.pem",
            "--username-prefix=two/",
            "--crl-file=list.crl",
            "--jwks-ca-file=ca.pem",
            "--auth-failure-limit=0",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--api-token-id={api_key}"));
        arguments.extend(issuer(A, &of_a));
        arguments.extend(issuer(B, &of_b));
        let server = Server::start_at(place, &Options { arguments, ..Options::default() });
        Self { server, two, a, b, of_a, of_b, api_token, api_key, revoked, rows: Vec::new() }
    }

    fn claims(&self) -> Value {
        claims(A, AUDIENCE, "carol")
    }

    /// A certificate, and its user.
    fn certificate(&mut self, fault: &'static str, identity: &Identity, gets: Gets) {
        let certificate = Some(identity.clone());
        self.rows.push(Row { fault, certificate, headers: Vec::new(), request: None, gets });
    }

    /// A bearer token, and its user.
    fn bearer(&mut self, fault: &'static str, token: &str, gets: Gets) {
        let headers = vec![("Authorization", format!("Bearer {token}"))];
        self.rows.push(Row { fault, certificate: None, headers, request: None, gets });
    }

    fn with_headers(&mut self, fault: &'static str, headers: &[(&'static str, &str)], gets: Gets) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.rows.push(Row { fault, certificate: None, headers, request: None, gets });
    }

    fn kmip(&mut self, fault: &'static str, identity: Option<&Identity>, request: &[u8], status: u16) {
        let (certificate, request) = (identity.cloned(), Some(request.to_vec()));
        self.rows.push(Row { fault, certificate, headers: Vec::new(), request, gets: Gets::Status(status) });
    }
}

fn keys(place: &Place, key: &SigningKey) -> Jwks {
    Jwks::start(&place.authority, &key_set(&[key.jwk()]))
}

fn issuer(issuer: &str, keys: &Jwks) -> [String; 3] {
    [format!("--jwt-issuer-uri={issuer}"), format!("--jwks-uri={}", keys.uri()), format!("--jwt-audience={AUDIENCE}")]
}

fn certificates(gate: &mut Gate) {
    let place = Arc::clone(&gate.server.place);
    let (authority, alice) = (&place.authority, &place.alice);
    gate.certificate("the control: a good one", alice, Gets::User("alice"));
    // Full: client_certificate.
    let other = Authority::new("Test authority");
    let serial = other.issue(&Leaf { serial: Some(17), ..Leaf::client("alice") });
    let own = authority.issue(&Leaf { serial: Some(17), ..Leaf::client("alice") });
    gate.certificate("matched by serial number alone (CVE-2024-2048): the control", &own, Gets::User("alice"));
    gate.certificate("matched by serial number alone (CVE-2024-2048)", &serial, Gets::NoConnection);
    let key = Some(alice.key.clone());
    let same_key = other.issue(&Leaf { key, ..Leaf::client("alice") });
    gate.certificate("matched by public key alone (CVE-2025-6037)", &same_key, Gets::NoConnection);
    let below = Authority { key: alice.key.clone(), certificate: alice.certificate.clone() };
    let mut issued = below.issue(&Leaf::client("bob"));
    issued.chain.push(alice.certificate.clone());
    gate.certificate("a certificate that is no authority vouches (CVE-2024-2048)", &issued, Gets::NoConnection);
    // Full: gate_certificates.
    let revoked = gate.revoked.clone();
    gate.certificate("a revocation list that is not honoured (CVE-2022-41316)", &revoked, Gets::Status(401));
    let namesake = gate.two.issue(&Leaf { serial: Some(4711), ..Leaf::client("alice") });
    gate.certificate("revoked by serial number without issuer", &namesake, Gets::User("two/alice"));
    gate.certificate("the same CN under two authorities", &namesake, Gets::User("two/alice"));
    let admin = authority.issue(&Leaf::client("admin"));
    gate.certificate("a CN equal to the default user: a name like others", &admin, Gets::User("admin"));
    // Full: common_name.
    let utf8 = |text: &'static str| name(&[&[(CN, UTF8, text.as_bytes())]]);
    for (fault, subject, gets) in [
        ("NUL in the CN (CVE-2009-2408)", utf8("alice\0.example.com"), Gets::Status(401)),
        (
            "a multi-valued RDN read as text (CVE-2021-44533)",
            name(&[&[(O, UTF8, b"x + CN=admin"), (CN, UTF8, b"dora")]]),
            Gets::User("dora"),
        ),
        ("several CNs", name(&[&[(CN, UTF8, b"alice")], &[(CN, UTF8, b"bob")]]), Gets::Status(401)),
        ("an empty CN", utf8(""), Gets::Status(401)),
        ("a blank CN", utf8(" \t"), Gets::Status(401)),
        ("the CN `*`", utf8("*"), Gets::Status(401)),
        ("a BMPString", name(&[&[(CN, BMP, b"alicea")]]), Gets::Status(401)),
        ("a T61String", name(&[&[(CN, T61, b"alice")]]), Gets::Status(401)),
        ("a bidirectional character", utf8("ali\u{202e}ce"), Gets::Status(401)),
        ("a zero-width character", utf8("ali\u{200b}ce"), Gets::Status(401)),
        ("names made the same (CVE-2025-5999): a space", utf8("alice "), Gets::Status(401)),
        ("names made the same (CVE-2025-5999): a form", utf8("jose\u{301}"), Gets::Status(401)),
        ("names made the same (CVE-2025-5999): a case", utf8("Alice"), Gets::User("Alice")),
    ] {
        let identity = authority.issue_to(&subject, &Leaf::client(""));
        gate.certificate(fault, &identity, gets);
    }
    let dns = BASE64.encode(&alice.certificate.to_der().unwrap());
    for header in ["X-Forwarded-Client-Cert", "X-SSL-Client-Cert", "X-ARR-ClientCert"] {
        gate.with_headers("a certificate believed from a header", &[(header, &dns)], Gets::Status(401));
    }
}

/// Full: gate_jwt.
fn jwts(gate: &mut Gate) {
    let own = gate.claims();
    let good = gate.a.token("RS256", &own);
    gate.bearer("the control: a good one", &good, Gets::User("carol"));
    let of_b = gate.b.token("RS256", &claims(B, AUDIENCE, "dora"));
    gate.bearer("the control: a good one of the other issuer", &of_b, Gets::User("dora"));
    let crossed = [gate.b.token("RS256", &own), gate.a.token("RS256", &claims(B, AUDIENCE, "carol"))];
    for token in crossed {
        gate.bearer("a key of A believed for B; key ids that collide", &token, Gets::Status(401));
    }
    let several = gate.a.token("RS256", &but(own.clone(), &json!({"aud": ["other", AUDIENCE]})));
    gate.bearer("an array of audiences answered by 500", &several, Gets::User("carol"));

    let uri = gate.of_a.uri();
    for (fault, token) in forged(&gate.a, &own, &uri) {
        gate.bearer(fault, &token, Gets::Status(401));
    }
}

/// Full: gate_api_token; that time tells neither users nor bytes (CVE-2025-6011) is measured there.
fn api_tokens(gate: &mut Gate) {
    let token = gate.api_token.clone();
    gate.bearer("the control: a good one", &token, Gets::User("admin"));
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    for wrong in [token.chars().map(swap).collect::<String>(), token.to_lowercase(), token.to_uppercase()] {
        gate.bearer("a token compared without case", &wrong, Gets::Status(401));
    }
    let id = gate.api_key.clone();
    gate.bearer("the key's identifier for its value", &id, Gets::Status(401));
    let bearer = format!("Bearer {token}");
    for headers in [
        [("Authorization", bearer.as_str()), ("Authorization", "Bearer x")],
        [("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-User", "admin")],
    ] {
        gate.with_headers("what a header says beside the one credential", &headers, Gets::Status(401));
    }
}

/// Returns the expected status.
fn requests(gate: &mut Gate) {
    let place = Arc::clone(&gate.server.place);
    let mut alice = gate.server.alice().connect().unwrap();
    let id = alice.aes();
    let only_mac = alice.new_key(&kmip::create("AES", 256, &[kmip::integer("CryptographicUsageMask", 128)]));
    let bytes = |request: &Value| request.to_string().into_bytes();
    let (other, unknown) = (bytes(&kmip::named("Get", &id)), bytes(&kmip::named("Get", "nobody's")));
    gate.kmip("401 or 422 for 404: another's key", Some(&place.bob), &other, 404);
    gate.kmip("401 or 422 for 404: no such key", Some(&place.bob), &unknown, 404);
    let not_permitted = bytes(&kmip::encrypt(&only_mac, b"x"));
    gate.kmip("401 or 422 for 403: not what the key is for", Some(&place.alice), &not_permitted, 403);
    let capital = place.authority.issue(&Leaf::client("Alice"));
    gate.kmip("names made the same (CVE-2025-5999): keys", Some(&capital), &other, 404);
    // An unauthenticated caller gets the answer before the body is read, so the client can still write the body.
    for (certificate, times, status) in [(Some(&place.alice), 100_000, 400), (None, 2_000, 401)] {
        let deep = format!("{{\"tag\":\"Get\",\"value\":{}{}}}", "[".repeat(times), "]".repeat(times));
        let wide = format!("{{\"tag\":\"Get\",\"value\":[{}{{}}]}}", "{},".repeat(times));
        for body in [deep, wide] {
            gate.kmip("JSON of great depth or width (CVE-2025-6203)", certificate, body.as_bytes(), status);
        }
    }
}

impl Row {
    fn send(&self, server: &Server) -> Result<(u16, Value), std::io::Error> {
        let client = match &self.certificate {
            Some(identity) => server.client(identity),
            None => server.nobody(),
        };
        let mut headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = match &self.request {
            None => client.try_request("GET", "/whoami", &headers, b""),
            Some(body) => {
                headers.push(("Content-Type", "application/json"));
                client.try_request("POST", kmip::PATH, &headers, body)
            }
        }?;
        Ok((answer.status, answer.json()))
    }

    /// Returns the difference between the answer and the expected one.
    fn fault(&self, server: &Server) -> Option<String> {
        let got = self.send(server);
        let is_right = match (&self.gets, &got) {
            (Gets::NoConnection, Err(_)) => true,
            (Gets::Status(status), Ok((got, _))) => status == got,
            (Gets::User(user), Ok((200, who))) => who["username"] == *user,
            _ => false,
        };
        (!is_right).then(|| format!("{}: {got:?}", self.fault))
    }
}

#[test]
fn no_fault_that_is_known_is_one_of_ours() {
    let mut gate = Gate::new();
    certificates(&mut gate);
    jwts(&mut gate);
    api_tokens(&mut gate);
    requests(&mut gate);
    let wrong: Vec<String> = gate.rows.iter().filter_map(|row| row.fault(&gate.server)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Answers that distinguish existing users (CVE-2025-6011): one answer for every cause.
    let refused = |row: &&Row| row.request.is_none() && matches!(row.gets, Gets::Status(401));
    let mut bodies: Vec<Value> =
        gate.rows.iter().filter(refused).map(|row| row.send(&gate.server).unwrap().1).collect();
    for body in &mut bodies {
        body["request_id"] = json!(null);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
    // Secrets in logs (CVE-2024-8365); full: log_secrecy.
    let log = gate.server.log();
    let tokens = gate.rows.iter().flat_map(|row| row.headers.iter()).flat_map(|(_, value)| value.split([' ', '.']));
    for secret in tokens.filter(|part| part.len() > 20 && *part != gate.api_key).chain([gate.api_token.as_str()]) {
        assert!(!log.contains(secret), "{secret}");
    }
    failed_fetches(&gate);
}

fn status(connection: &mut Connection, token: &str) -> u16 {
    let authorization = format!("Bearer {token}");
    connection.try_request("GET", "/whoami", &[("Authorization", &authorization)], b"").unwrap().status
}

/// A failed fetch that drops the last valid keys, and a limit on fetches that any client can use up; full:
/// gate_providers.
fn failed_fetches(gate: &Gate) {
    let mut nobody = gate.server.nobody().connect().unwrap();
    let failed = || gate.server.log().matches("could not be fetched").count();
    gate.of_a.answer(Document { status: "500 Oops", ..Document::from(Vec::new()) });
    let next = SigningKey::rsa("next");
    gate.of_b.answer(&key_set(&[gate.b.jwk(), next.jwk()]));
    // An unauthenticated caller causes more and more fetches of A's keys.
    let mut flood = |number: usize| {
        let header = json!({"alg": "RS256", "kid": format!("unknown-{number}")});
        let token = gate.a.signed("RS256", &header, &gate.claims());
        assert_eq!(status(&mut nobody, &token), 401);
    };
    (0..50).for_each(&mut flood);
    let mut dora = gate.server.nobody().connect().unwrap();
    let token = next.token("RS256", &claims(B, AUDIENCE, "dora"));
    eventually("B's new key is known", || (status(&mut dora, &token) == 200).then_some(()));
    eventually("the fetch of A's keys fails", || (failed() > 0).then_some(()));
    let fresh = gate.a.token("RS256", &claims(A, AUDIENCE, "erin"));
    assert_eq!(status(&mut dora, &fresh), 200, "the last good keys stay");
}

#[test]
fn sessions_with_client_certificates_do_not_fail_and_do_not_outlive_their_authority() {
    // Resumption that fails with client certificates, and that still works after a change of the authority
    // (CVE-2025-68121); full: gate_sessions.
    let server = Server::start();
    let who = |client: &KeepingSessions| {
        client.connect()?.try_request("GET", "/whoami", &[], b"").map(|answer| answer.status)
    };
    let clients = [SslVersion::TLS1_2, SslVersion::TLS1_3]
        .map(|version| KeepingSessions::new(&server, &server.place.alice, version));
    for client in clients.iter().cycle().take(10) {
        assert_eq!(who(client).unwrap(), 200);
    }
    fs::write(server.place.path("ca.pem"), Authority::new("Test authority").pem()).unwrap();
    server.signal("HUP");
    eventually("the authority is gone", || server.log().contains("reloaded cause").then_some(()));
    assert!(clients.iter().all(|client| who(client).is_err()));
}

#[test]
fn key_servers_are_verified_when_no_authority_is_named() {
    let place = Arc::new(Place::new());
    let key = SigningKey::rsa("one");
    let jwks = keys(&place, &key);
    let mut arguments = vec!["--client-cert=optional".to_owned()];
    arguments.extend(issuer(A, &jwks));
    let server = Server::start_at(place, &Options { arguments, ..Options::default() });
    let client: Client = server.nobody();
    assert_eq!(status(&mut client.connect().unwrap(), &key.token("RS256", &claims(A, AUDIENCE, "carol"))), 401);
    assert!(server.log().contains("could not be fetched"));
    assert_eq!(jwks.requests(), 0, "it was asked nothing");
}

#[test]
fn a_client_says_nothing_about_its_address_but_by_having_it() {
    let options = Options {
        arguments: vec!["--client-cert=optional".into(), "--auth-failure-limit=3".into()],
        ..Options::default()
    };
    let server = Server::start_with(&options);
    let mut nobody = server.nobody().connect().unwrap();
    let mut ask = |number: usize| {
        let address = format!("10.0.0.{number}");
        let headers = ["X-Forwarded-For", "X-Real-IP", "Forwarded"].map(|name| (name, address.as_str()));
        nobody.try_request("GET", "/whoami", &headers, b"").unwrap().status
    };
    assert_eq!([1, 2, 3, 4, 5].map(&mut ask), [401, 401, 401, 429, 429]);
    assert!(!server.log().contains("10.0.0."));
}
