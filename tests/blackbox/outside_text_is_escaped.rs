//! Text from outside is escaped in logs, answers, the audit log and on terminals, and cut where this is documented.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::conjur::{self, encoded};
use crate::harness::jwt::{but, claims};
use crate::harness::subject::{CN, UTF8, name};
use crate::harness::{Caller, Cli, Jwks, Leaf, Server, SigningKey, eventually, hanzo, kmip};

/// One character of each kind that must be escaped.
const KINDS: [char; 22] = [
    '\u{1b}',
    '\u{7}',
    '\u{8}',
    '\r',
    '\u{7f}',
    '\u{85}',
    '\u{9b}',
    '\u{61c}',
    '\u{200b}',
    '\u{200e}',
    '\u{200f}',
    '\u{2028}',
    '\u{2029}',
    '\u{202a}',
    '\u{202e}',
    '\u{2066}',
    '\u{2069}',
    '\u{feff}',
    '\u{ffff}',
    '\u{fdd0}',
    '\u{e0041}',
    '\u{ad}',
];

/// The most bytes of a shown text, including the ellipsis and quotation marks.
const SHOWN: usize = 520;

fn hostile() -> String {
    let kinds: String = KINDS.iter().collect();
    format!("x\n2026-01-01T00:00:00.000000Z  INFO claviger::http: forged \u{1b}[2J{kinds}y")
}

/// Fails if the text has a character that must be escaped; line ends are allowed in texts of several lines.
#[track_caller]
fn is_clean(what: &str, text: &str) {
    let raw = text.chars().find(|own| own.is_control() && *own != '\n' || KINDS.contains(own));
    assert_eq!(raw, None, "{what}: {}", text.escape_debug());
}

/// Checks a JSON answer: neither its bytes nor its texts have characters that must be escaped, and no text is too long.
#[track_caller]
fn answer_is_clean(what: &str, body: &[u8]) {
    let text = std::str::from_utf8(body).unwrap_or_else(|error| panic!("{what}: {error}"));
    is_clean(what, text);
    assert!(!text.contains('\n'), "{what}: {text}");
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        texts(&value, &mut |text| {
            is_clean(what, text);
            assert!(!text.contains('\n') && text.len() <= SHOWN, "{what}: {text}");
        });
    }
}

fn texts(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(all) => all.iter().for_each(|value| texts(value, look)),
        Value::Object(all) => all.iter().for_each(|(name, value)| {
            look(name);
            texts(value, look);
        }),
        _ => {}
    }
}

/// Routes that take JSON, with a member that each knows.
const ROUTES: [(&str, &str, &str); 19] = [
    ("POST", "/kmip/2_1", "tag"),
    ("POST", "/kmip_2_1", "type"),
    ("POST", "/access/grant", "user_id"),
    ("POST", "/access/revoke", "user_id"),
    ("POST", "/access/transfer", "to"),
    ("POST", "/access/project", "project"),
    ("POST", "/access/explain", "operation"),
    ("POST", "/audit/search", "user"),
    ("POST", "/issuers/test", "issuer"),
    ("POST", "/access/token-key", "reason"),
    ("PUT", "/access/definitions/roles/one", "capabilities"),
    ("PUT", "/access/definitions/nothing/one", "capabilities"),
    ("POST", "/api/v1/identities", "role"),
    ("POST", "/api/v1/auth/jwt-auth/identities/one", "boundIssuer"),
    ("POST", "/api/v2/workspace", "slug"),
    ("POST", "/api/v1/kms/keys", "encryptionAlgorithm"),
    ("POST", "/api/v1/auth/jwt-auth/login", "identityId"),
    ("POST", "/api/v1/auth/token/renew", "accessToken"),
    ("POST", "/api/v1/auth/token/revoke", "accessToken"),
];

/// Returns JSON bodies with the text in every place where a text can be.
fn bodies(text: &str, member: &str) -> Vec<Value> {
    vec![
        json!({ text: 1 }),
        json!({ member: text }),
        json!({ member: [text] }),
        json!({ member: { text: text } }),
        json!(text),
        json!([text]),
        json!({ "tag": text, "value": [] }),
        json!({ "tag": "Get", "value": [kmip::text("UniqueIdentifier", text)] }),
        json!({ "tag": "Get", "value": [kmip::text(text, "x")] }),
        json!({ "tag": "Get", "value": [{ "tag": "UniqueIdentifier", "type": text, "value": text }] }),
        json!({ "tag": "Create", "value": [kmip::enumeration("ObjectType", text)] }),
    ]
}

