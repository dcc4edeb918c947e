//! At every level the log has no PIN, password, token, key or plaintext.

use std::process::Command;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use serde_json::{Value, json};

use crate::harness::server::{P12_PASSWORD, run};
use crate::harness::token::PIN;
use crate::harness::{Authority, Leaf, Options, Server, kmip};

const PLAINTEXT: &[u8] = b"the plaintext that must not leak";
/// The usual usage mask, with Wrap Key.
const WRAP_KEY: i64 = kmip::USAGE | 16;
const TOKEN: &str = "a-bearer-token-that-must-not-leak";

fn start(format: &str, filter: &str) -> Server {
    let environment = vec![("KMS_LOG_FORMAT".to_owned(), format.to_owned()), ("KMS_LOG".to_owned(), filter.to_owned())];
    Server::start_with(&Options { environment, ..Options::default() })
}

/// Makes every operation and many failures. Returns the secrets that must not be logged.
fn session(server: &Server) -> Vec<(&'static str, Vec<u8>)> {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let key = alice.export(&id);
    let sealed = alice.seal(&id, PLAINTEXT);
    assert_eq!(alice.open(&sealed), PLAINTEXT);
    let given = *b"a key that the caller brings  32";
    let registered =
        alice.new_key(&kmip::register("AES", &given, &[kmip::integer("CryptographicUsageMask", WRAP_KEY)]));
    let imported = *b"another one that is brought,  32";
    alice.ok(&kmip::import("brought", None, "AES", &imported, &[]));
    let secret = alice.new_key(&kmip::create("HMAC_SHA256", 256, &[]));
    let secret_key = alice.export(&secret);
    let mac = kmip::octets(&alice.ok(&kmip::mac(&secret, PLAINTEXT)), "MACData");
    alice.ok(&kmip::mac_verify(&secret, PLAINTEXT, &mac));
    let random = kmip::octets(&alice.ok(&kmip::structure("RNGRetrieve", &[kmip::integer("DataLength", 32)])), "Data");
    alice.ok(&kmip::locate(&[], &[]));
    alice.ok(&kmip::named("GetAttributes", &registered));
    alice.ok(&kmip::wrapped("Export", &id, &registered));

    // Failures: of the service, of the syntax, and of callers who send secrets in wrong places.
    let mut damaged = sealed.clone();
    damaged.tag[0] ^= 1;
    assert_eq!(alice.kmip(&damaged.decrypt()).status, 422);
    let secret_text = std::str::from_utf8(PLAINTEXT).unwrap();
    let hex = HEXUPPER.encode(&key);
    for request in [
        kmip::named("Get", "nowhere"),
        kmip::structure("Encrypt", &[kmip::text("UniqueIdentifier", &id), kmip::text("Data", secret_text)]),
        kmip::structure(
            "Encrypt",
            &[kmip::text("UniqueIdentifier", &id), json!({"tag": "Data", "type": "ByteString", "value": secret_text})],
        ),
        kmip::structure(
            "Encrypt",
            &[kmip::text("UniqueIdentifier", &id), json!({"tag": "Data", "value": [secret_text]})],
        ),
        kmip::structure(
            "Encrypt",
            &[kmip::text("UniqueIdentifier", &id), json!({"tag": "Data", "type": "Integer", "value": secret_text})],
        ),
        kmip::structure(
            "Encrypt",
            &[
                kmip::text("UniqueIdentifier", &id),
                json!({"tag": "Data", "type": "ByteString", "value": format!("{hex}0")}),
            ],
        ),
        kmip::structure("Encrypt", &[kmip::bytes("UniqueIdentifier", &key)]),
        kmip::structure("Decrypt", &[kmip::text("UniqueIdentifier", &id), kmip::bytes("Data", PLAINTEXT)]),
        kmip::structure(
            "MAC",
            &[kmip::text("UniqueIdentifier", &id), kmip::bytes("Data", &key), kmip::bytes("IVCounterNonce", &key)],
        ),
        kmip::register("AES", &given[..7], &[kmip::integer("CryptographicLength", 64)]),
        kmip::register("AES", &given, &[kmip::integer("CryptographicLength", 128)]),
        kmip::import("brought", Some(false), "AES", &imported, &[]),
    ] {
        let answer = alice.kmip(&request);
        assert!((400..500).contains(&answer.status), "{request}: {answer:?}");
        let shown = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!shown.contains(secret_text) && !shown.contains(&hex), "{request}: {shown}");
    }
    for body in
        [format!("{{\"tag\":\"Create\" \"{secret_text}\"}}"), format!("{{\"tag\":\"Encrypt\",\"value\":[{secret_text}")]
    {
        let answer = alice.try_request("POST", kmip::PATH, &[("Content-Type", "application/json")], body.as_bytes());
        assert_eq!(answer.unwrap().status, 400);
    }
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("Authorization", bearer.as_str()), ("Cookie", TOKEN), ("X-Api-Key", TOKEN)];
    assert_eq!(alice.try_request("GET", "/whoami", &headers, b"").unwrap().status, 200);
    assert_eq!(alice.try_request("GET", "/nowhere", &headers, b"").unwrap().status, 404);
    alice.ok(&kmip::revoke(&id, "CessationOfOperation"));
    alice.ok(&kmip::named("Destroy", &id));
    assert!(!matches!(alice.kmip(&kmip::encrypt(&id, PLAINTEXT)).status, 200));
    over_h2(server, &bearer, &kmip::encrypt(&registered, PLAINTEXT));
    let stranger = Authority::new("Test authority").issue(&Leaf::client("alice"));
    assert!(server.client(&stranger).try_request("GET", "/whoami", &[], b"").is_err());
    let nameless = server.place.authority.issue(&Leaf::client("*"));
    assert_eq!(server.client(&nameless).get("/whoami").status, 401);
    vec![
        ("key", key),
        ("registered key", given.to_vec()),
        ("imported key", imported.to_vec()),
        ("HMAC secret", secret_key),
        ("random bytes", random),
        ("plaintext", PLAINTEXT.to_vec()),
        ("PIN", PIN.as_bytes().to_vec()),
        ("PKCS#12 password", P12_PASSWORD.as_bytes().to_vec()),
        ("bearer token", TOKEN.as_bytes().to_vec()),
    ]
}

