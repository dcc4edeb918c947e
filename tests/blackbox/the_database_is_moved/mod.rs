//! `clavigerd --migrate-to`: a stopped server's database goes from SQLite to PostgreSQL and back, with every row.

mod filled;
mod interrupted;
mod refused;
mod replayed;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use crate::harness::moving::{Dump, dump, ends_clean, on_file, on_postgres};
use crate::harness::postgres::Cluster;
use crate::harness::server::Place;
use crate::harness::{Options, Server, hanzo};
use filled::{Filled, fill, options};

/// Tables that may be empty: what waits for the next start, and what is erased at once.
const EMPTY: [&str; 2] = ["erasure", "root_key_pending"];

fn counts(dump: &Dump) -> BTreeMap<String, usize> {
    dump.iter().map(|(table, rows)| (table.clone(), rows.len())).collect()
}

/// A stopped server on SQLite with every kind of row, used once.
fn stopped() -> (Arc<Place>, Filled, Options) {
    let place = hanzo::place();
    let options = on_file(&place, "claviger.db", &options());
    let (server, mut filled) = fill(Server::start_at(Arc::clone(&place), &options));
    filled.is_usable(&server);
    assert!(server.stop().1.success());
    (place, filled, options)
}

#[test]
fn every_row_goes_there_and_back() {
    let (place, mut filled, options) = stopped();
    let (file, cluster) = (place.database(), Cluster::shared());
    let (bytes, rows) = (fs::read(&file).unwrap(), dump(&file));
    let empty: Vec<&String> = rows.iter().filter(|(_, rows)| rows.is_empty()).map(|(table, _)| table).collect();
    assert_eq!(empty, EMPTY, "every other table has rows");
    let database = cluster.database();
    let url = cluster.url(&database);
    let said = place.moved(&options, &url);
    assert!(said.contains(&format!("object: {} rows", rows["object"].len())), "{said}");
    assert!(said.contains("--server-name main"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), bytes, "the source is not changed");
    // All rows are the same, but those about the ends of audit logs.
    let (mut here, mut there) = (counts(&rows), cluster.counts(&database));
    assert_eq!((here.remove("audit_head"), there.remove("audit_head")), (Some(1), Some(2)));
    assert_eq!(here, there);
    let there = on_postgres(&place, &url, &self::options());
    place.moved(&there, &place.path("same.db").display().to_string());
    assert_eq!(dump(&place.path("same.db")), rows);
    // It is served there.
    let server = Server::start_at(Arc::clone(&place), &there);
    filled.is_usable(&server);
    ends_clean(server, &[]);
    // And here again, with what was changed there.
    place.moved(&there, &place.path("back.db").display().to_string());
    let back = on_file(&place, "back.db", &self::options());
    let server = Server::start_at(Arc::clone(&place), &back);
    filled.is_usable(&server);
    filled.ends(&server);
    filled.is_counted(&server);
    server.keep_audit_key();
    ends_clean(server, &[]);
    place.signed();
}