/// Sends the texts to every route.
fn everywhere(server: &Server, root: &mut Caller, text: &str) {
    let headers = |value: &'static str| [("Content-Type", value)];
    for (method, path, member) in ROUTES {
        for body in bodies(text, member) {
            let connection = &mut root.connection;
            let body = body.to_string();
            let answer = connection.try_request(method, path, &headers("application/json"), body.as_bytes()).unwrap();
            answer_is_clean(&format!("{method} {path} {body}"), &answer.body);
        }
    }
    // A path and a query; texts that are too long for a header are not sent.
    let short: String = text.chars().take(300).collect();
    for path in [
        "/access/list/",
        "/api/v1/identities/",
        "/api/v1/kms/keys/",
        "/secrets/",
        "/nowhere/",
        "/secrets?variable_ids=",
    ] {
        let answer = root.connection.get(&format!("{path}{}", encoded(&short)));
        answer_is_clean(path, &answer.body);
    }
    let answer =
        root.send("PUT", &format!("/access/definitions/roles/{}", encoded(&short)), Some(&json!({"capabilities": []})));
    answer_is_clean("a definition's name", &answer.body);
    credentials(server, &short);
}

/// The text in the requests of unauthenticated clients.
fn credentials(server: &Server, text: &str) {
    let key = SigningKey::p256("key");
    let claims = but(claims(text, text, text), &json!({ text: text }));
    let signed = key.signed("ES256", &json!({"alg": text, "kid": text, text: text}), &claims);
    let usual = key.signed("ES256", &json!({"alg": "ES256", "kid": text}), &claims);
    let mut nobody = server.nobody().connect().unwrap();
    for token in [&signed, &usual] {
        let bearer = format!("Bearer {token}");
        let answer = nobody.try_request("GET", "/whoami", &[("Authorization", &bearer)], b"").unwrap();
        answer_is_clean("a bearer token", &answer.body);
        let answer = conjur::authenticate(server, token);
        answer_is_clean("a login", &answer.body);
        let answer = hanzo::try_login(server, text, token);
        answer_is_clean("a login", &answer.body);
    }
    // Bytes that HTTP permits in a header.
    let mut raw = server.nobody().connect().unwrap();
    let head = b"GET /whoami HTTP/1.1\r\nHost: localhost\r\nOrigin: \x9b31m\xe2\x80\xae\r\nAuthorization: \xe2\x80\xae\xc2\x9b\r\n\r\n";
    raw.stream.write_all(head).unwrap();
    answer_is_clean("bytes of headers", &raw.read_answer().unwrap().body);
    let subject = name(&[&[(CN, UTF8, text.chars().take(80).collect::<String>().as_bytes())]]);
    let identity = server.place.authority.issue_to(&subject, &Leaf::client(""));
    answer_is_clean("a certificate", &server.client(&identity).get("/whoami").body);
}

/// Checks the server's output: escaped, only with the server's own lines, each of bounded length, and with a trace of
/// the text.
fn logs_are_clean(server: &Server, is_json: bool) {
    let log = server.log();
    is_clean("the log", &log);
    for line in log.lines() {
        assert!(!line.starts_with("2026-01-01"), "{line}");
        assert!(line.len() < 4096, "a line of {} bytes: {line}", line.len());
        if is_json {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            texts(&line, &mut |text| assert!(text.len() <= SHOWN, "{text}"));
        }
    }
    assert!(log.matches("u{202e}").count() > 30, "it is told");
    assert!(log.contains('…'), "and cut");
    let audit = std::fs::read_to_string(server.place.audit_file()).unwrap();
    is_clean("the audit log", &audit);
    assert!(audit.contains("\\u202e"));
}

fn through(format: &str) {
    let place = hanzo::place();
    let mut options = hanzo::options(&[]);
    options.environment.push(("KMS_LOG_FORMAT".to_owned(), format.to_owned()));
    let server = Server::start_at(place, &options);
    let mut root = Caller::certificate(&server, "root");
    everywhere(&server, &mut root, &hostile());
    everywhere(&server, &mut root, &format!("{}{}", hostile(), "long\u{9b}".repeat(20_000)));
    let log = server.log();
    eventually("the audit log has it", || {
        std::fs::read_to_string(server.place.audit_file()).unwrap().contains("\\u202e").then_some(())
    });
    assert!(log.lines().count() > 400);
    logs_are_clean(&server, format == "json");
}

#[test]
fn through_every_way_in_with_a_log_for_people() {
    through("human");
}

#[test]
fn through_every_way_in_with_a_log_of_json() {
    through("json");
}

