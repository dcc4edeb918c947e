//! `clavigerd --check-store` finds changes that bindings do not show: a row that was replaced by its older version, and
//! a row that was deleted.

use std::fs;
use std::sync::Arc;

use rusqlite::Connection as Database;
use serde_json::json;

use crate::harness::kmip::{create, named, revoke};
use crate::harness::server::Place;
use crate::harness::{Options, Server};

const ROLE: &str = "/access/definitions/roles/operator";

fn options() -> Options {
    Options { arguments: vec!["--administrators=alice".to_owned()], ..Options::default() }
}

fn define(server: &Server, capability: &str) {
    let role = json!({"capabilities": [capability], "policies": []}).to_string();
    let headers = [("Content-Type", "application/json")];
    let answer = server.alice().try_request("PUT", ROLE, &headers, role.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}

/// Opens the database, to change it by hand.
fn edit(place: &Place, statements: &str) {
    let database = Database::open(place.database()).unwrap();
    let older = place.path("older.db");
    database.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    database.execute("ATTACH ?1 AS older", [older.to_str().unwrap()]).unwrap();
    database.execute_batch(statements).unwrap();
}

/// Returns the only finding.
fn finding(place: &Place) -> String {
    let (is_clean, said) = place.check_store(&options());
    // Without the lines of the log about the access token.
    let lines: Vec<&str> = said.lines().filter(|line| !line.contains(" INFO claviger::")).collect();
    assert!(!is_clean && lines.len() == 3, "{said}");
    assert!(lines[1].ends_with(": 1 findings"), "{said}");
    lines[0].to_owned()
}

#[test]
fn rows_that_were_exchanged_for_older_ones_edited_or_removed() {
    let server = Server::start_with(&options());
    let mut alice = server.alice().connect().unwrap();
    let [kept, revoked, destroyed] = [(); 3].map(|()| alice.new_key(&create("AES", 256, &[])));
    define(&server, "use");
    let (is_clean, said) = server.place.check_store(&options());
    assert!(!is_clean && said.contains("in use by another clavigerd"), "{said}");
    let place = server.stop().0;
    fs::copy(place.database(), place.path("older.db")).unwrap();

    let server = Server::start_at(Arc::clone(&place), &options());
    let mut alice = server.alice().connect().unwrap();
    alice.ok(&revoke(&revoked, "KeyCompromise"));
    alice.ok(&revoke(&destroyed, "Superseded"));
    alice.ok(&named("Destroy", &destroyed));
    define(&server, "read");
    server.stop();
    let (is_clean, said) = place.check_store(&options());
    assert!(is_clean, "{said}");
    let good = fs::read(place.database()).unwrap();
    let back = |id: &str| {
        format!(
            "DELETE FROM object WHERE id = '{id}'; INSERT INTO object SELECT * FROM older.object WHERE id = '{id}';"
        )
    };
    let of_role = "kind = 'role' AND name = 'operator'";
    let put_back = |name: &str, from: i64, to: i64| {
        format!("{name}: version {from}, but the audit log knows version {to}: an older row was put back")
    };
    for (statements, expected) in [
        (back(&revoked), put_back(&revoked, 1, 2)),
        (back(&destroyed), put_back(&destroyed, 1, 3)),
        (
            format!(
                "DELETE FROM policy_entry WHERE {of_role}; \
                 INSERT INTO policy_entry SELECT * FROM older.policy_entry WHERE {of_role};"
            ),
            put_back("role/operator", 1, 2),
        ),
        (
            format!("DELETE FROM object WHERE id = '{kept}'"),
            format!("{kept}: the audit log knows it, but its row is gone"),
        ),
        (
            format!("DELETE FROM policy_entry WHERE {of_role}"),
            "role/operator: the audit log knows it, but its row is gone".to_owned(),
        ),
        (
            format!("UPDATE object SET usage_mask = usage_mask + 1 WHERE id = '{kept}'"),
            format!("{kept}: its binding is wrong: it was changed in the database"),
        ),
    ] {
        edit(&place, &statements);
        assert_eq!(finding(&place), expected);
        fs::write(place.database(), &good).unwrap();
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(place.path(&format!("claviger.db{suffix}")));
        }
    }
    let (is_clean, said) = place.check_store(&options());
    assert!(is_clean, "{said}");
    // A changed log is also a finding.
    let text = fs::read_to_string(place.audit_file()).unwrap();
    fs::write(place.audit_file(), text.replacen("\"user\":\"alice\"", "\"user\":\"alicf\"", 1)).unwrap();
    let said = finding(&place);
    assert!(said.starts_with("audit log: ") && said.contains("audit.jsonl, line "), "{said}");
}
