//! One server on PostgreSQL: what is acknowledged stays, and what the server does while PostgreSQL is gone, silent, in
//! the hands of another server, or an older copy of itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::between::{Between, Cut};
use crate::harness::figures::Figures;
use crate::harness::kmip::{create, encrypt, named, revoke, structure};
use crate::harness::postgres::{Cluster, PASSWORD};
use crate::harness::server::Place;
use crate::harness::{Authority, End, Leaf, Options, Server, eventually};
use crate::nothing_acknowledged_is_lost::kill_in_rounds;

const TEXT: &[u8] = b"kept in PostgreSQL";

/// Within this time a silent database is noticed: a second, and what a busy machine adds.
const NOTICED: Duration = Duration::from_secs(3);

fn options(url: &str) -> Options {
    Options::default().with(&["--database-url", url])
}

/// A server with a database of its own in this cluster.
fn start(cluster: &Cluster) -> (Server, String) {
    let database = cluster.database();
    (Server::start_with(&options(&cluster.url(&database))), database)
}

/// Waits until a key can be used.
fn answers(server: &Server, id: &str) {
    eventually("the server answers", || {
        let mut alice = server.alice().connect().ok()?;
        (alice.kmip(&encrypt(id, TEXT)).status == 200).then_some(())
    });
}

/// Waits until the server answers 503 for a key that it has cached; returns how long that took.
fn refuses(server: &Server, id: &str) -> Duration {
    let began = Instant::now();
    let mut alice = server.alice().connect().unwrap();
    eventually("the server answers 503", || (alice.kmip(&encrypt(id, TEXT)).status == 503).then_some(()));
    began.elapsed()
}