#[test]
fn a_whole_batch_of_failures_is_escaped() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let text = hostile();
    let request =
        crate::batches::message(&[], &[kmip::named("Get", &text), kmip::named("Get", &"\u{202e}".repeat(9000))]);
    let answer = alice.kmip(&request);
    assert_eq!(answer.status, 200);
    let mut told = 0;
    texts(&answer.json(), &mut |text| {
        is_clean("a result message", text);
        told += usize::from(text.contains("u{202e}"));
    });
    assert!(told > 0, "{}", answer.json());
    is_clean("the log", &server.log());
}

/// A server that answers every request with one document.
fn answering(server: &Server, name: &str, document: crate::harness::jwks::Document) -> (Jwks, Cli) {
    let other = Jwks::plain(document);
    let cli = Cli::bare(server, name).with("CLAVIGER_URL", format!("http://{}", other.address));
    (other, cli)
}

#[test]
fn the_command_line_shows_nothing_as_it_is() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    let text = hostile();
    alice.fails_with(&["sym", "keys", "import", "\x1b[2J\u{202e}file"], &["\\u{1b}[2J\\u{202e}file"]);
    // A name that bob chose, shown to alice in a table and in JSON.
    let mut bob = server.bob().connect().unwrap();
    let named = "\u{202e}eman\u{9b}31m\u{2066}";
    let id = bob.new_key(&kmip::create("AES", 256, &[kmip::name(named)]));
    assert_eq!(
        bob.post(
            "/access/grant",
            &json!({"unique_identifier": id, "user_id": "alice", "operation_types": ["get_attributes"]})
        )
        .status,
        200
    );
    let shown = alice.ok(&["attributes", "get", "-k", &id]);
    is_clean("a table", &shown);
    assert!(shown.contains("\\u{202e}eman\\u{9b}31m\\u{2066}"), "{shown}");
    let said = alice.ok(&["attributes", "get", "-k", &id, "--json"]);
    is_clean("JSON", &said);
    let read: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(read["attributes"]["Name"][0]["NameValue"], named, "a program reads what the name is");
    // Texts of servers.
    let problem = json!({"type": "about:blank", "status": 400, "detail": text, "request_id": text});
    let document = |status, json: &Value| crate::harness::jwks::Document {
        status,
        headers: "Content-Type: application/problem+json\r\n".to_owned(),
        body: json.to_string().into_bytes(),
    };
    for (number, status, json) in [
        (1, "400 Bad Request", problem),
        (2, "500 Oops", json!({"detail": "x\u{9b}".repeat(100_000)})),
        (3, "200 OK", json!({ text.clone(): "x\u{9b}".repeat(100_000) })),
        (4, "200 OK", json!({"tag": text, "value": []})),
    ] {
        let (_other, cli) = answering(&server, &format!("caller {number}"), document(status, &json));
        let said = cli.fails(&["whoami"]);
        is_clean("an error", &said);
        assert!(said.len() < 3 * SHOWN, "{} bytes", said.len());
    }
    let list = json!({"identities": [{"id": text, "role": "admin", "name": text}]});
    let (_other, cli) = answering(&server, "a reader", document("200 OK", &list));
    let said = cli.ok(&["identities", "list"]);
    is_clean("a table", &said);
    assert_eq!(said.lines().count(), 2, "{said}");
    let said = cli.ok(&["identities", "list", "--json"]);
    is_clean("JSON", &said);
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), list);
    let (_other, cli) = answering(&server, "another reader", document("200 OK", &json!({"identity": {"name": text}})));
    let said = cli.ok(&["identities", "show", "x"]);
    is_clean("a document", &said);
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["identity"]["name"], text);
}

#[test]
fn what_keeps_the_server_from_starting_is_shown_on_one_line() {
    let place = Arc::new(crate::harness::server::Place::new());
    let file = place.path("options.toml");
    for content in ["\"a\\u001b[2J\\u202e\\u009b\" = 1\n", "hostname = \"\u{9b}\u{202e}\n"] {
        std::fs::write(&file, content).unwrap();
        let mut command = place.program();
        command.arg("--config").arg(&file);
        let (status, _, said) = crate::harness::server::run(&mut command);
        assert!(!status.success());
        is_clean("the refusal", &said);
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let mut command = place.command(&crate::harness::Options::default());
    command.arg("--authority-cert-file").arg("no\u{1b}[2J\u{202e}\u{9b}\nfile");
    let (status, _, said) = crate::harness::server::run(&mut command);
    assert!(!status.success());
    is_clean("the refusal", &said);
    assert!(said.contains("no\\u{1b}[2J\\u{202e}\\u{9b}\\nfile"), "{said}");
}