/// HTTP/2 has its own library, and so its own log lines.
fn over_h2(server: &Server, bearer: &str, request: &Value) {
    let place = &server.place;
    let alice = &place.alice;
    std::fs::write(place.path("alice.key"), alice.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    std::fs::write(place.path("alice.pem"), alice.certificate.to_pem().unwrap()).unwrap();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--http2", "--noproxy", "*", "--max-time", "60"]);
    curl.args(["--cacert", "ca.pem", "--cert", "alice.pem", "--key", "alice.key"]);
    curl.args(["-H", &format!("Authorization: {bearer}"), "-H", "Content-Type: application/json"]);
    curl.args(["-d", &request.to_string(), &format!("https://{}/kmip/2_1", server.address)]);
    let (_, out, error) = run(curl.current_dir(place.directory.path()));
    assert!(out.contains("EncryptResponse"), "{out}{error}");
}

/// The encodings that bytes could have in a log.
fn spellings(bytes: &[u8]) -> Vec<String> {
    let mut all = vec![
        HEXUPPER.encode(bytes),
        HEXLOWER.encode(bytes),
        BASE64.encode(bytes),
        BASE64_NOPAD.encode(bytes),
        BASE64URL_NOPAD.encode(bytes),
        // As `Debug` writes a slice.
        bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", "),
        format!("{}", bytes.escape_ascii()),
    ];
    all.extend(std::str::from_utf8(bytes).map(str::to_owned));
    // A part of a secret must not be logged either.
    all.push(HEXUPPER.encode(&bytes[..bytes.len() / 2]));
    all.push(HEXLOWER.encode(&bytes[..bytes.len() / 2]));
    all
}

