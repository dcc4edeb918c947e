//! Rows that a person with the database file edited, exchanged or inserted are refused, with a log line; other rows
//! stay usable.

use std::sync::Arc;

use rusqlite::Connection as Database;

use crate::harness::kmip::{create, encrypt, locate, name, named, tags, text};
use crate::harness::{Connection, Options, Server};

/// Opens the database as an intruder does, with or without a running server.
fn intrude(server_database: &std::path::Path, statements: &[String]) {
    let database = Database::open(server_database).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    for statement in statements {
        assert!(database.execute(statement, []).unwrap() > 0, "{statement}");
    }
}

fn make(alice: &mut Connection, id: &str) {
    alice.ok(&create("AES", 256, &[text("UniqueIdentifier", id), name(id), tags(&["t"])]));
}

fn refused(alice: &mut Connection, id: &str) {
    for request in [named("Export", id), encrypt(id, b"x"), named("GetAttributes", id), named("Destroy", id)] {
        let problem = alice.refused(&request, 500, "Internal_Server_Error");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("fails its integrity check") && detail.contains(id), "{detail}");
    }
}

/// Changes that an intruder may make to the row of the object `target`.
fn edits() -> Vec<&'static str> {
    vec![
        "owner = 'bob'",
        "owner = ''",
        "version = version + 1",
        "state = 1",
        "state = 5",
        "state = 77",
        "usage_mask = 12",
        "usage_mask = -1",
        "algorithm = 8",
        "algorithm = 99999",
        "length = 128",
        "length = 0",
        "object_type = 1",
        "extractable = 0",
        "sensitive = 1",
        "class = 1",
        "class = 2",
        "class = 9",
        "placement = 2, kek = NULL",
        "placement = 0, kek = NULL, material = NULL",
        "placement = 2, kek = NULL, material = NULL",
        "placement = 7",
        "placement = 1, kek = NULL",
        "kek = zeroblob(20)",
        "material = zeroblob(40)",
        "material = substr(material, 1, 39)",
        "material = x''",
        "activation_date = NULL",
        "activation_date = 1",
        "deactivation_date = 4102444800",
        "attributes = replace(attributes, 'target', 'tArget')",
        "attributes = ''",
        "attributes = '{}'",
        "attributes = cast(x'ff' AS TEXT)",
        "binding = zeroblob(32)",
        "binding = x''",
        "binding = substr(binding, 1, 31)",
    ]
}

#[test]
fn every_column_of_a_row() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    make(&mut alice, "other");
    let other = alice.seal("other", b"goes on");
    let targets: Vec<String> = (0..edits().len()).map(|number| format!("target-{number}")).collect();
    for target in &targets {
        make(&mut alice, target);
    }
    let (place, _) = server.stop();
    let statements = edits().into_iter().zip(&targets);
    let statements = statements.map(|(edit, id)| format!("UPDATE object SET {edit} WHERE id = '{id}'"));
    intrude(&place.database(), &statements.collect::<Vec<_>>());
    let server = Server::start_at(place, &Options::default());
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    for (target, edit) in targets.iter().zip(edits()) {
        refused(&mut alice, target);
        let problem = bob.refused(&named("Export", target), 500, "Internal_Server_Error");
        assert!(problem["detail"].as_str().unwrap().contains("fails its integrity check"));
        let log = server.log();
        assert!(
            log.lines().any(|line| line.contains("ERROR") && line.contains("REFUSED") && line.contains(target)),
            "{edit}"
        );
    }
    assert_eq!(alice.open(&other), b"goes on");
    // A search leaves them out, and does not fail for them.
    assert_eq!(alice.located(&locate(&[tags(&["t"])], &[])).0, ["other"]);
    assert_eq!(bob.located(&locate(&[], &[])).0.len(), 0);
    make(&mut alice, "new");
    assert!(!server.log().contains("panicked"));
}

