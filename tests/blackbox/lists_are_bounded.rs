//! Lists are returned in pages, end when their client closes the connection, and use memory only for the entries that
//! they show.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::harness::caller::change;
use crate::harness::kmip::{boolean, name, structure, text};
use crate::harness::{Caller, Cli, Leaf, Server, World, eventually};

const POLICY: &str = r#"
administrators = ["root"]
auditors = ["audrey"]
recoverers = ["rita", "rolf"]
"#;

/// The largest size of a page without its last entry, in bytes.
const PAGE: usize = 4 << 20;

fn offer(id: &str, to: &str) -> Value {
    json!({"unique_identifier": id, "user_id": to})
}

/// A vendor attribute whose value takes long to read and much memory. Lists do not show it.
fn heavy(number: usize) -> Value {
    let items = vec![boolean("Fresh", true); 1000];
    structure(
        "Attribute",
        &[
            text("VendorIdentification", "x"),
            text("AttributeName", &format!("a{number}")),
            json!({"tag": "AttributeValue", "type": "Structure", "value": items}),
        ],
    )
}

#[test]
fn they_end_with_their_client_and_hold_what_they_show() {
    const OBJECTS: usize = 24;
    const AT_ONCE: usize = 4;
    let world = World::new(POLICY);
    let [mut mallory, mut rita] = ["mallory", "rita"].map(|name| world.certificate(name));
    let attributes: Vec<Value> = (0..4).map(heavy).collect();
    for number in 0..OBJECTS {
        let id = format!("k{number:02}");
        mallory.key(&id, &attributes);
        let body = json!({"unique_identifier": id, "user_id": "carol", "reason": "she left"});
        rita.done("/access/recoveries", &body);
        mallory.done("/access/transfer", &offer(&id, "carol"));
    }
    // A changed object is in the cache, where it costs nothing.
    let world = world.restart();
    for (user, path, member) in [
        ("mallory", "/access/offers/made", "offers"),
        ("carol", "/access/offers", "offers"),
        ("rita", "/access/recoveries", "recoveries"),
        ("audrey", "/objects", "objects"),
    ] {
        let mut caller = world.certificate(user);
        let before = world.server.cpu();
        let all = pages(&mut caller, &format!("{path}?"), member, "unique_identifier");
        assert_eq!(all.concat().len(), OBJECTS, "{path}");
        let whole = world.server.cpu() - before;
        // Several lists at one time use memory for the entries that they show, and for the one object that each of them
        // reads.
        world.server.reset_peak();
        let resident = world.server.resident();
        let client = world.server.client(&world.server.place.authority.issue(&Leaf::client(user)));
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| assert_eq!(client.get(path).status, 200));
            }
        });
        let grown = world.server.peak().saturating_sub(resident) >> 20;
        assert!(grown < 10, "{path}: {grown} MiB more");
        // The server stops working on them when their clients have closed the connections, after at most one more
        // object.
        let before = world.server.cpu();
        let mut asking: Vec<_> = (0..AT_ONCE).map(|_| client.connect().unwrap()).collect();
        for connection in &mut asking {
            write!(connection.stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        }
        let shaken = world.server.cpu();
        eventually("they are under way", || (world.server.cpu() - shaken > whole / 10).then_some(()));
        drop(asking);
        let left = world.server.cpu();
        eventually("the work ends", || {
            let (began, before) = (Instant::now(), world.server.cpu());
            thread::park_timeout(Duration::from_millis(200));
            (world.server.cpu() - before < began.elapsed() / 20).then_some(())
        });
        let more = world.server.cpu() - left;
        eprintln!("{path}: {whole:?} for the whole, {more:?} after they left, {grown} MiB more");
        assert!(more < whole, "{path}: {more:?} after they left, {whole:?} for one list ({:?} before)", left - before);
    }
}

