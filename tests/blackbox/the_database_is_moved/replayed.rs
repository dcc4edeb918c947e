//! What is older than the database is not moved, and is not put into the moved one.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use rusqlite::Connection as Database;

use crate::harness::moving::{ends_clean, on_file, on_postgres};
use crate::harness::postgres::Cluster;
use crate::harness::server::Place;
use crate::harness::{Options, Server};
use crate::root_keys_are_not_made_again::bind_as_before;

/// The row of the first server as an assignment to columns in SQLite.
const ROW: &str = "SELECT format('seq = %s, hash = x''%s'', signed_line = %s, root_keys = %s, binding = x''%s''', seq, \
                   encode(hash, 'hex'), quote_nullable(signed_line), \
                   coalesce('x''' || encode(root_keys, 'hex') || '''', 'NULL'), encode(binding, 'hex')) \
                   FROM audit_head WHERE one = 1";

#[test]
fn the_row_of_one_of_several_servers_is_no_head_of_a_file() {
    let (place, cluster) = (Arc::new(Place::new()), Cluster::shared());
    let database = cluster.database();
    let there = on_postgres(&place, &cluster.url(&database), &Options::default());
    let server = Server::start_at(Arc::clone(&place), &there);
    server.alice().connect().unwrap().aes();
    assert!(server.stop().1.success());
    let (row, file) = (cluster.run(&database, ROW), place.database());
    place.moved(&there, &file.display().to_string());
    let (here, moved) = (on_file(&place, "claviger.db", &Options::default()), fs::read(&file).unwrap());
    let edit = |sql: &str| Database::open(&file).unwrap().execute_batch(sql).unwrap();
    let refused = || {
        // The uses of AES-GCM would be counted from 0.
        edit("DELETE FROM gcm_use; DELETE FROM gcm_credit");
        let why = Server::try_start_at(Arc::clone(&place), &here).err().expect("the row is taken for the head");
        assert!(why.contains("the record of root keys was changed"), "{why}");
        for suffix in ["db-wal", "db-shm"] {
            let _ = fs::remove_file(file.with_extension(suffix));
        }
        fs::write(&file, &moved).unwrap();
    };
    edit(&format!("UPDATE audit_head SET {row}"));
    refused();
    // A row without any digest, which no server of several writes any more, is valid on PostgreSQL and not in a file.
    edit("UPDATE audit_head SET root_keys = NULL");
    bind_as_before(&place);
    let select = "SELECT hex(binding) FROM audit_head";
    let binding: String = Database::open(&file).unwrap().query_row(select, [], |row| row.get(0)).unwrap();
    refused();
    let former = format!("UPDATE audit_head SET root_keys = NULL, binding = '\\x{binding}' WHERE one = 1");
    cluster.run(&database, &former);
    let server = Server::start_at(Arc::clone(&place), &there);
    server.alice().connect().unwrap().aes();
    ends_clean(server, &[]);
    assert_eq!(cluster.run(&database, "SELECT root_keys = '' FROM audit_head WHERE one = 1"), "t");
}

#[test]
fn a_link_to_a_killed_servers_file_is_moved_with_its_write_ahead_log() {
    let place = Arc::new(Place::new());
    let server = Server::start_at(Arc::clone(&place), &on_file(&place, "claviger.db", &Options::default()));
    let mut alice = server.alice().connect().unwrap();
    for _ in 0..3 {
        alice.aes();
    }
    server.kill();
    assert!(fs::metadata(place.path("claviger.db-wal")).unwrap().len() > 0);
    symlink("claviger.db", place.path("link.db")).unwrap();
    let (cluster, link) = (Cluster::shared(), on_file(&place, "link.db", &Options::default()));
    let database = cluster.database();
    place.moved(&link, &cluster.url(&database));
    assert_eq!(cluster.run(&database, "SELECT count(*) FROM object"), "3");
}
