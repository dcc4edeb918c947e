//! For every malformed request the answer has a reason, the server continues, and its memory does not grow.

use std::io::{self, Read as _, Write as _};

use serde_json::{Value, json};

use crate::harness::{Answer, Client, Connection, Options, Server, kmip};

const MIB: usize = 1 << 20;

/// The server works, and no thread has panicked.
fn is_well(server: &Server, client: &Client) {
    let mut connection = client.connect().unwrap();
    let id = connection.aes();
    let sealed = connection.seal(&id, b"as ever");
    assert_eq!(connection.open(&sealed), b"as ever");
    let log = server.log();
    assert!(!log.contains("panicked") && !log.contains(" ERROR "), "{log}");
}

/// Bodies that are not requests.
fn bodies() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |what: &str, body: Vec<u8>| all.push((what.to_owned(), body));
    for text in [
        "",
        " ",
        "{",
        "}",
        "[",
        "nope",
        "null",
        "true",
        "0",
        "\"Create\"",
        "[]",
        "{}",
        "{]",
        "{\"tag\"}",
        "{\"tag\":}",
        "{'tag':'Create'}",
        "{\"tag\":\"Create\",}",
        "{\"tag\":\"Create\"}{\"tag\":\"Create\"}",
        "{\"tag\":\"Query\",\"value\":[]} trailing",
        "\u{feff}{\"tag\":\"Query\",\"value\":[]}",
        "{\"tag\":\"\\ud800\",\"value\":[]}",
        "{\"tag\":\"\\u0000\",\"value\":[]}",
        "<KMIP/>",
        "NaN",
        "1e999999999",
        "-",
    ] {
        add(text, text.as_bytes().to_vec());
    }
    add("invalid UTF-8", b"{\"tag\":\"Create\xff\xfe\",\"value\":[]}".to_vec());
    add("a surrogate in UTF-8", b"{\"tag\":\"Create\xed\xa0\x80\",\"value\":[]}".to_vec());
    add("an overlong sequence", b"{\"tag\":\"\xc0\xaf\",\"value\":[]}".to_vec());
    add("UTF-16", "{\"tag\":\"Query\"}".encode_utf16().flat_map(u16::to_le_bytes).collect());
    add("NULs", vec![0; 1000]);
    add("binary TTLV", b"\x42\x00\x78\x01\x00\x00\x00\x10".to_vec());
    let create = kmip::create("AES", 256, &[]).to_string();
    for part in 1..12 {
        add("truncated", create.as_bytes()[..create.len() * part / 12].to_vec());
    }
    for depth in [100, 10_000] {
        add("deep arrays", "[".repeat(depth).into_bytes());
        add("deep closed arrays", ["[".repeat(depth), "]".repeat(depth)].concat().into_bytes());
        add("deep objects", "{\"tag\":".repeat(depth).into_bytes());
        let items = [r#"{"tag":"Attributes","value":["#.repeat(depth), "]}".repeat(depth)].concat();
        add("deep items", format!(r#"{{"tag":"Create","value":[{items}]}}"#).into_bytes());
        let value = ["[".repeat(depth), "]".repeat(depth)].concat();
        add("a deep value", format!(r#"{{"tag":"Query","type":"Structure","value":{value}}}"#).into_bytes());
    }
    add("a tag twice", br#"{"tag":"Query","tag":"Create","value":[]}"#.to_vec());
    add("a value twice", br#"{"tag":"Query","value":[],"value":[]}"#.to_vec());
    add("a type twice", br#"{"tag":"Query","type":"Structure","type":"Integer","value":[]}"#.to_vec());
    add("an unknown member", br#"{"tag":"Query","value":[],"extra":1}"#.to_vec());
    for value in wrong() {
        add(&value.to_string(), value.to_string().into_bytes());
    }
    all
}

/// Well-formed JSON that is not a well-formed request.
fn wrong() -> Vec<Value> {
    let create = |field: Value| kmip::structure("Create", &[kmip::enumeration("ObjectType", "SymmetricKey"), field]);
    let attribute = |item: Value| create(kmip::structure("Attributes", &[item]));
    let length = |value: Value| attribute(json!({"tag": "CryptographicLength", "type": "Integer", "value": value}));
    let id = |value: Value| kmip::structure("Get", &[json!({"tag": "UniqueIdentifier", "value": value})]);
    let data = |value: Value| {
        kmip::structure(
            "Encrypt",
            &[kmip::text("UniqueIdentifier", "x"), json!({"tag": "Data", "type": "ByteString", "value": value})],
        )
    };
    vec![
        json!({"tag": "Nonsense", "value": []}),
        json!({"tag": "Attributes", "value": []}),
        json!({"tag": "0x420000", "value": []}),
        json!({"tag": 7, "value": []}),
        json!({"tag": null, "value": []}),
        json!({"tag": "Query", "type": "Nonsense", "value": []}),
        json!({"tag": "Query", "type": 7, "value": []}),
        json!({"tag": "Create", "value": {}}),
        json!({"tag": "Create", "value": "x"}),
        json!({"tag": "Create", "value": null}),
        json!({"tag": "Create", "type": "Integer", "value": 1}),
        json!({"tag": "Create", "value": [1, "x", null, []]}),
        json!({"tag": "Create", "value": [{}]}),
        create(json!({"tag": "Nonsense", "type": "Integer", "value": 1})),
        create(json!({"tag": "0x540001", "type": "Integer", "value": 1})),
        create(json!({"tag": "Attributes", "value": [{"tag": "Attributes", "value": []}]})),
        attribute(kmip::enumeration("CryptographicAlgorithm", "ROT13")),
        attribute(json!({"tag": "CryptographicAlgorithm", "type": "Enumeration", "value": 4_294_967_295_u64})),
        attribute(json!({"tag": "CryptographicAlgorithm", "type": "Enumeration", "value": -1})),
        attribute(json!({"tag": "CryptographicAlgorithm", "type": "Enumeration", "value": "0xZZ"})),
        attribute(kmip::boolean("CryptographicAlgorithm", true)),
        attribute(json!({"tag": "Extractable", "type": "Boolean", "value": "perhaps"})),
        attribute(json!({"tag": "ActivationDate", "type": "DateTime", "value": "yesterday"})),
        attribute(json!({"tag": "ActivationDate", "type": "DateTime", "value": "9999999-01-01T00:00:00Z"})),
        attribute(json!({"tag": "CryptographicUsageMask", "type": "Integer", "value": "Everything"})),
        attribute(kmip::date("ActivationDate", "2024-13-45T99:99:99Z")),
        length(json!("256")),
        length(json!(1.5)),
        length(json!(-256)),
        length(json!(2_147_483_648_u64)),
        length(json!(18_446_744_073_709_551_615_u64)),
        length(serde_json::from_str("1e308").unwrap()),
        length(json!([256])),
        length(json!({"bits": 256})),
        id(json!(7)),
        id(json!("")),
        id(json!("../../etc/passwd")),
        id(json!("x".repeat(MIB))),
        id(json!("\0")),
        id(json!("' OR 1=1 --")),
        data(json!("0")),
        data(json!("zz")),
        data(json!(7)),
        data(json!(["00"])),
        kmip::structure("RNGRetrieve", &[kmip::integer("DataLength", -1)]),
        kmip::structure("RNGRetrieve", &[kmip::integer("DataLength", 2_147_483_647)]),
        kmip::structure("Locate", &[kmip::integer("MaximumItems", -1)]),
        kmip::structure("Locate", &[kmip::integer("OffsetItems", -1)]),
        json!({"tag": "RequestMessage", "value": []}),
        json!({"tag": "RequestMessage", "value": [{"tag": "RequestHeader", "value": []}]}),
        json!({"tag": "RequestMessage", "value": [{"tag": "BatchItem", "value": []}]}),
    ]
}

fn send(connection: &mut Connection, body: &[u8]) -> Answer {
    connection.try_request("POST", kmip::PATH, &[("Content-Type", "application/json")], body).unwrap()
}

/// Refused, with a reason that does not contain the whole request.
fn is_reasoned(what: &str, answer: &Answer) {
    let what: String = what.chars().take(200).collect();
    assert!(answer.body.len() < 1000, "{what}: an answer of {} bytes", answer.body.len());
    // A message is answered with a message.
    if answer.status == 200 {
        let answer = answer.json();
        assert_eq!(
            (&answer["tag"], &*kmip::string(&answer, "ResultStatus")),
            (&json!("ResponseMessage"), "OperationFailed")
        );
        assert!(!kmip::string(&answer, "ResultMessage").is_empty(), "{what}: {answer}");
        return;
    }
    assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
    assert!(!answer.detail().is_empty(), "{what}: {answer:?}");
}

#[test]
fn what_is_no_request_is_refused_with_a_reason_and_leaves_nothing_behind() {
    let server = Server::start();
    let client = server.alice();
    let bodies = bodies();
    assert!(bodies.len() > 90);
    let mut connection = client.connect().unwrap();
    let mut round = || {
        for (what, body) in &bodies {
            is_reasoned(what, &send(&mut connection, body));
        }
    };
    round();
    round();
    let before = server.resident();
    for _ in 0..3 {
        round();
    }
    let after = server.resident();
    assert!(after < before + 16 * MIB, "from {before} to {after} bytes over {} requests", 3 * bodies.len());
    is_well(&server, &client);
}

#[test]
fn a_very_wide_request_costs_no_more_than_its_size() {
    let server = Server::start();
    let client = server.alice();
    let wide = |item: &str| {
        let items = vec![item; 1_000_000].join(",");
        format!(r#"{{"tag":"Create","type":"Structure","value":[{items}]}}"#).into_bytes()
    };
    let bodies = [wide("{}"), wide("1"), wide("[]"), wide("null")];
    let attributes = vec![r#"{"tag":"Name","value":[]}"#; 100_000].join(",");
    let attributes = format!(r#"{{"tag":"Create","value":[{{"tag":"Attributes","value":[{attributes}]}}]}}"#);
    let numbers = format!(r#"{{"tag":"Query","value":{}1}}"#, "1".repeat(4 * MIB));
    let text = format!(r#"{{"tag":"{}","value":[]}}"#, "x".repeat(4 * MIB));
    let escapes = format!(r#"{{"tag":"{}","value":[]}}"#, "\\u0041".repeat(MIB));
    let more = [attributes, numbers, text, escapes].map(String::into_bytes);
    let mut connection = client.connect().unwrap();
    let mut round = || {
        for body in bodies.iter().chain(&more) {
            is_reasoned(&format!("{} bytes", body.len()), &send(&mut connection, body));
        }
    };
    round();
    round();
    let before = server.resident();
    round();
    round();
    let after = server.resident();
    assert!(after < before + 32 * MIB, "from {before} to {after} bytes");
    let peak = server.peak();
    assert!(peak < before + 128 * MIB, "{peak} bytes at its peak, {before} in rest");
    is_well(&server, &client);
}

#[test]
fn a_body_that_is_too_large_is_not_read() {
    let server = Server::start_with(&Options { plain: true, ..Options::default() });
    let client = server.nobody();
    let before = server.peak();
    for length in ["104857600", "8388609", "1099511627776"] {
        let mut connection = client.connect().unwrap();
        let head = format!(
            "POST /kmip/2_1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        connection.stream.write_all(head.as_bytes()).unwrap();
        // The answer arrives although no part of the body was sent.
        let answer = connection.read_answer().unwrap();
        assert_eq!(answer.status, 413, "{length}");
        assert!(answer.detail().contains("larger"), "{answer:?}");
    }
    // A body without a length, until the server refuses it.
    let mut connection = client.connect().unwrap();
    let head = "POST /kmip/2_1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection.stream.write_all(head.as_bytes()).unwrap();
    let chunk = [b"100000\r\n".to_vec(), vec![b' '; MIB], b"\r\n".to_vec()].concat();
    let sent = (0..100).take_while(|_| connection.stream.write_all(&chunk).is_ok()).count();
    assert_eq!(connection.read_answer().unwrap().status, 413);
    assert!(sent < 50, "it took {sent} MiB");
    let peak = server.peak();
    assert!(peak < before + 64 * MIB, "from {before} to {peak} bytes");
    is_well(&server, &client);
}

#[test]
fn the_largest_body_is_read() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let data = vec![7; 4 * MIB - 1000];
    let sealed = alice.seal(&id, &data);
    assert!(alice.open(&sealed) == data);
}

/// Sends raw bytes, which a server may refuse before it has read all of them.
fn raw(client: &Client, bytes: &[u8]) -> io::Result<Answer> {
    let mut connection = client.connect()?;
    let _ = connection.stream.write_all(bytes);
    connection.read_answer()
}

#[test]
fn heads_out_of_all_bounds_are_refused() {
    let server = Server::start_with(&Options { plain: true, ..Options::default() });
    let client = server.nobody();
    let get = |rest: &str| format!("GET /whoami HTTP/1.1\r\nHost: localhost\r\n{rest}\r\n\r\n").into_bytes();
    let many: Vec<String> = (0..5000).map(|number| format!("X-{number}: y")).collect();
    let heads = [
        ("a long URL", format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(10 * MIB)).into_bytes()),
        ("a URL just over", format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(66_000)).into_bytes()),
        ("a long header", get(&format!("X: {}", "y".repeat(10 * MIB)))),
        ("a long name", get(&format!("{}: y", "X".repeat(10 * MIB)))),
        ("many headers", get(&many.join("\r\n"))),
        ("garbage in a name", get("X Y: z")),
        ("bytes in a name", [&get("")[..40], b"\xff\xfe: z\r\n\r\n"].concat()),
        ("a NUL in a value", get("X: a\0b")),
        ("a bare CR in a value", get("X: a\rY: b")),
        ("no colon", get("nothing")),
        ("a folded line", get("X: a\r\n folded")),
        ("a space before the colon", get("Content-Length : 5")),
        ("two lengths", get("Content-Length: 5\r\nContent-Length: 6")),
        ("a signed length", get("Content-Length: +5")),
        ("a negative length", get("Content-Length: -5")),
        ("a length of words", get("Content-Length: five")),
        ("a length in a list", get("Content-Length: 5, 6")),
        ("a huge length", get("Content-Length: 99999999999999999999999")),
        ("an unknown coding", get("Transfer-Encoding: rot13")),
        ("chunked not last", get("Transfer-Encoding: chunked, gzip")),
        ("no version", b"GET /whoami\r\n\r\n".to_vec()),
        ("a future version", b"GET /whoami HTTP/9.9\r\nHost: localhost\r\n\r\n".to_vec()),
        ("a method with a space", b"G ET /whoami HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("a space in the URL", b"GET /who ami HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("TLS to plain HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00\r\n\r\n".to_vec()),
        ("another protocol", b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec()),
        ("noise", (0..4096_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()),
    ];
    let round = || {
        for (what, bytes) in &heads {
            match raw(&client, bytes) {
                Ok(answer) => assert!((400..500).contains(&answer.status), "{what}: {answer:?}"),
                // The answer may be lost if the connection is closed while the client still sends.
                Err(error) => assert!(bytes.len() > MIB, "{what}: {error}"),
            }
        }
    };
    round();
    let before = server.resident();
    for _ in 0..8 {
        round();
    }
    let after = server.resident();
    assert!(after < before + 16 * MIB, "from {before} to {after} bytes over {} requests", 8 * heads.len());
    is_well(&server, &client);
}

#[test]
fn a_request_inside_a_request_is_not_seen() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    // An attacker could use two programs that disagree on which of the two headers counts (RFC 9112 section 6.3).
    let inner = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let outer = format!(
        "POST /kmip/2_1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}",
        inner.len() + 5
    );
    alice.stream.write_all(outer.as_bytes()).unwrap();
    let answer = alice.read_answer().unwrap();
    assert!((400..500).contains(&answer.status), "{answer:?}");
    // Refused or read as chunked, with the rest of the connection closed or another request; never as a body.
    let mut rest = Vec::new();
    let _ = alice.stream.read_to_end(&mut rest);
    is_well(&server, &server.alice());
}

#[test]
fn what_is_not_tls_ends_in_the_handshake() {
    let server = Server::start();
    let client = server.alice();
    for bytes in [
        &b"GET /whoami HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
        b"\x16\x03\x01\xff\xff\x01\x00\xff\xfb",
        b"\x17\x03\x03\x00\x10................",
        b"\x42\x00\x78\x01\x00\x00\x00\x10",
        &[0; 1000],
        &[255; 100_000],
    ] {
        let mut tcp = client.tcp().unwrap();
        let _ = tcp.write_all(bytes);
        let _ = tcp.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = tcp.read_to_end(&mut answer);
        assert!(answer.len() < 100 && !answer.starts_with(b"HTTP"), "{answer:?}");
    }
    is_well(&server, &client);
}
