//! Several servers over one PostgreSQL database and one HSM token: what one of them changes is true on the others within a
//! second, and what is counted is counted once. `TEST_SERVERS_ROUNDS` says how many revocations are waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::attributes::limits;
use crate::harness::between::Between;
use crate::harness::caller::{Caller, change};
use crate::harness::cli::UNSIGNED;
use crate::harness::jwt::SigningKey;
use crate::harness::kmip::{create, encrypt, named, revoke};
use crate::harness::postgres::{Cluster, PASSWORD};
use crate::harness::server::Place;
use crate::harness::{Connection, End, Options, Server, eventually, hanzo};
use crate::on_postgresql::password_file;

const TEXT: &[u8] = b"the same on each of them";

/// Within this time a change is true on every server: a second, and what a busy machine adds.
const HEARD: Duration = Duration::from_secs(3);

/// The options of the server of this name over a database.
pub fn options(place: &Place, url: &str, name: &str, more: &[&str]) -> Options {
    let audit = format!("--audit-file={}", place.path(&format!("{name}.audit.jsonl")).display());
    Options::default().with(&["--database-url", url, "--server-name", name, &audit]).with(more)
}

/// Stops the servers, which have these names, and checks that each audit log verifies and that all of them agree with the
/// database.
pub fn end_sound(names: &[&str], servers: Vec<Server>) {
    let (place, first) = (Arc::clone(&servers[0].place), servers[0].options.clone());
    servers[0].keep_audit_key();
    for server in servers {
        assert!(server.stop().1.success());
    }
    let log = |name: &&str| place.path(&format!("{name}.audit.jsonl"));
    for name in names {
        let (status, said) = place.verify(None, &[log(name)]);
        assert!([0, UNSIGNED].contains(&status), "{name}: {said}");
    }
    let others: Vec<String> = names[1..].iter().map(|name| log(name).display().to_string()).collect();
    let (is_clean, said) = place.check_store(&first.with(&["--other-audit-file", &others.join(",")]));
    assert!(is_clean, "{said}");
}

/// Servers of these names over a new database.
fn servers<const N: usize>(names: [&str; N], more: &[&str]) -> [Server; N] {
    let (cluster, place) = (Cluster::shared(), Arc::new(Place::new()));
    let url = cluster.url(&cluster.database());
    names.map(|name| Server::start_at(Arc::clone(&place), &options(&place, &url, name, more)))
}

fn alice(server: &Server) -> Connection {
    server.alice().connect().unwrap()
}

/// Waits until the request has this status; returns how long that took.
fn until(connection: &mut Connection, request: &Value, status: u16) -> Duration {
    let began = Instant::now();
    eventually("the change is heard", || (connection.kmip(request).status == status).then_some(()));
    began.elapsed()
}