/// The option with a file that has this password.
pub fn password_file(place: &Place, password: &str) -> String {
    let file = place.path(password);
    fs::write(&file, format!("{password}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    format!("--database-password-file={}", file.display())
}

/// Stops the server, and checks that its audit log and its database agree.
fn ends_sound(server: Server) {
    let options = server.options.clone();
    server.keep_audit_key();
    let (place, status) = server.stop();
    assert!(status.success());
    place.signed();
    let (is_clean, said) = place.check_store(&options);
    assert!(is_clean, "{said}");
}

#[test]
fn keys_are_used_and_stay() {
    let (server, _) = start(Cluster::shared());
    let mut alice = server.alice().connect().unwrap();
    let (kept, gone) = (alice.aes(), alice.aes());
    let sealed = alice.seal(&kept, TEXT);
    alice.ok(&revoke(&gone, "Superseded"));
    alice.ok(&named("Destroy", &gone));
    let server = server.restart();
    let mut alice = server.alice().connect().unwrap();
    assert_eq!(alice.open(&sealed), TEXT);
    alice.refused(&encrypt(&gone, TEXT), 409, "Object_Destroyed");
    assert_eq!(alice.count(), 1);
    server.bob().connect().unwrap().refused(&encrypt(&kept, TEXT), 404, "Object_Not_Found");
    let log = fs::read_to_string(server.place.audit_file()).unwrap();
    assert!(!log.contains("\"erased\""), "PostgreSQL does not say when it erases what a row had");
    assert!(!server.place.database().exists());
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let cluster = Cluster::shared();
    kill_in_rounds(&options(&cluster.url(&cluster.database())), 5, 250);
}

#[test]
fn nothing_acknowledged_is_lost_when_postgresql_is_killed() {
    let cluster = Cluster::start();
    let (server, _) = start(&cluster);
    let first = server.alice().connect().unwrap().aes();
    let mut acknowledged = Vec::new();
    for round in 1..=3 {
        let was_killed = AtomicBool::new(false);
        thread::scope(|scope| {
            let work = || {
                let (mut made, mut alice) = (Vec::new(), server.alice().connect().unwrap());
                // Until the database is gone; a client whose commit was only in doubt does not notice that.
                while !was_killed.load(Ordering::SeqCst) {
                    let answer = alice.kmip(&create("AES", 256, &[]));
                    if answer.status != 200 {
                        assert_eq!(answer.status, 503, "{}", answer.detail());
                        break;
                    }
                    made.push(crate::harness::kmip::string(&answer.json(), "UniqueIdentifier"));
                }
                made
            };
            let _end = End(&was_killed);
            let clients: Vec<_> = (0..3).map(|_| scope.spawn(work)).collect();
            let mut watching = server.alice().connect().unwrap();
            eventually("there are more keys", || (watching.count() >= round * 40).then_some(()));
            cluster.kill();
            cluster.begin();
            was_killed.store(true, Ordering::SeqCst);
            for client in clients {
                acknowledged.extend(client.join().unwrap());
            }
        });
        answers(&server, &first);
    }
    let mut alice = server.alice().connect().unwrap();
    for id in &acknowledged {
        alice.seal(id, TEXT);
    }
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    ends_sound(server);
}

#[test]
fn without_an_answer_for_a_second_nothing_cached_is_used() {
    let cluster = Cluster::start();
    let (server, _) = start(&cluster);
    let id = server.alice().connect().unwrap().aes();
    answers(&server, &id);
    // Gone.
    cluster.end();
    let noticed = refuses(&server, &id);
    assert!(noticed < NOTICED, "{noticed:?}");
    assert_eq!(server.alice().get("/health").status, 503);
    cluster.begin();
    answers(&server, &id);
    // There, but silent.
    cluster.signal("STOP");
    let noticed = refuses(&server, &id);
    cluster.signal("CONT");
    assert!(noticed < NOTICED, "{noticed:?}");
    answers(&server, &id);
    server.alice().connect().unwrap().aes();
    eventually("it is healthy", || (server.alice().get("/health").status == 200).then_some(()));
    assert!(server.log().contains("the database answers again"));
}

#[test]
fn the_state_of_the_database_is_told() {
    let cluster = Cluster::start();
    let options = options(&cluster.url(&cluster.database()));
    let server = Server::start_with(&options.with(&["--probe-address=127.0.0.1:0", "--administrators=alice"]));
    let (probe, mut alice) = (server.probe(), server.alice().connect().unwrap());
    let figure = |name: &str| Figures::read(&probe).find(name, &[]).unwrap();
    let told = eventually("it is healthy", || {
        let answer = alice.get("/health/database");
        (answer.status == 200 && answer.json()["commits_behind"] == 0).then(|| answer.json())
    });
    assert_eq!(
        (&told["kind"], &told["role"], &told["server"]),
        (&"postgresql".into(), &"primary".into(), &"main".into())
    );
    assert!(told["heard_ms"].as_u64().unwrap() <= 1_000, "{told}");
    let host = told["host"].as_str().unwrap();
    assert!(options.arguments[1].contains(&host.replace('/', "%2F")), "{told}");
    // Others learn only whether it is healthy.
    assert_eq!(server.bob().get("/health/database").status, 403);
    let health = server.bob().get("/health").json();
    assert!(!health.to_string().contains(host), "{health}");
    assert_eq!((figure("claviger_database_primary"), figure("claviger_database_commits_behind")), (1.0, 0.0));
    assert!(figure("claviger_database_heard_seconds") <= 1.0);
    assert_eq!(probe.get("/readyz").status, 200);
    cluster.signal("STOP");
    // A probe that waited for the database would be answered a second later at least than the silence is known.
    let (unready, silent) = thread::scope(|scope| {
        let unready = scope.spawn(|| {
            eventually("it is not ready", || (probe.get("/readyz").status == 503).then_some(()));
            Instant::now()
        });
        eventually("the database is silent", || (figure("claviger_database_primary") == 0.0).then_some(()));
        let silent = Instant::now();
        (unready.join().unwrap(), silent)
    });
    let noticed = unready.saturating_duration_since(silent);
    // Nothing of this waits for the database.
    let began = Instant::now();
    let silent = (figure("claviger_database_primary"), probe.get("/readyz").status, probe.get("/livez").status);
    let answered = began.elapsed();
    eventually("it grows", || (figure("claviger_database_heard_seconds") > 3.0).then_some(()));
    let refused = server.alice().get("/health/database").status;
    cluster.signal("CONT");
    eprintln!("not ready {noticed:?} after the silence was known");
    assert!(noticed < Duration::from_millis(800) && answered < Duration::from_secs(1), "{noticed:?} {answered:?}");
    assert_eq!((silent, refused), ((0.0, 503, 200), 503));
    eventually("it is ready", || (probe.get("/readyz").status == 200).then_some(()));
    eventually("it is primary", || (figure("claviger_database_primary") == 1.0).then_some(()));
    assert!(figure("claviger_database_heard_seconds") < 3.0);
}

#[test]
fn a_server_that_cannot_read_is_not_ready() {
    let cluster = Cluster::start();
    let options = options(&cluster.url(&cluster.database()));
    let server = Server::start_with(&options.with(&["--probe-address=127.0.0.1:0"]));
    let (probe, mut alice) = (server.probe(), server.alice().connect().unwrap());
    let id = alice.aes();
    alice.ok(&encrypt(&id, TEXT));
    eventually("it is ready", || (probe.get("/readyz").status == 200).then_some(()));
    // New connections fail, as when the password was changed. Those of the writer, which has a lock, and of the heartbeat
    // stay; those of the readers are lost.
    cluster.run("postgres", "ALTER ROLE claviger NOLOGIN");
    cluster.run(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'claviger' \
         AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory') \
         AND query NOT LIKE '%FROM lease %' AND query NOT LIKE '%FROM commit_order o %'",
    );
    eventually("a read fails", || (alice.kmip(&structure("Locate", &[])).status == 503).then_some(()));
    eventually("it is not ready", || (probe.get("/readyz").status == 503).then_some(()));
    assert_eq!(Figures::read(&probe).find("claviger_database_primary", &[]), Some(1.0));
    // What is in memory is used as before.
    alice.ok(&encrypt(&id, TEXT));
    assert!(server.log().contains("the database cannot be read: no connection can be opened"));
    // No request comes while it is not ready.
    cluster.run("postgres", "ALTER ROLE claviger LOGIN");
    eventually("it is ready again", || (probe.get("/readyz").status == 200).then_some(()));
    assert_eq!(alice.count(), 1);
}

#[test]
fn of_several_hosts_the_used_one_is_told() {
    let (cluster, place) = (Cluster::shared(), Arc::new(Place::new()));
    // Nothing listens at the first one.
    let used = cluster.address().to_string();
    let url = cluster.url_by_tcp(&cluster.database()).replace(&used, &format!("127.0.0.1:1,{used}"));
    let options = options(&url).with(&["--administrators=alice", &password_file(&place, PASSWORD)]);
    let server = Server::start_at(place, &options);
    eventually("it has heard", || {
        let told = server.alice().get("/health/database").json();
        (told["host"] == used.as_str() && told["role"] == "primary").then_some(())
    });
}

#[test]
fn a_second_server_is_refused_and_takes_over_after_the_first() {
    let cluster = Cluster::shared();
    let options = options(&cluster.url(&cluster.database()));
    let first = Server::start_with(&options);
    let id = first.alice().connect().unwrap().aes();
    let place = Arc::clone(&first.place);
    let said = Server::refused_at(&place, &options);
    assert!(said.contains("is in use by another clavigerd"), "{said}");
    answers(&first, &id);
    first.kill();
    answers(&Server::start_at(place, &options), &id);
}

#[test]
fn a_database_that_another_server_uses_or_that_lacks_commits_is_left() {
    let cluster = Cluster::shared();
    for (change, said) in [
        ("holder = 'another'", "another clavigerd has taken over the name of this server"),
        ("number = number - 1", "lacks commits that were acknowledged"),
    ] {
        let (server, database) = start(cluster);
        let id = server.alice().connect().unwrap().aes();
        answers(&server, &id);
        cluster.run(&database, &format!("UPDATE lease SET {change}"));
        refuses(&server, &id);
        // For good.
        cluster.run(&database, "SELECT pg_sleep(1.5)");
        let mut alice = server.alice().connect().unwrap();
        assert_eq!(alice.kmip(&encrypt(&id, TEXT)).status, 503);
        assert_eq!(alice.kmip(&create("AES", 256, &[])).status, 503);
        assert!(server.log().contains(said), "{said}");
    }
}

#[test]
fn a_commit_is_done_or_not_and_the_answer_says_which() {
    let cluster = Cluster::shared();
    let place = Arc::new(Place::new());
    let between = Between::new(cluster);
    let options = options(&between.url(&cluster.database())).with(&[&password_file(&place, PASSWORD)]);
    let server = Server::start_at(place, &options);
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    answers(&server, &id);
    for number in 1..=3 {
        // PostgreSQL commits, and the answer is lost.
        between.cut(Cut::Answer);
        alice.aes();
        assert_eq!(alice.count(), 2 * number);
        // The request is lost.
        between.cut(Cut::Request);
        assert_eq!(alice.kmip(&create("AES", 256, &[])).status, 503);
        assert_eq!(alice.count(), 2 * number);
        alice.aes();
    }
    assert_eq!(server.log().matches("finding out whether it was done").count(), 6);
    ends_sound(server);
}

#[test]
fn a_network_that_stops_is_noticed() {
    let cluster = Cluster::shared();
    let place = Arc::new(Place::new());
    let between = Between::new(cluster);
    let options = options(&between.url(&cluster.database())).with(&[&password_file(&place, PASSWORD)]);
    let server = Server::start_at(place, &options);
    let id = server.alice().connect().unwrap().aes();
    answers(&server, &id);
    between.stop(true);
    let noticed = refuses(&server, &id);
    assert!(noticed < NOTICED, "{noticed:?}");
    between.stop(false);
    answers(&server, &id);
    server.alice().connect().unwrap().aes();
    ends_sound(server);
}

#[test]
fn a_transaction_in_a_deadlock_is_run_again() {
    let cluster = Cluster::start();
    let (server, database) = start(&cluster);
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let lock = format!("UPDATE object SET version = version WHERE id = '{id}'");
    // Until the server waits for the row.
    let wait = "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                AND datname = current_database()) \
                LOOP PERFORM pg_sleep(0.02); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$";
    // PostgreSQL ends the transaction that notices the deadlock: not the other one.
    let patience = "SET deadlock_timeout = '1min'";
    let statements = [patience, "BEGIN", &lock, wait, "UPDATE lease SET number = number", "COMMIT"];
    let mut other = cluster.spawn(&database, &statements);
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    // It sleeps only from time to time.
    eventually("the other one has the row", || (cluster.run(&database, sleeps) == "1").then_some(()));
    alice.ok(&revoke(&id, "Superseded"));
    assert!(other.wait().unwrap().success());
    alice.refused(&encrypt(&id, TEXT), 409, "Wrong_Key_Lifecycle_State");
    let log = fs::read_to_string(cluster.log()).unwrap();
    assert!(log.contains("deadlock detected"), "{log}");
    ends_sound(server);
}

#[test]
fn tls_knows_both_sides() {
    let (cluster, place) = (Cluster::start(), Arc::new(Place::new()));
    let authority = Authority::new("Database authority");
    cluster.use_tls(&authority.issue(&Leaf::server()), &authority);
    let client = authority.issue(&Leaf::client("claviger"));
    fs::write(place.path("db.pem"), client.certificate.to_pem().unwrap()).unwrap();
    fs::write(place.path("db.key"), client.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    fs::set_permissions(place.path("db.key"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(place.path("db-ca.pem"), authority.pem()).unwrap();
    let option = |name: &str, file: &str| format!("--database-{name}={}", place.path(file).display());
    let own = [option("client-cert-file", "db.pem"), option("client-key-file", "db.key")];
    let by = |authority: &str, own: &[String]| {
        let mut options = options(&cluster.url_by_tcp(&cluster.database()).replace("127.0.0.1", "localhost"));
        options.arguments.extend([password_file(&place, PASSWORD), option("ca-file", authority)]);
        options.arguments.extend_from_slice(own);
        options
    };
    // The authority of the callers is another one.
    let said = Server::refused_at(&place, &by("ca.pem", &own));
    assert!(said.contains("certificate verify failed"), "{said}");
    let said = Server::refused_at(&place, &by("db-ca.pem", &[]));
    assert!(said.contains("permit this user, database and host in pg_hba.conf"), "{said}");
    let said = Server::refused_at(&place, &by("nowhere.pem", &own));
    assert!(said.contains("--database-ca-file cannot be used for TLS with the database"), "{said}");
    let server = Server::start_at(Arc::clone(&place), &by("db-ca.pem", &own));
    let id = server.alice().connect().unwrap().aes();
    answers(&server, &id);
    let plain =
        "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'claviger' AND NOT ssl";
    assert_eq!(cluster.run("postgres", plain), "0");
    ends_sound(server);
}

#[test]
fn what_is_wrong_with_the_database_is_said() {
    let cluster = Cluster::shared();
    let place = Arc::new(Place::new());
    let refused = |url: &str, more: &[&str]| Server::refused_at(&place, &options(url).with(more));
    let database = cluster.database();
    let url = cluster.url_by_tcp(&database);
    let [right, wrong] = [PASSWORD, "not-the-password"].map(|password| password_file(&place, password));
    for (said, expected) in [
        (refused(&url, &[&wrong]), "check the user in --database-url and the password"),
        (refused(&url.replace(&database, "nowhere"), &[&right]), "create the database"),
        (refused("postgres://claviger@127.0.0.1:1/x", &[]), "that PostgreSQL runs and can be reached"),
        (refused("mysql://claviger@127.0.0.1/x", &[]), "not a URL of a database"),
        (refused(&url, &[&right, "--sqlite-path=a.db"]), "--sqlite-path"),
        (refused("postgres://claviger:secret@127.0.0.1/x", &[]), "--database-url contains a password"),
        (refused(&format!("{url}?sslmode=require"), &[&right]), "TLS"),
    ] {
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains(PASSWORD), "{said}");
    }
    cluster.run("postgres", "CREATE DATABASE latin OWNER claviger TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    let said = refused(&cluster.url("latin"), &[]);
    assert!(said.contains("which is not UTF8"), "{said}");
    let server = Server::start_at(Arc::clone(&place), &options(&url).with(&[&right]));
    let id = server.alice().connect().unwrap().aes();
    answers(&server, &id);
    assert!(!server.log().contains(PASSWORD));
    server.stop();
    cluster.run(&database, "UPDATE schema_version SET version = version + 1");
    let said = refused(&url, &[&right]);
    assert!(said.contains("run a newer clavigerd"), "{said}");
}
