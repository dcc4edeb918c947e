//! What is not moved: nothing of either database is changed then.

use std::fs;
use std::sync::Arc;

use rusqlite::Connection as Database;

use crate::harness::moving::{dump, on_file, on_postgres};
use crate::harness::postgres::{Cluster, PASSWORD};
use crate::harness::server::Place;
use crate::harness::{Options, Server};

/// A running server on a file.
fn running() -> (Server, Options) {
    let place = Arc::new(Place::new());
    let options = on_file(&place, "claviger.db", &Options::default());
    (Server::start_at(place, &options), options)
}

fn edit(place: &Place, sql: &str) {
    Database::open(place.database()).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_database_in_use_is_not_moved() {
    let (server, options) = running();
    let (place, cluster) = (Arc::clone(&server.place), Cluster::shared());
    let database = cluster.database();
    let url = cluster.url(&database);
    place.not_moved(&options, &url, "is in use by another clavigerd");
    assert!(cluster.counts(&database).is_empty());
    assert!(server.stop().1.success());
    place.moved(&options, &url);
    let there = on_postgres(&place, &url, &Options::default());
    let file = place.path("back.db").display().to_string();
    let server = Server::start_at(Arc::clone(&place), &there);
    // Also under the name of another server.
    for options in [there.clone(), there.with(&["--server-name", "other"])] {
        place.not_moved(&options, &file, "is in use by another clavigerd");
    }
    server.alice().connect().unwrap().aes();
    assert!(!place.path("back.db").exists() && !place.path("back.db.partial").exists());
}

/// The writer opens its connection again when it has something to write.
#[test]
fn a_server_whose_writer_has_no_connection_is_noticed() {
    let (place, cluster) = (Arc::new(Place::new()), Cluster::shared());
    let database = cluster.database();
    let there = on_postgres(&place, &cluster.url(&database), &Options::default());
    let _server = Server::start_at(Arc::clone(&place), &there);
    let locks = "FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                 WHERE l.locktype = 'advisory' AND d.datname = current_database()";
    cluster.run(&database, &format!("SELECT pg_terminate_backend(l.pid) {locks}"));
    place.not_moved(&there, &place.path("back.db").display().to_string(), "is in use by another clavigerd");
}

#[test]
fn a_target_that_is_not_empty_is_left_as_it_is() {
    let (server, options) = running();
    server.alice().connect().unwrap().aes();
    let (place, status) = server.stop();
    assert!(status.success());
    let cluster = Cluster::shared();
    // Another program's table, and a database that was served.
    let foreign = cluster.database();
    cluster.run(&foreign, "CREATE TABLE accounts (id BIGINT PRIMARY KEY)");
    place.not_moved(&options, &cluster.url(&foreign), "is not empty: it has the table accounts");
    assert_eq!(cluster.counts(&foreign).len(), 1);
    let used = cluster.database();
    let own = Arc::new(Place::new());
    let there = on_postgres(&own, &cluster.url(&used), &Options::default());
    let other = Server::start_at(own, &there);
    other.alice().connect().unwrap().aes();
    let before = cluster.counts(&used);
    for server in [Some(other), None] {
        place.not_moved(&options, &cluster.url(&used), "is not empty: its table ");
        drop(server);
    }
    assert_eq!(cluster.counts(&used), before);
    // A file, of whatever content.
    let empty = cluster.database();
    place.moved(&options, &cluster.url(&empty));
    let there = on_postgres(&place, &cluster.url(&empty), &Options::default());
    let rows = dump(&place.database());
    place.not_moved(&there, &place.database().display().to_string(), "is not empty: it exists");
    assert_eq!(dump(&place.database()), rows);
    fs::write(place.path("new.db-wal"), b"").unwrap();
    place.not_moved(&there, &place.path("new.db").display().to_string(), "new.db-wal is not empty: it exists");
    let other = place.path("other.db.partial");
    fs::write(&other, b"of another program").unwrap();
    place.not_moved(&there, &place.path("other.db").display().to_string(), "is not the incomplete database");
    assert_eq!(fs::read(&other).unwrap(), b"of another program");
    place.not_moved(&there, &place.path("nowhere/new.db").display().to_string(), "cannot open the database");
}

#[test]
fn what_was_changed_in_the_database_is_not_bound_again() {
    let (server, options) = running();
    let id = server.alice().connect().unwrap().aes();
    let (place, _) = server.stop();
    let (cluster, source) = (Cluster::shared(), fs::read(place.database()).unwrap());
    let database = cluster.database();
    let url = cluster.url(&database);
    let reset = || fs::write(place.database(), &source).unwrap();
    for (sql, why) in [
        ("UPDATE audit_head SET seq = seq - 1", "the database's record of its audit log was changed or removed"),
        ("DELETE FROM audit_head", "the database's record of its audit log was changed or removed"),
        ("DELETE FROM root_key WHERE name = 'token-1'", "does not record the token-1 root key"),
        ("DELETE FROM root_key", "records no root keys"),
        ("PRAGMA user_version = 22", "start clavigerd with it once"),
        ("UPDATE object SET attributes = attributes || char(0)", "has U+0000"),
        ("UPDATE object SET owner = CAST(x'ff' AS TEXT)", "not UTF-8"),
    ] {
        edit(&place, sql);
        place.not_moved(&options, &url, why);
        reset();
    }
    assert!(cluster.counts(&database).is_empty());
    // A fault of one row is moved if that is wanted.
    edit(&place, "UPDATE object SET owner = 'mallory'");
    place.not_moved(&options, &url, "nothing was moved");
    assert!(cluster.counts(&database).is_empty());
    let (is_done, said) = place.migrate(&options.with(&["--migrate-with-findings"]), &url);
    assert!(is_done && said.contains(&format!("{id}: its binding is wrong")), "{said}");
    let (is_clean, said) = place.check_store(&on_postgres(&place, &url, &Options::default()));
    assert!(!is_clean && said.contains(": 1 findings"), "{said}");
}

#[test]
fn what_is_wrong_with_the_options_is_said() {
    let (place, cluster) = (Arc::new(Place::new()), Cluster::shared());
    let options = on_file(&place, "claviger.db", &Options::default());
    let url = cluster.url(&cluster.database());
    for (own, to, why) in [
        (&options, url.as_str(), "there is no database"),
        (&options, "new.db", "moves from SQLite to PostgreSQL, or from PostgreSQL to SQLite"),
        (&options, "", "it is empty"),
        (&options, "postgres://claviger:secret@127.0.0.1/x", "--migrate-to contains a password"),
        (&on_postgres(&place, &url, &Options::default()), &url, "moves from SQLite to PostgreSQL"),
        (&options.with(&["--check-store"]), &url, "cannot be used with"),
    ] {
        place.not_moved(own, to, why);
    }
    let server = Server::start_at(Arc::clone(&place), &options);
    assert!(server.stop().1.success());
    place.not_moved(&options, "mysql://claviger@127.0.0.1/x", "not a URL of a database");
    place.not_moved(&options, "postgres://claviger@127.0.0.1:1/x", "that PostgreSQL runs and can be reached");
    place.not_moved(&options.with(&["--server-name=a b"]), &url, "--server-name");
    let (_, said) = place.migrate(&options, &cluster.url_by_tcp("postgres"));
    assert!(!said.contains(PASSWORD), "{said}");
}