/// Reads a list to its end, and returns its pages.
fn pages(caller: &mut Caller, path: &str, member: &str, id: &str) -> Vec<Vec<String>> {
    let (mut pages, mut after) = (Vec::new(), String::new());
    loop {
        let answer = caller.send("GET", &format!("{path}{after}"), None);
        assert_eq!(answer.status, 200, "{path}{after}: {}", answer.body.len());
        let page = answer.json();
        let entries = if member.is_empty() { &page } else { &page[member] }.as_array().unwrap();
        let ids: Vec<String> = entries.iter().map(|entry| entry[id].as_str().unwrap().to_owned()).collect();
        let largest = entries.iter().map(|entry| entry.to_string().len()).max().unwrap_or_default();
        assert!(answer.body.len() < PAGE + largest + 200, "{path}{after}: {}", answer.body.len());
        let last = ids.last().cloned();
        let next = if member.is_empty() { last } else { page["next"].as_str().map(str::to_owned) };
        pages.push(ids);
        match next {
            Some(next) => after = format!("&after={next}"),
            None => return pages,
        }
    }
}

#[test]
fn they_end_by_size_and_go_on_from_there() {
    const OBJECTS: usize = 88;
    let world = World::new(POLICY);
    let [mut alice, mut rita] = ["alice", "rita"].map(|name| world.certificate(name));
    let names: Vec<Value> = (0..32).map(|number| name(&format!("{number:02}{}", "\u{1}".repeat(1020)))).collect();
    let ids: Vec<String> = (0..OBJECTS).map(|number| format!("k{number:02}")).collect();
    for id in &ids {
        alice.key(id, &names);
        assert_eq!(alice.post("/access/grant", &change(id, "bob", &["encrypt"])).status, 200);
        rita.done("/access/recoveries", &json!({"unique_identifier": id, "user_id": "carol", "reason": "she left"}));
        alice.done("/access/transfer", &offer(id, "carol"));
    }
    for (user, path, member, id) in [
        ("carol", "/access/offers", "offers", "unique_identifier"),
        ("alice", "/access/offers/made", "offers", "unique_identifier"),
        ("rita", "/access/recoveries", "recoveries", "unique_identifier"),
        ("audrey", "/objects", "objects", "unique_identifier"),
        ("alice", "/access/owned", "", "object_id"),
        ("bob", "/access/obtained", "", "object_id"),
    ] {
        let caller = &mut world.certificate(user);
        let whole = pages(caller, &format!("{path}?"), member, id);
        assert_eq!(whole.concat(), ids, "{path}");
        assert!(whole.len() >= if path == "/access/obtained" { 1 } else { 4 }, "{path}: {}", whole.len());
        for limit in [7, 1000] {
            let all = pages(caller, &format!("{path}?limit={limit}"), member, id);
            assert_eq!(all.concat(), ids, "{path} {limit}");
            assert!(all.iter().all(|page| page.len() <= limit), "{path} {limit}");
            if limit == 7 {
                assert!(all.iter().rev().skip(2).all(|page| page.len() == limit), "{path} {limit}");
            }
        }
        for limit in ["0", "1001", "-1", "x"] {
            let answer = caller.send("GET", &format!("{path}?limit={limit}"), None);
            assert!(answer.status == 400 && answer.detail().contains("1 to 1000"), "{path} {limit}: {answer:?}");
        }
    }
    for (user, words) in [
        ("carol", &["access-rights", "offers"][..]),
        ("alice", &["access-rights", "offers", "--made"]),
        ("rita", &["access-rights", "recover", "list"]),
        ("audrey", &["objects", "list"]),
        ("alice", &["access-rights", "owned"]),
        ("bob", &["access-rights", "obtained"]),
    ] {
        let cli = Cli::new(&world.server, user, &world.server.place.authority.issue(&Leaf::client(user)));
        assert_eq!(cli.json(words).as_array().unwrap().len(), OBJECTS, "{words:?}");
    }
}

