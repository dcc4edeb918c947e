//! Secrets: values of any bytes under a name, the last twenty of each, for callers with the rights.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use data_encoding::BASE64;
use rusqlite::Connection as Database;
use serde_json::json;

use crate::harness::caller::Caller;
use crate::harness::kmip::{encrypt, named};
use crate::harness::server::{P12_PASSWORD, run, run_with};
use crate::harness::token::write_private;
use crate::harness::{Answer, Client, Connection, Leaf, Options, Server, conjur, eventually, reference};

const VALUE: &str = "/secrets/acme/variable/db%2Fpassword";

fn put_at(connection: &mut Connection, path: &str, value: &[u8]) -> u16 {
    connection.try_request("POST", path, &[], value).unwrap().status
}

fn put(client: &Client, path: &str, value: &[u8]) -> u16 {
    put_at(&mut client.connect().unwrap(), path, value)
}

#[track_caller]
fn value(client: &Client, path: &str) -> Vec<u8> {
    let answer = client.get(path);
    assert_eq!(answer.status, 200, "{path} {}", String::from_utf8_lossy(&answer.body));
    answer.body
}

/// Returns the identifier of the object that holds a secret.
fn object(server: &Server, name: &str) -> String {
    let select = "SELECT object FROM secret_path WHERE path = ?1";
    Database::open(server.place.database()).unwrap().query_row(select, [name], |row| row.get(0)).unwrap()
}

/// Starts a server where alice has the role `lead` in the project `acme`, for the account of that name.
fn acme() -> Server {
    let server = conjur::server();
    let mut root = Caller::certificate(&server, "root");
    conjur::define(&mut root, "roles", "lead", &json!({"capabilities": ["*"], "policies": ["all"]}));
    conjur::define(&mut root, "projects", "acme", &json!({"members": {"alice": "lead"}}));
    server
}

#[test]
fn values_of_any_bytes_come_back() {
    let server = acme();
    let alice = server.alice();
    let all: Vec<Vec<u8>> = vec![
        vec![0],
        reference::random(33),
        reference::random(64 << 10),
        vec![0xff, 0xfe, 0, b'\n', 0x80],
        "prüfung\n".as_bytes().to_vec(),
    ];
    for (number, own) in all.iter().enumerate() {
        let path = format!("/secrets/acme/variable/v/{number}");
        assert_eq!(put(&alice, &path, own), 201, "{number}");
        assert_eq!(value(&alice, &path), *own, "{number}");
    }
    assert_eq!(put(&alice, VALUE, b""), 422, "an empty value");
    for length in [(64 << 10) + 1, 4 << 20] {
        assert_eq!(put(&alice, VALUE, &reference::random(length)), 413, "{length}");
    }
    assert_eq!(alice.get(VALUE).status, 404, "nothing of it is kept");
    let server = server.restart();
    for (number, own) in all.iter().enumerate() {
        assert_eq!(value(&server.alice(), &format!("/secrets/acme/variable/v%2F{number}")), *own, "{number}");
    }
}

#[test]
fn the_last_twenty_are_kept_and_what_is_older_is_gone_from_the_database() {
    let server = acme();
    let mut alice = server.alice().connect().unwrap();
    for number in 1..=25_u8 {
        assert_eq!(put_at(&mut alice, VALUE, format!("value {number}").as_bytes()), 201);
    }
    let mut at = |version: &str| {
        let answer = alice.get(&format!("{VALUE}?version={version}"));
        (answer.status, String::from_utf8(answer.body).unwrap())
    };
    assert_eq!(at("25"), (200, "value 25".to_owned()));
    assert_eq!(at("6"), (200, "value 6".to_owned()));
    for (version, status) in [("5", 404), ("1", 404), ("26", 404), ("0", 404), ("-1", 400), ("x", 400), ("", 200)] {
        assert_eq!(at(version).0, status, "{version}");
    }
    let database = Database::open(server.place.database()).unwrap();
    let rows: i64 = database.query_row("SELECT count(*) FROM secret_version", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 20);
    let data: Vec<u8> =
        database.query_row("SELECT data FROM secret_version WHERE number = 6", [], |row| row.get(0)).unwrap();
    drop(database);
    assert_eq!(put_at(&mut alice, VALUE, b"value 26"), 201);
    let is_in = |file: &str| {
        let content = fs::read(server.place.path(file)).unwrap_or_default();
        content.windows(data.len()).any(|window| window == data)
    };
    let files = ["claviger.db", "claviger.db-wal"];
    eventually("the former ciphertext is erased", || (!files.iter().any(|file| is_in(file))).then_some(()));
}

