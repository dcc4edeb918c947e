//! A move that is killed, or whose connection is lost, leaves nothing, and is done again.

use std::process::Stdio;
use std::sync::Arc;

use crate::harness::between::{Between, Cut};
use crate::harness::moving::{ends_clean, on_file, on_postgres};
use crate::harness::postgres::{Cluster, PASSWORD};
use crate::harness::server::Place;
use crate::harness::{Options, Server};
use crate::on_postgresql::password_file;

/// The last table that is copied.
const LAST: &str = "usage_limit";

/// A stopped server with a key.
fn stopped() -> (Arc<Place>, String, Options) {
    let place = Arc::new(Place::new());
    let options = on_file(&place, "claviger.db", &Options::default());
    let server = Server::start_at(Arc::clone(&place), &options);
    let id = server.alice().connect().unwrap().aes();
    assert!(server.stop().1.success());
    (place, id, options)
}

/// Starts a server that has the key.
fn serves(place: &Arc<Place>, options: &Options, id: &str) {
    let server = Server::start_at(Arc::clone(place), options);
    server.alice().connect().unwrap().seal(id, b"moved");
    ends_clean(server, &[]);
}

/// A server does not start for this reason.
fn is_refused(place: &Arc<Place>, options: &Options, why: &str) {
    let refused = Server::try_start_at(Arc::clone(place), options).err().expect(why);
    assert!(refused.contains(why), "{refused}");
}

#[test]
fn a_move_to_postgresql_is_killed_or_cut_off() {
    let (place, id, options) = stopped();
    let cluster = Cluster::start();
    let database = cluster.database();
    cluster.make_tables(&database);
    let url = cluster.url(&database);
    let nothing =
        || assert!(cluster.counts(&database).values().all(|count| *count == 0), "{:?}", cluster.counts(&database));
    let begin = || place.migration(&options, &url).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // Everything but the last table is copied.
    let held = cluster.hold(&database, LAST, "SHARE");
    let mut moving = begin();
    held.is_wanted();
    nothing();
    place.not_moved(&options, &url, "is in use by another clavigerd");
    is_refused(&place, &options, "is in use by another clavigerd");
    moving.kill().unwrap();
    moving.wait().unwrap();
    held.let_go();
    nothing();
    let held = cluster.hold(&database, LAST, "SHARE");
    let moving = begin();
    held.is_wanted();
    held.end_waiting();
    let ended = moving.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success() && said.contains("the connection to the database was lost"), "{said}");
    held.let_go();
    nothing();
    place.moved(&options, &url);
    serves(&place, &on_postgres(&place, &url, &Options::default()), &id);
}

#[test]
fn the_commit_of_a_move_is_lost() {
    let (place, id, options) = stopped();
    let (cluster, password) = (Cluster::shared(), password_file(&place, PASSWORD));
    let between = Between::new(cluster);
    let database = cluster.database();
    let (url, source) = (between.url(&database), options.with(&[&password]));
    between.cut(Cut::Request);
    place.not_moved(&source, &url, "it is complete or not there at all");
    assert!(cluster.counts(&database).is_empty());
    between.cut(Cut::Answer);
    place.not_moved(&source, &url, "it is complete or not there at all");
    place.not_moved(&source, &url, "is not empty: its table ");
    serves(&place, &on_postgres(&place, &url, &Options::default()).with(&[&password]), &id);
}

#[test]
fn a_move_to_a_file_is_killed() {
    let (place, id, options) = stopped();
    let cluster = Cluster::start();
    let database = cluster.database();
    let url = cluster.url(&database);
    place.moved(&options, &url);
    let source = on_postgres(&place, &url, &Options::default());
    let file = place.path("back.db");
    let held = cluster.hold(&database, LAST, "ACCESS EXCLUSIVE");
    let mut moving = place
        .migration(&source, &file.display().to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    held.is_wanted();
    is_refused(&place, &on_file(&place, "back.db", &Options::default()), "is in use by another clavigerd");
    is_refused(&place, &source, "is in use by another clavigerd");
    moving.kill().unwrap();
    moving.wait().unwrap();
    held.let_go();
    assert!(!file.exists() && place.path("back.db.partial").exists());
    place.moved(&source, &file.display().to_string());
    assert!(!place.path("back.db.partial").exists());
    serves(&place, &on_file(&place, "back.db", &Options::default()), &id);
}