#[test]
fn those_of_administration_are_given_in_pages() {
    const LARGE: usize = 70;
    let world = World::new(POLICY);
    let mut root = world.certificate("root");
    let cli = Cli::new(&world.server, "root", &world.server.place.authority.issue(&Leaf::client("root")));
    assert_eq!(root.define("roles", "r", &json!({"capabilities": [], "policies": []})).status, 200);
    // The largest definition.
    let members: serde_json::Map<String, Value> =
        (0..900).map(|number| (format!("{number:04}{}", "u".repeat(230)), json!("r"))).collect();
    let projects: Vec<String> = (0..LARGE).map(|number| format!("p{number:02}")).collect();
    for project in &projects {
        let answer = root.define("projects", project, &json!({ "members": members }));
        assert_eq!(answer.status, 200, "{}", answer.detail());
    }
    let whole = pages(&mut root, "/access/definitions/projects?", "", "name");
    assert_eq!(whole.concat(), projects);
    assert!(whole.len() >= 4, "{}", whole.len());
    for page in pages(&mut root, "/access/definitions/projects?limit=20", "", "name") {
        assert!(page.len() <= 20);
    }
    assert_eq!(cli.json(&["access-rights", "definitions", "list", "projects"]).as_array().unwrap().len(), LARGE);
    // The dialects use a count and an offset.
    let made: BTreeSet<String> = (0..5)
        .map(|number| {
            let body = json!({"name": format!("i{number}"), "metadata": [{"key": "k", "value": "v"}]});
            let id = root.done("/api/v1/identities", &body)["identity"]["id"].as_str().unwrap().to_owned();
            let attach =
                json!({"configurationType": "jwks", "jwksUrl": "https://issuer.example/k", "boundAudiences": "x"});
            root.done(&format!("/api/v1/auth/jwt-auth/identities/{id}"), &attach);
            root.done(&format!("/api/v2/workspace/p00/identity-memberships/{id}"), &json!({"role": "r"}));
            id
        })
        .collect();
    for (path, member, id) in [
        ("/api/v1/identities", "identities", "id"),
        ("/api/v2/workspace/p00/identity-memberships", "identityMemberships", "identityId"),
    ] {
        let mut found = Vec::new();
        for offset in [0, 2, 4, 6] {
            let page = root.get(&format!("{path}?offset={offset}&limit=2"));
            assert_eq!(page["totalCount"], 5, "{page}");
            found.extend(page[member].as_array().unwrap().iter().map(|own| own[id].as_str().unwrap().to_owned()));
        }
        assert_eq!(found.len(), 5, "{found:?}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), made);
        assert_eq!(root.get(path)[member].as_array().unwrap().len(), 5);
        for query in ["offset=x", "offset=-1", "limit=1001", "limit=x"] {
            assert_eq!(root.send("GET", &format!("{path}?{query}"), None).status, 422, "{path}?{query}");
        }
    }
    assert_eq!(cli.json(&["identities", "list"])["identities"].as_array().unwrap().len(), 5);
    let issuers = pages(&mut root, "/issuers?limit=2", "", "name");
    assert_eq!(issuers.concat().len(), 6, "{issuers:?}");
    assert!(issuers.iter().all(|page| page.len() <= 2), "{issuers:?}");
    assert_eq!(root.send("GET", "/issuers?after=none", None).status, 400);
    assert_eq!(cli.json(&["issuers", "list"]).as_array().unwrap().len(), 6);
    assert_eq!(pages(&mut root, "/access/tokens?limit=3", "", "id"), [[""; 0]]);
}

#[test]
fn a_receiver_has_so_many_offers_and_no_more() {
    let world = World::new(POLICY);
    let mut alice = world.certificate("alice");
    for number in 0..10 {
        alice.key(&format!("k{number}"), &[]);
    }
    let World { server, issuer } = world;
    let options = server.options.clone();
    let (place, _) = server.stop();
    let database = Database::open(place.database()).unwrap();
    // The count is that of the index, without destroyed objects.
    for (prefix, count, expires) in [("open", 998, i64::MAX), ("ended", 50, 1_700_000_000)] {
        let planted = database
            .execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) \
                 INSERT INTO object_pending (subject, object, expires) SELECT 'to:carol', ?1 || i, ?3 FROM n",
                rusqlite::params![prefix, count, expires],
            )
            .unwrap();
        assert_eq!(planted, usize::try_from(count).unwrap());
    }
    drop(database);
    let world = World { server: Server::start_at(place, &options), issuer };
    let [mut alice, mut carol] = ["alice", "carol"].map(|name| world.certificate(name));
    alice.done("/access/transfer", &offer("k0", "carol"));
    // One place is left, for the first caller.
    let statuses: Vec<u16> = thread::scope(|scope| {
        let world = &world;
        let one = |number: usize| {
            scope.spawn(move || {
                world.certificate("alice").post("/access/transfer", &offer(&format!("k{number}"), "carol")).status
            })
        };
        let all: Vec<_> = (1..9).map(one).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 7, "{statuses:?}");
    let told = alice.not_done("/access/transfer", &offer("k9", "carol"), 409);
    assert!(told.contains("1000 pending offers") && told.contains("carol"), "{told}");
    // Offers to other users, and of the same object again, do not count.
    alice.done("/access/transfer", &offer("k9", "dave"));
    alice.done("/access/transfer", &offer("k0", "carol"));
    assert_eq!(carol.get("/access/offers")["offers"].as_array().unwrap().len(), 2);
    carol.done("/access/decline", &json!({"unique_identifier": "k0"}));
    alice.done("/access/transfer", &offer("k9", "carol"));
}