#[test]
fn several_are_read_at_once() {
    let server = acme();
    let alice = server.alice();
    put(&alice, "/secrets/acme/variable/a", b"1");
    put(&alice, "/secrets/acme/variable/b%2Fc", "zw\u{f6}lf".as_bytes());
    put(&alice, "/secrets/acme/variable/d", &[0xff]);
    let ids = "/secrets?variable_ids=acme%3Avariable%3Aa,acme:variable:b%2Fc";
    let answer = alice.get(ids);
    assert_eq!(answer.json(), json!({"acme:variable:a": "1", "acme:variable:b/c": "zw\u{f6}lf"}));
    assert_eq!(alice.get(&format!("{ids},acme:variable:d")).status, 406);
    let in_base64 =
        alice.try_request("GET", &format!("{ids},acme:variable:d"), &[("Accept-Encoding", "base64")], b"").unwrap();
    assert_eq!(in_base64.json()["acme:variable:d"], BASE64.encode(&[0xff]));
    assert_eq!(in_base64.header("content-encoding"), Some("base64"));
    assert_eq!(alice.get(&format!("{ids},acme:variable:x")).status, 404, "all of them, or none");
    assert_eq!(server.bob().get(ids).status, 404);
    let many = vec!["acme:variable:a"; 101].join(",");
    for query in
        ["", "?variable_ids=", "?variable_ids=a", "?variable_ids=acme:host:a", &format!("?variable_ids={many}")]
    {
        assert_eq!(alice.get(&format!("/secrets{query}")).status, 400, "{query}");
    }
}

#[test]
fn who_may_is_said_as_for_every_object() {
    let server = acme();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Caller::certificate(&server, name));
    let path = "/secrets/acme/variable/shared";
    let write = |caller: &mut Caller, value: &str| {
        caller.connection.try_request("POST", path, &[], value.as_bytes()).unwrap().status
    };
    let read = |caller: &mut Caller| -> (u16, Vec<u8>) {
        let answer: Answer = caller.send("GET", path, None);
        (answer.status, answer.body)
    };
    assert_eq!(write(&mut alice, "one"), 201);
    let id = object(&server, "acme:variable:shared");
    assert_eq!((read(&mut bob).0, write(&mut bob, "x")), (404, 404));
    alice.grant(&id, "bob", &["read_secret"]);
    assert_eq!(read(&mut bob), (200, b"one".to_vec()));
    assert_eq!(write(&mut bob, "x"), 403);
    alice.grant(&id, "bob", &["write_secret"]);
    assert_eq!(write(&mut bob, "two"), 201);
    assert_eq!(read(&mut alice), (200, b"two".to_vec()));
    alice.take_back(&id, "bob", &["read_secret", "write_secret"]);
    assert_eq!(read(&mut bob).0, 404);
    for (operation, told) in
        [("encrypt", "a secret can only be read and written"), ("get", "a secret can only be read and written")]
    {
        let said = alice.not_done("/access/grant", &crate::harness::caller::change(&id, "bob", &[operation]), 422);
        assert!(said.contains(told), "{said}");
    }
    let key = alice.key("key", &[]);
    let said = alice.not_done("/access/grant", &crate::harness::caller::change(&key, "bob", &["read_secret"]), 422);
    assert!(said.contains("holds no secret"), "{said}");
    // Its key has no other use, and never leaves.
    assert_eq!(alice.kmip(&encrypt(&id, b"x")).status, 422);
    for operation in ["Get", "Export"] {
        assert_eq!(alice.kmip(&named(operation, &id)).status, 403, "{operation}");
    }
    // A caller cannot choose such an identifier.
    assert_eq!(
        alice
            .kmip(&crate::harness::kmip::create(
                "AES",
                256,
                &[crate::harness::kmip::text("UniqueIdentifier", &format!("{id}x"))]
            ))
            .status,
        400
    );
    assert_eq!(alice.get("/access/owned").as_array().unwrap().len(), 2);
    assert_eq!(alice.send("DELETE", path, None).status, 204);
    assert_eq!((read(&mut alice).0, alice.send("DELETE", path, None).status), (404, 404));
    let rows = "SELECT count(*) FROM secret_version";
    let count: i64 = Database::open(server.place.database()).unwrap().query_row(rows, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
    for bad in [
        "/secrets/a%3Ab/variable/x",
        "/secrets/acme/variable/a%0Ab",
        &format!("/secrets/acme/variable/{}", "x".repeat(801)),
    ] {
        assert_eq!(alice.send("GET", bad, None).status, 400, "{bad}");
    }
    let trail = fs::read_to_string(server.place.audit_file()).unwrap();
    assert!(trail.contains("WriteSecret") && trail.contains("acme:variable:shared") && !trail.contains("\"two\""));
}