#[test]
fn the_log_of_one_of_several_servers_goes_on() {
    let (place, cluster) = (Arc::new(Place::new()), Cluster::shared());
    let database = cluster.database();
    let url = cluster.url(&database);
    let log = |name: &str| place.path(&format!("{name}.jsonl")).display().to_string();
    let options = |name: &str| {
        let audit = format!("--audit-file={}", log(name));
        Options::default().with(&["--database-url", &url, "--server-name", name, &audit])
    };
    let [first, second] = ["first", "second"].map(|name| Server::start_at(Arc::clone(&place), &options(name)));
    let ids = [&first, &second].map(|server| server.alice().connect().unwrap().aes());
    for server in [first, second] {
        assert!(server.stop().1.success());
    }
    let file = place.path("back.db").display().to_string();
    place.not_moved(&options("third"), &file, "\"first\", \"second\"");
    // Without any log, each end is a finding.
    let none = ["--database-url", &url, "--server-name", "second", "--audit-file=none"];
    for server in ["first", "second"] {
        let why = format!("audit log of the server {server:?}: the database has its end, and the log is not given");
        place.not_moved(&Options::default().with(&none), &file, &why);
    }
    // The end of another server's log is not taken from a row that was changed or removed.
    let change = |set: &str| cluster.run(&database, &format!("UPDATE audit_head SET {set}"));
    let kept = |column: &str, number: u8| {
        let sql = format!("SELECT {column} FROM audit_head WHERE one = {number}");
        cluster.run(&database, &sql)
    };
    let line = format!("signed_line = $x${}$x$ WHERE one = 1", kept("signed_line", 1));
    let digest = format!("root_keys = '{}' WHERE one = 0", kept("root_keys", 0));
    for (changed, undone) in [
        ("seq = seq - 1 WHERE one = 1", "seq = seq + 1 WHERE one = 1"),
        ("one = 9 WHERE one = 1", "one = 1 WHERE one = 9"),
        ("signed_line = NULL WHERE one = 1", &line),
    ] {
        change(changed);
        let why = "the database's record of its audit log was changed or removed (server \"first\")";
        place.not_moved(&options("second"), &file, why);
        change(undone);
    }
    // No option of a server accepts a change of the row of all servers.
    change("root_keys = NULL WHERE one = 0");
    place.not_moved(&options("second"), &file, "record of its servers and root keys was changed or removed");
    change(&digest);
    // A log that is not given is missed, and so is its end.
    place.not_moved(&options("second"), &file, "audit log of the server \"first\"");
    let other = format!("--other-audit-file={}", log("first"));
    let said = place.moved(&options("second").with(&[&other]), &file);
    assert!(said.contains(&log("second")) && said.contains(&other.replace('=', " ")), "{said}");
    let audit = format!("--audit-file={}", log("second"));
    let server = Server::start_at(Arc::clone(&place), &Options::default().with(&["--sqlite-path", &file, &audit]));
    let mut alice = server.alice().connect().unwrap();
    for id in &ids {
        alice.seal(id, b"by both");
    }
    alice.aes();
    ends_clean(server, &[&other]);
    let (is_clean, said) = place.check_store(&Options::default().with(&["--sqlite-path", &file, &audit]));
    assert!(!is_clean && said.contains(&ids[0]), "the other log is still needed: {said}");
}

/// A table or a column that the program does not know is moved, if both databases have it.
#[test]
fn what_is_new_in_both_databases_is_moved() {
    let place = Arc::new(Place::new());
    let options = on_file(&place, "claviger.db", &Options::default());
    let server = Server::start_at(Arc::clone(&place), &options);
    let id = server.alice().connect().unwrap().aes();
    assert!(server.stop().1.success());
    let file = rusqlite::Connection::open(place.database()).unwrap();
    file.execute_batch(
        "ALTER TABLE object ADD COLUMN extra BLOB; UPDATE object SET extra = x'00ff'; \
         CREATE TABLE aside (object INTEGER NOT NULL REFERENCES object (number), name TEXT, PRIMARY KEY (name, object)) STRICT, \
         WITHOUT ROWID; INSERT INTO aside SELECT number, 'é' FROM object;",
    )
    .unwrap();
    drop(file);
    let cluster = Cluster::shared();
    let database = cluster.database();
    cluster.make_tables(&database);
    place.not_moved(&options, &cluster.url(&database), "only the source has the table aside");
    let table = "SET ROLE claviger; CREATE TABLE aside (object BIGINT NOT NULL REFERENCES object (number), \
                 name TEXT COLLATE \"C\", PRIMARY KEY (name, object))";
    cluster.run(&database, table);
    place.not_moved(&options, &cluster.url(&database), "the column extra of the table object");
    assert!(cluster.counts(&database).values().all(|count| *count == 0));
    cluster.run(&database, "ALTER TABLE object ADD COLUMN extra BYTEA");
    place.moved(&options, &cluster.url(&database));
    let found = "SELECT o.id, o.extra, a.name FROM object o JOIN aside a ON a.object = o.number";
    assert_eq!(cluster.run(&database, found), format!("{id}|\\x00ff|é"));
}