#[test]
fn an_owner_gives_so_much_to_one_user_and_to_everyone() {
    let world = World::new(POLICY);
    let mut alice = world.certificate("alice");
    for number in 0..3 {
        alice.key(&format!("k{number}"), &[]);
    }
    let World { server, issuer } = world;
    let options = server.options.clone();
    let (place, _) = server.stop();
    let database = Database::open(place.database()).unwrap();
    // The counts are those of the indexes.
    database
        .execute_batch(
            "PRAGMA foreign_keys = OFF; \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99) \
             INSERT INTO object_pending (subject, object, expires) \
             SELECT subject, 'x' || i, 9000000000000 FROM n, (SELECT 'to:carol' AS subject UNION SELECT 'by:alice'); \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999) \
             INSERT INTO object_grantee (grantee, number) SELECT 'everyone:alice', 1000000 + i FROM n",
        )
        .unwrap();
    drop(database);
    let world = World { server: Server::start_at(place, &options), issuer };
    let [mut alice, mut bob, mut root] = ["alice", "bob", "root"].map(|name| world.certificate(name));
    alice.done("/access/transfer", &offer("k0", "carol"));
    let told = alice.not_done("/access/transfer", &offer("k1", "carol"), 409);
    assert!(told.contains("you have 100 pending offers") && told.contains("carol"), "{told}");
    alice.done("/access/transfer", &offer("k1", "dave"));
    bob.key("b", &[]);
    bob.done("/access/transfer", &offer("b", "carol"));

    alice.grant("k0", "*", &["get_attributes"]);
    alice.grant("k0", "*", &["encrypt"]);
    let told = alice.not_done("/access/grant", &change("k1", "*", &["encrypt"]), 422);
    assert!(told.contains("1000 objects") && told.contains("granted to everyone"), "{told}");
    alice.grant("k1", "bob", &["encrypt"]);
    alice.take_back("k0", "*", &["encrypt", "get_attributes"]);
    alice.grant("k1", "*", &["encrypt"]);
    // Neither other owners nor administrators are concerned.
    bob.grant("b", "*", &["encrypt"]);
    root.key("r", &[]);
    root.grant("r", "*", &["encrypt"]);
}