#[test]
fn a_host_of_conjur_reads_what_it_was_given() {
    let (server, key) = (acme(), crate::harness::SigningKey::rsa("one"));
    conjur::configured(&server, &key, &json!({}));
    let mut alice = Caller::certificate(&server, "alice");
    put(&server.alice(), VALUE, b"hunter2");
    let token = conjur::authorization(&conjur::authenticate(&server, &conjur::jwt(&key, &json!({}))));
    let read = || server.nobody().try_request("GET", VALUE, &[("Authorization", &token)], b"").unwrap();
    assert_eq!(read().status, 404);
    alice.grant(&object(&server, "acme:variable:db/password"), "host/apps/web", &["read_secret"]);
    assert_eq!((read().status, read().body), (200, b"hunter2".to_vec()));
    let nobody = server.nobody().get(VALUE);
    assert_eq!((nobody.status, nobody.body.len()), (401, 0));
}

#[test]
fn rows_that_were_changed_are_refused() {
    let server = Server::start();
    let alice = server.alice();
    let paths: Vec<String> = (0..8).map(|number| format!("/secrets/default/variable/{number}")).collect();
    for path in &paths {
        put(&alice, path, b"old");
        put(&alice, path, b"new");
    }
    let ids: Vec<String> = (0..8).map(|number| object(&server, &format!("default:variable:{number}"))).collect();
    let (place, _) = server.stop();
    let database = Database::open(place.database()).unwrap();
    for (statement, id) in [
        ("UPDATE secret_version SET data = zeroblob(19) WHERE object = ?1 AND number = 2", &ids[0]),
        ("UPDATE secret_version SET created = 0 WHERE object = ?1 AND number = 2", &ids[1]),
        // The older value replaces the last one.
        (
            "UPDATE secret_version SET (iv, data, binding) = (SELECT iv, data, binding FROM secret_version AS o WHERE o.object = ?1 AND o.number = 1) WHERE object = ?1 AND number = 2",
            &ids[2],
        ),
        // The value of another secret.
        (
            "UPDATE secret_version SET (iv, data, binding) = (SELECT iv, data, binding FROM secret_version AS o WHERE o.object <> ?1 AND o.number = 2 LIMIT 1) WHERE object = ?1 AND number = 2",
            &ids[3],
        ),
        ("DELETE FROM secret_version WHERE object = ?1 AND number = 2", &ids[4]),
        // A value that no caller reads.
        ("DELETE FROM secret_version WHERE object = ?1 AND number = 1", &ids[7]),
        (
            "UPDATE object SET attributes = replace(attributes, 'secret_version', 'secret_versions') WHERE id = ?1",
            &ids[5],
        ),
    ] {
        assert_eq!(database.execute(statement, [id]).unwrap(), 1, "{statement}");
    }
    drop(database);
    let mut check = place.command(&Options { arguments: vec!["--check-store".into()], ..Options::default() });
    let (status, out, error) = run(&mut check);
    assert_eq!(status.code(), Some(1), "{out}{error}");
    for id in &ids[..4] {
        assert!(format!("{out}{error}").contains(&format!("{id}, value 2: its binding is wrong")), "{out}{error}");
    }
    for (id, number) in [(&ids[4], 2), (&ids[7], 1)] {
        assert!(format!("{out}{error}").contains(&format!("{id}, value {number}: its row is gone")), "{out}{error}");
    }
    let server = Server::start_at(place, &Options::default());
    let alice = server.alice();
    for path in &paths[..6] {
        let answer = alice.get(path);
        assert_eq!(answer.status, 500, "{path} {}", String::from_utf8_lossy(&answer.body));
    }
    assert_eq!((value(&alice, &paths[6]), value(&alice, &paths[7])), (b"new".to_vec(), b"new".to_vec()));
    assert!(server.log().matches("ROW REFUSED").count() >= 6);
}