#[test]
fn material_of_two_rows_exchanged() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    for id in ["one", "two", "three"] {
        make(&mut alice, id);
    }
    make(&mut bob, "his");
    let three = alice.seal("three", b"data");
    let (place, _) = server.stop();
    let give = |column: &str, from: &str, to: &str| {
        format!("UPDATE object SET {column} = (SELECT {column} FROM aside WHERE id = '{from}') WHERE id = '{to}'")
    };
    Database::open(place.database()).unwrap().execute_batch("CREATE TABLE aside AS SELECT * FROM object").unwrap();
    let statements = [
        give("material", "two", "one"),
        give("material", "one", "two"),
        // Bob's row with the key and the binding of alice's row.
        give("material", "three", "his"),
        give("binding", "three", "his"),
    ];
    intrude(&place.database(), &statements);
    Database::open(place.database()).unwrap().execute_batch("DROP TABLE aside").unwrap();
    let server = Server::start_at(place, &Options::default());
    let mut alice = server.alice().connect().unwrap();
    refused(&mut alice, "one");
    refused(&mut alice, "two");
    refused(&mut server.bob().connect().unwrap(), "his");
    assert_eq!(alice.open(&three), b"data");
}

#[test]
fn beside_a_running_server() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    for id in ["warm", "cold", "other"] {
        make(&mut alice, id);
    }
    let sealed = ["warm", "cold", "other"].map(|id| alice.seal(id, b"data"));
    let server = server.restart();
    let mut alice = server.alice().connect().unwrap();
    assert_eq!(alice.open(&sealed[0]), b"data");
    let edit = |id: &str| format!("UPDATE object SET usage_mask = 12 WHERE id = '{id}'");
    intrude(&server.place.database(), &[edit("warm"), edit("cold")]);
    refused(&mut alice, "cold");
    // A cached object was checked when it was read. It is refused when it is read again.
    assert_eq!(alice.open(&sealed[0]), b"data");
    let server = server.restart();
    let mut alice = server.alice().connect().unwrap();
    refused(&mut alice, "warm");
    assert_eq!(alice.open(&sealed[2]), b"data");
}

#[test]
fn a_copied_row_under_another_identifier() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    make(&mut alice, "original");
    let sealed = alice.seal("original", b"data");
    let (place, _) = server.stop();
    let columns = "version, {owner}, object_type, algorithm, length, usage_mask, state, activation_date, \
                   deactivation_date, sensitive, extractable, class, placement, kek, material, attributes, binding";
    let copy = |id: &str, owner: &str| {
        let names = columns.replace("{owner}", "owner");
        let values = columns.replace("{owner}", owner);
        format!("INSERT INTO object (id, {names}) SELECT '{id}', {values} FROM object WHERE id = 'original'")
    };
    intrude(&place.database(), &[copy("copy", "owner"), copy("bobs", "'bob'")]);
    let server = Server::start_at(place, &Options::default());
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    refused(&mut alice, "copy");
    refused(&mut bob, "bobs");
    assert_eq!(bob.located(&locate(&[], &[])).0.len(), 0);
    assert_eq!(alice.open(&sealed), b"data");
}

#[test]
fn the_search_tables_reveal_nothing() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    make(&mut alice, "hers");
    make(&mut bob, "his");
    let (place, _) = server.stop();
    let number = |id: &str| format!("(SELECT number FROM object WHERE id = '{id}')");
    // The rows exchange their names, and bob's row is moved to the place of alice's.
    let statements = [
        format!("UPDATE object_name SET name = 'aside' WHERE number = {}", number("his")),
        format!("UPDATE object_name SET name = 'his' WHERE number = {}", number("hers")),
        "UPDATE object_name SET name = 'hers' WHERE name = 'aside'".to_owned(),
        format!("INSERT INTO object_tag (tag, number) VALUES ('planted', {})", number("hers")),
        format!("INSERT INTO object_tag (tag, number) VALUES ('planted', {})", number("his")),
    ];
    intrude(&place.database(), &statements);
    let server = Server::start_at(Arc::clone(&place), &Options::default());
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    for criteria in [name("his"), name("hers"), tags(&["planted"])] {
        assert_eq!(alice.located(&locate(std::slice::from_ref(&criteria), &[])).0.len(), 0, "{criteria}");
        assert_eq!(bob.located(&locate(&[criteria], &[])).0.len(), 0);
    }
    assert_eq!(bob.located(&locate(&[], &[])).0, ["his"]);
    assert_eq!(alice.located(&locate(&[tags(&["t"])], &[])).0, ["hers"]);
}