#[test]
fn a_change_is_true_on_the_others_within_a_second() {
    let [one, two] = servers(["one", "two"], &[]);
    let (mut here, mut there) = (alice(&one), alice(&two));
    let rounds = std::env::var("TEST_SERVERS_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap());
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds {
        let id = here.aes();
        let sealed = here.seal(&id, TEXT);
        assert_eq!(there.open(&sealed), TEXT, "a new key is found at once");
        here.ok(&revoke(&id, "KeyCompromise"));
        slowest = slowest.max(until(&mut there, &encrypt(&id, TEXT), 409));
        // And the other way round.
        there.ok(&named("Destroy", &id));
        slowest = slowest.max(until(&mut here, &sealed.decrypt(), 409));
    }
    eprintln!("{rounds} rounds, the slowest {slowest:?}");
    assert!(slowest < HEARD, "{slowest:?}");
    // Grants, and what is taken back.
    let id = here.aes();
    let mut bob = two.bob().connect().unwrap();
    bob.refused(&encrypt(&id, TEXT), 404, "Object_Not_Found");
    assert_eq!(one.alice().post("/access/grant", &change(&id, "bob", &["encrypt"])).status, 200);
    until(&mut bob, &encrypt(&id, TEXT), 200);
    assert_eq!(one.alice().post("/access/revoke", &change(&id, "bob", &["encrypt"])).status, 200);
    until(&mut bob, &encrypt(&id, TEXT), 404);
}

#[test]
fn token_objects_are_found_by_the_others() {
    let [one, two] = servers(["one", "two"], &["--placement", "token"]);
    let (mut here, mut there) = (alice(&one), alice(&two));
    let before = one.place.token.objects();
    for _ in 0..5 {
        // The second one is made just after the other server has searched for the first one.
        let made = [(), ()].map(|()| {
            let id = here.aes();
            let sealed = here.seal(&id, TEXT);
            assert_eq!(there.open(&sealed), TEXT);
            (id, sealed)
        });
        for (id, sealed) in made {
            there.ok(&revoke(&id, "Superseded"));
            there.ok(&named("Destroy", &id));
            until(&mut here, &sealed.decrypt(), 409);
        }
    }
    eventually("no destroyed key is in the token", || (one.place.token.objects() == before).then_some(()));
}

#[test]
fn access_tokens_end_everywhere() {
    let (cluster, place, key) = (Cluster::shared(), hanzo::place(), SigningKey::rsa("one"));
    let url = cluster.url(&cluster.database());
    let [one, two] = ["one", "two"].map(|name| {
        let usual = hanzo::options(&[]);
        let own = options(&place, &url, name, &[]).arguments;
        let all: Vec<&str> = own.iter().map(String::as_str).collect();
        Server::start_at(Arc::clone(&place), &usual.with(&all))
    });
    let id = hanzo::known(&one, &key, &json!({}));
    let logged_in = || {
        let answer = hanzo::try_login(&two, &id, &hanzo::jwt(&key, &json!({})));
        (answer.status == 200).then(|| hanzo::token(&answer.json()))
    };
    let token = eventually("the other server knows the identity", logged_in);
    assert!(hanzo::whoami(&one, &token).is_ok() && hanzo::whoami(&two, &token).is_ok());
    assert_eq!(one.nobody().post(hanzo::REVOKE, &json!({"accessToken": token})).status, 200);
    let began = Instant::now();
    eventually("the token has ended", || (hanzo::whoami(&two, &token) == Err(401)).then_some(()));
    assert!(began.elapsed() < HEARD, "{:?}", began.elapsed());
}

#[test]
fn definitions_are_followed() {
    let [one, two] = servers(["one", "two"], &["--administrators", "alice"]);
    let (mut here, mut there) = (alice(&one), alice(&two));
    for round in 0..5 {
        let path = format!("/access/definitions/projects/project{round}");
        let project = json!({}).to_string();
        let send = |connection: &mut Connection, method: &str, body: &str| {
            let headers = [("Content-Type", "application/json")];
            connection.try_request(method, &path, &headers, body.as_bytes()).unwrap()
        };
        let answer = send(&mut here, "PUT", &project);
        assert!(answer.status < 300, "{answer:?}");
        // Each server removes what the other one made as soon as it knows it.
        eventually("the project is removed", || (send(&mut there, "DELETE", "").status < 300).then_some(()));
        eventually("the project is gone", || (send(&mut here, "DELETE", "").status == 404).then_some(()));
    }
}

/// Encrypts by the key at both servers until every client was refused because of the limit; returns the number of encryptions.
fn encryptions([one, two]: &[Server; 2], id: &str) -> usize {
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for server in [one, two, one, two] {
            scope.spawn(|| {
                let mut alice = alice(server);
                loop {
                    let answer = alice.kmip(&encrypt(id, TEXT));
                    if answer.status == 200 {
                        done.fetch_add(1, Ordering::SeqCst);
                        continue;
                    }
                    // Who meets the other server again and again has to try again.
                    assert!([409, 503].contains(&answer.status), "{answer:?}");
                    if answer.json()["result_reason"] == "Usage_Limit_Exceeded" {
                        break;
                    }
                }
            });
        }
    });
    done.into_inner()
}

#[test]
fn uses_are_counted_once() {
    let both = servers(["one", "two"], &[]);
    let limited = alice(&both[0]).new_key(&create("AES", 256, &[limits(30, "Object")]));
    assert_eq!(encryptions(&both, &limited), 30);
    // Each use reserves one of so few.
    let both = servers(["one", "two"], &["--gcm-limit=40"]);
    let counted = alice(&both[1]).aes();
    assert_eq!(encryptions(&both, &counted), 40);
}

#[test]
fn a_name_is_one_servers_and_logs_are_their_own() {
    let [one, two] = servers(["one", "two"], &[]);
    let place = Arc::clone(&one.place);
    let url = one.options.arguments[1].clone();
    let why = Server::refused_at(&place, &options(&place, &url, "two", &[]));
    assert!(why.contains("--server-name"), "{why}");
    let ids = [alice(&one).aes(), alice(&two).aes()];
    alice(&two).ok(&revoke(&ids[0], "Superseded"));
    // A server that is killed goes on with its own log, and the other one does not notice.
    let place = two.kill();
    let two = Server::start_at(Arc::clone(&place), &options(&place, &url, "two", &[]));
    alice(&two).refused(&encrypt(&ids[0], TEXT), 409, "Wrong_Key_Lifecycle_State");
    alice(&one).ok(&encrypt(&ids[1], TEXT));
    end_sound(&["one", "two"], vec![one, two]);
    let (is_clean, said) = place.check_store(&options(&place, &url, "one", &[]));
    assert!(!is_clean && said.contains("audit log"), "{said}");
}