#[test]
fn they_survive_the_token_going_and_coming_back() {
    let server = acme();
    let alice = server.alice();
    put(&alice, VALUE, b"hunter2");
    let aside = server.place.path("aside");
    fs::rename(&server.place.token.tokens, &aside).unwrap();
    eventually("the token is away", || (alice.get("/health").status == 503).then_some(()));
    assert_eq!(put(&alice, VALUE, b"x"), 503);
    fs::rename(&aside, &server.place.token.tokens).unwrap();
    eventually("the token is back", || (alice.get("/health").status == 200).then_some(()));
    assert_eq!(value(&alice, VALUE), b"hunter2");
    assert_eq!(put(&alice, VALUE, b"next"), 201);
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// 500 secrets with 20 values each, none of which may be in any file.
#[test]
fn of_ten_thousand_values_no_byte_is_to_be_found() {
    let server = acme();
    let values: Vec<Vec<Vec<u8>>> = (0..500).map(|_| (0..20).map(|_| reference::random(32)).collect()).collect();
    thread::scope(|scope| {
        for clients in values.chunks(32).enumerate().collect::<Vec<_>>().chunks(2) {
            let (clients, alice) = (clients.to_vec(), server.alice());
            scope.spawn(move || {
                let mut alice = alice.connect().unwrap();
                for (client, chunk) in clients {
                    for (number, own) in chunk.iter().enumerate() {
                        for value in own {
                            let path = format!("/secrets/acme/variable/{client}/{number}");
                            assert_eq!(put_at(&mut alice, &path, value), 201);
                        }
                    }
                }
            });
        }
    });
    let mut alice = server.alice().connect().unwrap();
    for (client, chunk) in values.chunks(32).enumerate() {
        for (number, own) in chunk.iter().enumerate() {
            let answer = alice.get(&format!("/secrets/acme/variable/{client}/{number}"));
            assert_eq!(answer.body, own[19]);
        }
    }
    let mut heads: HashMap<[u8; 8], Vec<u8>> = HashMap::new();
    for value in values.iter().flatten() {
        heads.insert(value[..8].try_into().unwrap(), value.clone());
        heads.insert(BASE64.encode(value).as_bytes()[..8].try_into().unwrap(), BASE64.encode(value).into_bytes());
        let hexadecimal = data_encoding::HEXLOWER.encode(value).into_bytes();
        heads.insert(hexadecimal[..8].try_into().unwrap(), hexadecimal);
    }
    let mut looked = 0;
    for file in files(server.place.directory.path()) {
        let Ok(content) = fs::read(&file) else { continue };
        looked += content.len();
        for (at, head) in content.windows(8).enumerate() {
            if let Some(value) = heads.get(head) {
                assert!(!content[at..].starts_with(value), "a value is in {}", file.display());
            }
        }
    }
    assert!(looked > 1 << 20, "{looked}");
}

#[test]
fn the_command_line_writes_and_reads_them() {
    let server = acme();
    let place = Arc::clone(&server.place);
    fs::write(place.path("alice.p12"), place.alice.pkcs12(P12_PASSWORD)).unwrap();
    write_private(&place.path("alice.password"), P12_PASSWORD.as_bytes());
    let claviger = |arguments: &[&str], input: &[u8]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
        command.env_clear().env("HOME", place.directory.path()).current_dir(place.directory.path());
        command.args(["--url", &format!("https://localhost:{}", server.address.port()), "--ca-file", "ca.pem"]);
        command.args(["--client-p12", "alice.p12", "--client-p12-password-file", "alice.password"]).args(arguments);
        run_with(&mut command, input)
    };
    let first = reference::random(1000);
    assert!(claviger(&["secrets", "put", "db/password", "--account", "acme"], &first).status.success());
    assert_eq!(claviger(&["secrets", "get", "db/password", "--account", "acme"], b"").stdout, first);
    fs::write(place.path("next"), b"next").unwrap();
    assert!(claviger(&["secrets", "put", "db/password", "--account", "acme", "--file", "next"], b"").status.success());
    assert_eq!(claviger(&["secrets", "get", "db/password", "--account", "acme"], b"").stdout, b"next");
    let file = place.path("out");
    let done = claviger(&["secrets", "get", "db/password", "--account", "acme", "--version", "1", "-o", "out"], b"");
    assert!(done.status.success());
    assert_eq!(fs::read(&file).unwrap(), first);
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions()) & 0o777, 0o600);
    let long = claviger(&["secrets", "put", "long"], &vec![0; (64 << 10) + 1]);
    let told = String::from_utf8(long.stderr).unwrap();
    assert!(!long.status.success() && told.contains("too large"), "{told}");
    let missing = claviger(&["secrets", "get", "nothing"], b"");
    let told = String::from_utf8(missing.stderr).unwrap();
    assert!(told.contains("there is no variable \"default:variable:nothing\""), "{told}");
    let again = claviger(&["secrets", "get", "db/password", "--account", "acme", "-o", "out"], b"");
    assert!(!again.status.success() && String::from_utf8(again.stderr).unwrap().contains("--force"));
    assert_eq!(fs::read(&file).unwrap(), first);
    let forced = ["secrets", "get", "db/password", "--account", "acme", "-o", "out", "--force"];
    assert!(claviger(&forced, b"").status.success());
    assert_eq!(fs::read(&file).unwrap(), b"next");
    let unconfirmed = claviger(&["secrets", "delete", "db/password", "--account", "acme"], b"");
    assert_eq!(unconfirmed.status.code(), Some(2));
    assert!(claviger(&["secrets", "delete", "db/password", "--account", "acme", "--yes"], b"").status.success());
    let bob = server.place.authority.issue(&Leaf::client("bob"));
    assert_eq!(server.client(&bob).get(VALUE).status, 404);
}