#[test]
fn no_secret_is_logged_at_any_level_in_either_format() {
    for (format, filter) in [("human", "debug"), ("human", "trace"), ("json", "debug"), ("json", "trace")] {
        let server = start(format, filter);
        let secrets = session(&server);
        let log = server.log();
        assert!(log.lines().count() > 40, "there is a log to look at");
        for (what, bytes) in secrets {
            for spelling in spellings(&bytes) {
                let line = log.lines().find(|line| line.contains(&spelling));
                assert_eq!(line, None, "{format} {filter}: the {what}");
            }
        }
        assert!(!log.contains('\x1b'), "a terminal's escape is in the log");
    }
}

#[test]
fn a_json_log_is_json_and_names_the_request_on_each_of_its_lines() {
    let server = start("json", "trace,hyper=off,h2=off");
    session(&server);
    let mut alice = server.alice().connect().unwrap();
    let told = server.log().len();
    let answers = [
        alice.get("/whoami"),
        alice.get("/nowhere"),
        alice.kmip(&kmip::create("AES", 256, &[])),
        alice.kmip(&kmip::named("Get", "nowhere")),
        server.client(&server.place.authority.issue(&Leaf::client("*"))).get("/whoami"),
    ];
    let log = server.log();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["target"].is_string(), "{line}");
    }
    let lines: Vec<Value> = log[told..].lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for answer in &answers {
        let id = answer.header("x-request-id").unwrap();
        let own: Vec<&Value> = lines.iter().filter(|line| line["span"]["id"] == id).collect();
        let ends = own.iter().filter(|line| line["message"] == "answered").count();
        assert_eq!(ends, 1, "{id}: {own:?}");
        assert!(own.iter().any(|line| line["status"] == answer.status), "{id}: {own:?}");
        if answer.status >= 400 {
            assert_eq!(answer.json()["request_id"], id);
        }
    }
    let of_requests = ["answered", "operation", "request refused", "request failed", "authentication failed"];
    for line in &lines {
        if of_requests.iter().any(|message| line["message"] == *message) {
            assert!(line["span"]["id"].is_string() && line["span"]["peer"].is_string(), "{line}");
        }
    }
}

#[test]
fn a_clients_request_id_is_taken_over_if_it_can_do_no_harm() {
    let server = start("human", "debug");
    let mut alice = server.alice().connect().unwrap();
    let mut ask = |id: &str| {
        let answer = alice.try_request("GET", "/whoami", &[("X-Request-Id", id)], b"").unwrap();
        answer.header("x-request-id").unwrap().to_owned()
    };
    let long = "x".repeat(64);
    for id in ["a", "3f1c9a52-7f0e-4a58-9d3d-0d5b3b0a1c11", "build_7.step-3", &long] {
        assert_eq!(ask(id), id);
        assert!(server.log().contains(&format!("id=\"{id}\"")), "{id}");
    }
    let longer = "x".repeat(65);
    for id in ["", "a b", "a\"b", "a=b", "a{b}", "<b>", "a\tb", "a\u{e9}", "../../x", "%0a", &longer] {
        let own = ask(id);
        assert_ne!(own, id);
        assert!(!own.is_empty() && own.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{own}");
    }
    assert_ne!(ask(""), ask(""), "each has its own");
}

#[test]
fn a_line_that_a_caller_writes_into_stays_one_line() {
    let server = start("human", "debug");
    let mut alice = server.alice().connect().unwrap();
    let forged = "x\n2026-01-01T00:00:00Z  INFO forged: line";
    let before = server.log().lines().count();
    assert_eq!(alice.kmip(&kmip::named("Get", forged)).status, 404);
    assert_eq!(alice.kmip(&kmip::structure(forged, &[])).status, 400);
    assert_eq!(alice.kmip(&kmip::structure("Get", &[kmip::text(forged, "x")])).status, 400);
    assert_eq!(alice.try_request("GET", "/%0a2026-01-01%20forged", &[], b"").unwrap().status, 404);
    let log = server.log();
    for line in log.lines().skip(before).filter(|line| !line.contains(" tokio_postgres::")) {
        assert!(line.contains(" claviger::") && !line.starts_with("2026-01-01T00:00:00Z"), "{line}");
    }
}