#[test]
fn a_server_starts_while_another_replaces_the_token_key() {
    let (cluster, place) = (Cluster::shared(), hanzo::place());
    let url = cluster.url(&cluster.database());
    let start = |name: &str| {
        let own = options(&place, &url, name, &[]).arguments;
        let all: Vec<&str> = own.iter().map(String::as_str).collect();
        Server::start_at(Arc::clone(&place), &hanzo::options(&[]).with(&all))
    };
    let (one, is_over) = (start("one"), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut root = Caller::certificate(&one, "root");
            while !is_over.load(Ordering::SeqCst) {
                root.done("/access/token-key", &json!({}));
            }
        });
        let _end = End(&is_over);
        for _ in 0..3 {
            assert!(start("two").stop().1.success());
        }
    });
}

#[test]
fn a_server_that_was_cut_off_follows_what_it_missed() {
    let (cluster, place, key) = (Cluster::shared(), hanzo::place(), SigningKey::rsa("one"));
    let between = Between::new(cluster);
    let database = cluster.database();
    let start = |name: &str, url: &str, more: &[&str]| {
        let own = options(&place, url, name, more).arguments;
        let all: Vec<&str> = own.iter().map(String::as_str).collect();
        Server::start_at(Arc::clone(&place), &hanzo::options(&[]).with(&all))
    };
    let one = start("one", &cluster.url(&database), &[]);
    let two = start("two", &between.url(&database), &[&password_file(&place, PASSWORD)]);
    let id = hanzo::known(&one, &key, &json!({}));
    let token = hanzo::login(&one, &id, &hanzo::jwt(&key, &json!({})));
    let used = eventually("the token is known", || hanzo::whoami(&two, &token).ok());
    assert!(used.contains(&id), "{used}");
    between.stop(true);
    eventually("it is silent", || (two.alice().get("/whoami").status == 503).then_some(()));
    // All that is read again, not only forgotten.
    assert_eq!(one.nobody().post(hanzo::REVOKE, &json!({"accessToken": token})).status, 200);
    let mut root = Caller::certificate(&one, "root");
    assert!(root.define("projects", "late", &json!({})).status < 300);
    root.done("/access/token-key", &json!({}));
    assert_eq!(two.alice().get("/whoami").status, 503);
    between.stop(false);
    eventually("it answers again", || (two.alice().get("/whoami").status == 200).then_some(()));
    // On a busy machine it may be silent for a moment again, and is 503 then.
    let mut root = Caller::certificate(&two, "root");
    let served = |ask: &mut dyn FnMut() -> Result<String, u16>| {
        eventually("it serves", || Some(ask()).filter(|answer| *answer != Err(503)))
    };
    assert_eq!(served(&mut || hanzo::whoami(&two, &token)), Err(401));
    let projects = served(&mut || {
        let answer = root.send("GET", "/access/definitions/projects", None);
        if answer.status == 200 { Ok(answer.json().to_string()) } else { Err(answer.status) }
    });
    assert!(projects.unwrap().contains("late"));
    let token = hanzo::login(&one, &id, &hanzo::jwt(&key, &json!({})));
    assert!(served(&mut || hanzo::whoami(&two, &token)).is_ok(), "the new signing key is known");
}

#[test]
fn writes_go_on_after_another_held_their_number_for_too_long() {
    let (cluster, place) = (Cluster::shared(), Arc::new(Place::new()));
    let database = cluster.database();
    let server = Server::start_at(Arc::clone(&place), &options(&place, &cluster.url(&database), "one", &[]));
    let mut alice = alice(&server);
    let id = alice.aes();
    let hold = "UPDATE commit_order SET number = number WHERE one = 1";
    let mut other = cluster.spawn(&database, &["BEGIN", hold, "SELECT pg_sleep(7)", "ROLLBACK"]);
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    eventually("the other one has the row", || (cluster.run(&database, sleeps) == "1").then_some(()));
    assert_eq!(alice.kmip(&create("AES", 256, &[])).status, 503);
    // What only reads is not concerned.
    alice.ok(&encrypt(&id, TEXT));
    assert!(other.wait().unwrap().success());
    eventually("it writes again", || (alice.kmip(&create("AES", 256, &[])).status == 200).then_some(()));
}
